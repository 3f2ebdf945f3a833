"""Text to search words, the same for titles and for queries, in any language.

NFKC and case folding · Latin, Greek and Cyrillic letters without diacritics (é → e, ø → o, ß → ss)
a run of letters and digits is one word
scripts written without spaces (Chinese, Japanese, Thai …) and Korean: every character, and every pair of neighbours, so
that a word of two characters is found wherever it stands
a pictogram (☕, 🍕) is a word of its own; everything else separates
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice, pairwise

MAX_QUERY_CHARACTERS = 1_000
MAX_QUERY_WORDS = 64

_DIACRITICS = re.compile("[\u0300-\u036f]+")
_UNDECOMPOSED = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i"})
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
    "\U00020000-\U0003ffff"
)
_PICTOGRAMS = "\u2600-\u27bf\U0001f300-\U0001faff"
# Vowel signs and points of Hebrew, Arabic and the Indic scripts belong to their word, though \w leaves them out.
_SIGNS = "\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
_WORD = re.compile(f"(?P<run>[{_UNSPACED}]+)|[{_PICTOGRAMS}]|(?:(?![{_UNSPACED}])[^\\W_]|[{_SIGNS}])+")


def fold(text: str) -> str:
    """`text` with the differences removed that a search should not see."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", _DIACRITICS.sub("", folded)).translate(_UNDECOMPOSED)


def words(text: str) -> Iterator[str]:
    """The words that `text` can be found by."""
    for match in _WORD.finditer(fold(text)):
        yield from _of_run(match[0]) if match["run"] else (match[0],)


def query(text: str) -> list[str]:
    """FTS5 terms that ask for the words of `text`, each quoted; the last one by its beginning where it may be unfinished.

    A term holds letters, digits and pictograms only, so nothing in `text` can act as query syntax.
    """
    folded = fold(text[:MAX_QUERY_CHARACTERS])
    terms: list[str] = []
    for match in islice(_WORD.finditer(folded), MAX_QUERY_WORDS):
        if match["run"]:
            pairs = [left + right for left, right in pairwise(match[0])]
            terms += [f'"{pair}"' for pair in pairs or [match[0]]]
        else:
            unfinished = match.end() == len(folded) and match[0][-1].isalnum()
            terms.append(f'"{match[0]}"*' if unfinished else f'"{match[0]}"')
    return list(dict.fromkeys(terms[:MAX_QUERY_WORDS]))


def _of_run(run: str) -> Iterator[str]:
    yield from run
    for left, right in pairwise(run):
        yield left + right
