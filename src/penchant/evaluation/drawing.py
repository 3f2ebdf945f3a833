"""The few marks that charts are made of, as SVG text. Everything that comes from outside is escaped here.

Colours are attributes, text and lines take the colour of the page, so a chart looks right in light and dark, needs no style sheet
and passes a content security policy that forbids inline styles.
"""

import math
import re
from collections.abc import Sequence
from html import escape

WIDTH = 480  # of the view box; text of 13 stays readable when a phone shrinks it
CHAR = 7.0  # mean width of a character at that size

MUTED = 0.62  # opacity of what is not data
FAINT = 0.16  # of grid lines


def svg(height: float, marks: Sequence[str], *, title: str, description: str) -> str:
    """A chart that scales to its place, with its title and its content in words for those who cannot see it."""
    key = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "chart"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {WIDTH} {number(height)}" width="100%" role="img" '
        f'aria-labelledby="{key}-title {key}-text" font-family="inherit" font-size="13" fill="currentColor">'
    )
    said = f'<title id="{key}-title">{escape(title)}</title><desc id="{key}-text">{escape(description)}</desc>'
    return head + said + "".join(marks) + "</svg>"


def text(x: float, y: float, words: str, *, anchor: str = "start", muted: bool = False, bold: bool = False, size: int = 13) -> str:
    """Words whose middle line is at `y`."""
    look = (
        (f' opacity="{MUTED}"' if muted else "") + (' font-weight="700"' if bold else "") + (f' font-size="{size}"' if size != 13 else "")
    )
    return f'<text x="{number(x)}" y="{number(y)}" dy="0.35em" text-anchor="{anchor}"{look}>{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, *, colour: str = "currentColor", width: float = 1, opacity: float = 1) -> str:
    """A straight line."""
    return (
        f'<line x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}" stroke="{colour}" '
        f'stroke-width="{number(width)}" opacity="{number(opacity)}" stroke-linecap="round"/>'
    )


def path(points: Sequence[tuple[float, float]], *, colour: str, width: float = 2) -> str:
    """A line through points."""
    joined = " ".join(f"{number(x)},{number(y)}" for x, y in points)
    return f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="{number(width)}" stroke-linejoin="round"/>'


def bar(x: float, y: float, width: float, height: float, *, colour: str, note: str) -> str:
    """A horizontal bar; `note` is shown where the pointer rests."""
    size = f'width="{number(max(0.5, width))}" height="{number(height)}" rx="3"'
    return f'<rect x="{number(x)}" y="{number(y)}" {size} fill="{colour}" fill-opacity="0.85"><title>{escape(note)}</title></rect>'


def dot(x: float, y: float, radius: float, *, colour: str, note: str) -> str:
    """A point; `note` is shown where the pointer rests."""
    return f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(radius)}" fill="{colour}"><title>{escape(note)}</title></circle>'


def legend(names: Sequence[str], colours: Sequence[str], y: float) -> tuple[list[str], float]:
    """Coloured dots with names, in as many rows as they need, and the `y` below them."""
    marks, x = [], 4.0
    for name, colour in zip(names, colours, strict=True):
        shown = shorten(name, 24)
        needed = 20 + CHAR * len(shown) + 14
        if x > 4 and x + needed > WIDTH:
            x, y = 4.0, y + 20
        marks += [f'<circle cx="{number(x + 6)}" cy="{number(y)}" r="5" fill="{colour}"/>', text(x + 16, y, shown)]
        x += needed
    return marks, y + 20


def number(value: float) -> str:
    """A coordinate, as short as it is exact enough."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def shorten(words: str, length: int) -> str:
    """At most `length` characters."""
    return words if len(words) <= length else words[: length - 1] + "…"


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round numbers from at most `low` to at least `high`."""
    span = high - low if high > low else abs(high) or 1.0
    rough = span / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil((low + span) / step - 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def written(value: float, step: float) -> str:
    """A tick's label with as many decimals as its step needs."""
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    while decimals < 6 and abs(round(step, decimals) - step) > step * 1e-6:
        decimals += 1
    return f"{value:,.{decimals}f}"
