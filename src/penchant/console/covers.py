"""A cover for an item that has none: a quiet drawing made of its id and title, always the same. SVG without styles or requests."""

from functools import lru_cache
from hashlib import blake2b
from html import escape

from markupsafe import Markup

WIDTH, HEIGHT = 160, 200

PALETTES = (  # ground, accent, middle tone; chosen to look well side by side, and for white letters on the first and last
    ("#233d4d", "#f2a268", "#4f8577"),
    ("#5b2a3c", "#e6a57e", "#a84d63"),
    ("#1f4e4a", "#e9c46a", "#4b8f80"),
    ("#33305c", "#e8a7a0", "#6662a6"),
    ("#63391f", "#f0c987", "#b4632f"),
    ("#2f4858", "#f3b27c", "#55869f"),
    ("#3d4a2a", "#dfce86", "#7a8a4e"),
    ("#4a2545", "#f2b8a0", "#8f527d"),
    ("#1d3557", "#f1e3c8", "#c8553d"),
    ("#444a57", "#f2d0a4", "#6f7c98"),
    ("#7a2e2e", "#f4c9a0", "#c05a42"),
    ("#12403a", "#f3e2b3", "#3a8562"),
)


@lru_cache(maxsize=4096)
def cover(item_id: str, title: str) -> Markup:
    """The drawing; decoration only, so hidden from screen readers."""
    seed = blake2b(item_id.encode(), digest_size=8).digest()
    ground, accent, middle = PALETTES[seed[0] % len(PALETTES)]
    marks = _MOTIFS[seed[2] % len(_MOTIFS)](seed, accent, middle)
    letters = escape(initials(title))
    return Markup(
        f'<svg class="cover" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="xMidYMid slice" aria-hidden="true" focusable="false">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{ground}"/>{marks}'
        f'<text x="14" y="{HEIGHT - 16}" font-size="30" font-family="Georgia, serif" fill="#fff" fill-opacity="0.94">{letters}</text></svg>'
    )


def initials(title: str) -> str:
    """The first letters of the first two words; of a script without capitals, such as Chinese, the first two characters."""
    words = [word for word in title.split() if word[0].isalnum()] or [title.strip() or "·"]
    if not words[0].isascii() and words[0].upper() == words[0].lower():
        return words[0][:2]
    return "".join(word[0] for word in words[:2]).upper()


def _sun(seed: bytes, accent: str, middle: str) -> str:
    x, y, r = 30 + seed[3] % 100, 50 + seed[4] % 60, 26 + seed[5] % 26
    disc = f'<circle cx="{x}" cy="{y}" r="{r}" fill="{accent}"/>'
    return f'{disc}<rect y="{y + 8}" width="{WIDTH}" height="{HEIGHT}" fill="{middle}" opacity="0.9"/>'


def _hills(seed: bytes, accent: str, middle: str) -> str:
    a, b = 60 + seed[3] % 40, 110 + seed[4] % 40
    return (
        f'<circle cx="{120 - seed[5] % 80}" cy="46" r="18" fill="{accent}"/>'
        f'<path d="M0 {a + 40}Q50 {a - 20} 100 {a + 30}T220 {a + 10}V200H0Z" fill="{middle}" opacity="0.65"/>'
        f'<path d="M0 {b + 10}Q40 {b + 50} 90 {b}T200 {b + 30}V200H0Z" fill="{middle}"/>'
    )


def _arches(seed: bytes, accent: str, middle: str) -> str:
    x, y = 30 + seed[3] % 100, 40 + seed[4] % 50
    rings = "".join(f'<circle cx="{x}" cy="{y}" r="{r}" fill="{middle}" opacity="0.38"/>' for r in (96, 72, 48))
    return f'{rings}<circle cx="{x}" cy="{y}" r="22" fill="{accent}"/>'


def _bands(seed: bytes, accent: str, middle: str) -> str:
    lean, light = seed[3] % 60 - 30, 2 + seed[4] % 3
    return "".join(f'<path d="M{-40 + k * 46 + lean} 0h20l60 200h-20Z" fill="{accent if k == light else middle}"/>' for k in range(5))


def _halves(seed: bytes, accent: str, middle: str) -> str:
    y, r = 70 + seed[3] % 24, 42 + seed[4] % 14
    turn = seed[5] % 4 * 45
    return (
        f'<g transform="rotate({turn} 80 {y})"><path d="M{80 - r} {y}a{r} {r} 0 0 1 {2 * r} 0Z" fill="{accent}"/>'
        f'<path d="M{80 - r} {y + 6}a{r} {r} 0 0 0 {2 * r} 0Z" fill="{middle}"/></g>'
    )


_MOTIFS = (_sun, _hills, _arches, _bands, _halves)
