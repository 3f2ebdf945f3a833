"""The console's words, one JSON file a language; all files have the same keys.

What the API says in sentences of its own, such as a verdict or why a step of cleaning did what it did, is English. `zh.phrases.json`
holds the phrases that these are made of; what is not in it stays as it is.
"""

import json
import re
from collections.abc import Mapping, Sequence
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

    def said(self, text: str) -> str:
        """A sentence of the API in this language, as far as its phrases are known."""
        text = text.replace("\N{NO-BREAK SPACE}", " ")
        for phrase, translation in phrases_of(self.language):
            text = phrase.sub(translation, text)
        return text

    def has(self, key: str) -> bool:
        """Whether there is such a text."""
        return key in self._texts


@cache
def texts_of(language: str) -> Mapping[str, str]:
    """All texts of a language."""
    texts: Mapping[str, str] = json.loads(files(__name__).joinpath(f"{language}.json").read_text(encoding="utf-8"))
    return texts


@cache
def phrases_of(language: str) -> Sequence[tuple[re.Pattern[str], str]]:
    """Phrases of the API as patterns, and what `re.sub` makes of them; the longest first, since it may hold others."""
    file = files(__name__).joinpath(f"{language}.phrases.json")
    phrases: Mapping[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    longest_first = sorted(phrases.items(), key=lambda pair: -len(pair[0]))
    return [(re.compile(_pattern(phrase)), re.sub(r"{(\w+)}", r"\\g<\1>", text)) for phrase, text in longest_first]


def _pattern(phrase: str) -> str:
    """A phrase whose places in braces hold anything, the last one all that is left where nothing follows it."""
    places = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", re.escape(phrase))
    return f"{places}$" if phrase.endswith("}") else places


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
