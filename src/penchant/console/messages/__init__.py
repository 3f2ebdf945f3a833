"""The console's words, one JSON file a language; all files have the same keys."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

LANGUAGES = {"en": "English", "zh": "中文"}


class Words:
    """Words of one language: `words("greeting", name="Ada")`."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts = texts_of(language)

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key with its places filled; the result is plain text, not markup."""
        return self._texts[key].format_map(values)

    def has(self, key: str) -> bool:
        """Whether there is such a text."""
        return key in self._texts


@cache
def texts_of(language: str) -> Mapping[str, str]:
    """All texts of a language."""
    texts: Mapping[str, str] = json.loads(files(__name__).joinpath(f"{language}.json").read_text(encoding="utf-8"))
    return texts


def choose(chosen: str, accepted: str) -> str:
    """The chosen language where it is one of ours, else the one that an Accept-Language header likes best, else English."""
    if chosen in LANGUAGES:
        return chosen
    liked = sorted((_wish(part) for part in accepted.split(",")[:20]), key=lambda wish: -wish[1])
    return next((language for language, weight in liked if weight > 0 and language in LANGUAGES), "en")


def _wish(part: str) -> tuple[str, float]:
    tag, _, rest = part.strip().partition(";")
    try:
        weight = float(rest.partition("q=")[2] or 1)
    except ValueError:
        weight = 0.0
    return tag.strip().lower().partition("-")[0], weight
