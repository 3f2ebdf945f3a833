"""A cover for an item that has none: a quiet drawing made of its id and title, always the same. SVG without styles or requests."""

from functools import lru_cache
from hashlib import blake2b
from html import escape

from markupsafe import Markup

WIDTH, HEIGHT = 160, 200


@lru_cache(maxsize=4096)
def cover(item_id: str, title: str) -> Markup:
    """The drawing; decoration only, so hidden from screen readers."""
    seed = blake2b(item_id.encode(), digest_size=8).digest()
    hue = int.from_bytes(seed[:2], "big") % 360
    ground, near, far = f"hsl({hue} 38% 34%)", f"hsl({(hue + 28) % 360} 52% 56%)", f"hsl({(hue + 320) % 360} 44% 46%)"
    marks = _MOTIFS[seed[2] % len(_MOTIFS)](seed, near, far)
    letters = escape(initials(title))
    return Markup(
        f'<svg class="cover" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="xMidYMid slice" aria-hidden="true" focusable="false">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{ground}"/>{marks}'
        f'<text x="14" y="{HEIGHT - 16}" font-size="30" font-family="Georgia, serif" fill="#fff" fill-opacity="0.94">{letters}</text></svg>'
    )


def initials(title: str) -> str:
    """The first letters of the first two words; of Chinese words, the first two characters."""
    words = [word for word in title.split() if word[0].isalnum()] or [title.strip() or "·"]
    if not words[0].isascii():
        return words[0][:2]
    return "".join(word[0] for word in words[:2]).upper()


def _sun(seed: bytes, near: str, far: str) -> str:
    x, y, r = 30 + seed[3] % 100, 40 + seed[4] % 70, 34 + seed[5] % 34
    return (
        f'<circle cx="{x}" cy="{y}" r="{r}" fill="{near}"/><rect y="{y + 8}" width="{WIDTH}" height="{HEIGHT}" fill="{far}" opacity="0.7"/>'
    )


def _hills(seed: bytes, near: str, far: str) -> str:
    a, b = 60 + seed[3] % 60, 90 + seed[4] % 60
    return (
        f'<circle cx="{120 - seed[5] % 80}" cy="46" r="18" fill="#fff" fill-opacity="0.7"/>'
        f'<path d="M0 {a + 40}Q50 {a - 20} 100 {a + 30}T220 {a + 10}V200H0Z" fill="{far}"/>'
        f'<path d="M0 {b + 20}Q40 {b + 60} 90 {b + 10}T200 {b + 40}V200H0Z" fill="{near}" opacity="0.85"/>'
    )


def _arches(seed: bytes, near: str, far: str) -> str:
    x = 20 + seed[3] % 120
    rings = (96, 74, 52, 30)
    return "".join(
        f'<circle cx="{x}" cy="{HEIGHT - 40}" r="{r}" fill="{near if k % 2 else far}" opacity="{0.55 + k * 0.12:.2f}"/>'
        for k, r in enumerate(rings)
    )


def _bands(seed: bytes, near: str, far: str) -> str:
    lean = seed[3] % 60 - 30
    return "".join(f'<path d="M{-40 + k * 46 + lean} 0h22l60 200h-22Z" fill="{near if k % 2 else far}" opacity="0.8"/>' for k in range(5))


def _halves(seed: bytes, near: str, far: str) -> str:
    y, r = 70 + seed[3] % 30, 44 + seed[4] % 14
    turn = seed[5] % 4 * 45
    return (
        f'<g transform="rotate({turn} 80 {y})"><path d="M{80 - r} {y}a{r} {r} 0 0 1 {2 * r} 0Z" fill="{near}"/>'
        f'<path d="M{80 - r} {y + 6}a{r} {r} 0 0 0 {2 * r} 0Z" fill="{far}"/></g>'
    )


_MOTIFS = (_sun, _hills, _arches, _bands, _halves)
