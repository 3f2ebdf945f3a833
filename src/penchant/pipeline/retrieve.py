"""Finding candidates: by a model, by likeness to seeds, by words, or from a list that the caller gave.

A retriever may also have `excuse(queries)`, which says for each request why it cannot answer it; the trace and the answer's
`fallback_reason` then say so.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from penchant.core.protocols import Retriever, Scorer
from penchant.core.types import Candidates, FloatArray, IntArray, Jagged, LongArray, Queries, offsets_of, rows_of
from penchant.pipeline.filters import Allowed, Excluded, Seen, pair_keys

NO_HISTORY = "no history"
UNKNOWN_HISTORY = "no known item in the history"
SEEDS_UNKNOWN = "the model has learned nothing about these items"
NO_MATCH = "nothing matches these words"

TIES = 1e-6  # a model that counts adds at most this for popularity, to order what it has no evidence for

Search = Callable[[str, int], Sequence[tuple[int, float]]]  # words, n → (item code, score), best first
Describe = Callable[[int], Sequence[str]]  # item code → the words that say what it is, the most telling first


@runtime_checkable
class Excusing(Protocol):
    """A component that knows when it has nothing to say."""

    def excuse(self, queries: Queries) -> Sequence[str | None]:
        """[B] why it cannot answer each request; None where it can."""
        ...


class Model(Retriever, Scorer, Protocol):
    """What a trained model can do for a pipeline."""

    @property
    def n_items(self) -> int:
        """Item codes below it are known to the model."""
        ...


class FromModel:
    """A model's best items for requests that have a history which it can see."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def excuse(self, queries: Queries) -> list[str | None]:
        """`NO_HISTORY` where there is none, `UNKNOWN_HISTORY` where the model knows nothing of it."""
        past = queries.keep_events(queries.timestamps <= np.repeat(queries.at, np.diff(queries.offsets)))
        each = zip(_with_history(queries, self._model.n_items), np.diff(past.offsets), strict=True)
        return [None if known else UNKNOWN_HISTORY if length else NO_HISTORY for known, length in each]

    def recommend(self, queries: Queries, n: int, *, exclude_seen: bool = True) -> Candidates:
        """The model's best `n`; nothing for a request without a visible history."""
        rows = np.flatnonzero(_with_history(queries, self._model.n_items))
        if len(rows) == len(queries):
            return self._model.recommend(queries, n, exclude_seen=exclude_seen)
        return spread(self._model.recommend(queries.take(rows), n, exclude_seen=exclude_seen), rows, len(queries))

    def score(self, queries: Queries, candidates: Candidates) -> FloatArray:
        """The model's scores."""
        return self._model.score(queries, candidates)


class SimilarItems(FromModel):
    """Items that the history (here: the seeds, see `SeedsAsHistory`) really moves up.

    A model fills its list with what is popular where the history says nothing; such items are not similar. Kept is what
    scores higher with the history than without it, and higher than `TIES` where the model says nothing without one.
    """

    def excuse(self, queries: Queries) -> list[str | None]:
        """`SEEDS_UNKNOWN` where the model sees no history."""
        return [None if seen else SEEDS_UNKNOWN for seen in _with_history(queries, self._model.n_items)]

    def recommend(self, queries: Queries, n: int, *, exclude_seen: bool = True) -> Candidates:
        """The model's best `n`, less those that score no higher than they would without the history."""
        found = super().recommend(queries, n, exclude_seen=exclude_seen)
        without = self._model.score(queries.keep_events(np.zeros(len(queries.items), dtype=bool)), found)
        return found.keep(found.scores > np.where(np.isfinite(without), without, TIES))


class FromWords:
    """Items whose words match the request's text."""

    def __init__(self, search: Search) -> None:
        self._search = search

    def excuse(self, queries: Queries) -> list[str | None]:
        """`NO_MATCH` where no item matches."""
        return [None if text and self._search(text, 1) else NO_MATCH for text in _texts(queries)]

    def recommend(self, queries: Queries, n: int, *, exclude_seen: bool = True) -> Candidates:
        """The `n` best matches, in the order of the search."""
        hidden = _hidden_count(queries)
        found = [self._search(text, n + hidden) if text else () for text in _texts(queries)]
        return _obedient(_scored(found), queries, exclude_seen=exclude_seen).first(n)


class LikeWords:
    """Items that say the same as the seeds: titles, categories and other words in common, rare words counting more."""

    def __init__(self, describe: Describe, search: Search, *, most_words: int = 16, depth: int = 100) -> None:
        """At most `most_words` words of a seed are searched, each for `depth` items."""
        self._describe, self._search = describe, search
        self._most_words, self._depth = most_words, depth

    def recommend(self, queries: Queries, n: int, *, exclude_seen: bool = True) -> Candidates:
        """The `n` items that share most with the seeds, seeds left out."""
        found = [self._alike(queries.seeds.row(b)) if queries.seeds is not None else () for b in range(len(queries))]
        return _obedient(_scored(found), queries, exclude_seen=exclude_seen).sorted().first(n)

    def _alike(self, seeds: IntArray) -> list[tuple[int, float]]:
        total: dict[int, float] = {}
        for seed in dict.fromkeys(seeds.tolist()):
            for word in list(dict.fromkeys(self._describe(seed)))[: self._most_words]:
                for item, score in self._search(word, self._depth):
                    total[item] = total.get(item, 0.0) + score
        for seed in seeds.tolist():
            total.pop(seed, None)
        return list(total.items())


class Given:
    """The list that the request is about, in its order: for scenarios that only put a list in order."""

    def recommend(self, queries: Queries, n: int, *, exclude_seen: bool = True) -> Candidates:
        """The first `n` of the request's seeds, each once."""
        if queries.seeds is None:
            return empty(len(queries))
        rows = [list(dict.fromkeys(queries.seeds.row(b).tolist())) for b in range(len(queries))]
        scores = [np.arange(len(row), 0, -1, dtype=np.float32) for row in rows]
        found = Candidates.of(Jagged.of(rows), np.concatenate(scores) if scores else None)
        return _obedient(found, queries, exclude_seen=exclude_seen).first(n)


class Missing:
    """Stands where a model should be that is not there."""

    def __init__(self, why: str) -> None:
        """`why` it is not there, and how to mend it."""
        self._why = why

    def excuse(self, queries: Queries) -> list[str | None]:
        """Why it is not there."""
        return [self._why] * len(queries)

    def recommend(self, queries: Queries, n: int, *, exclude_seen: bool = True) -> Candidates:
        """Nothing."""
        return empty(len(queries))

    def score(self, queries: Queries, candidates: Candidates) -> FloatArray:
        """[L] −inf: it cannot say."""
        return np.full(len(candidates.items), -np.inf, dtype=np.float32)


def merge(found: Mapping[str, Candidates]) -> Candidates:
    """The candidates of all retrievers, each (request, item) once, `source` = place of the retriever that found it first.

    One retriever's scores stay as they are. Scores of several cannot be compared, so there a candidate gets the sum of
    1 / (60 + place) over their lists (Cormack, Clarke and Büttcher, "Reciprocal rank fusion", SIGIR 2009, section 2).
    """
    lists = list(found.values())
    rows = np.concatenate([rows_of(each.offsets) for each in lists])
    items = np.concatenate([each.items for each in lists])
    scores = np.concatenate([each.scores if len(lists) == 1 else _reciprocal(each) for each in lists])
    source = np.concatenate([np.full(len(each.items), place, np.int16) for place, each in enumerate(lists)])
    _, first, inverse = np.unique(pair_keys(rows, items), return_index=True, return_inverse=True)
    if len(lists) > 1:
        scores = np.bincount(inverse, weights=scores, minlength=len(first)).astype(np.float32)[inverse]
    keep = np.zeros(len(items), dtype=bool)
    keep[first] = True
    keep &= items >= 0
    order = np.flatnonzero(keep)
    order = order[np.argsort(rows[order], kind="stable")]
    lengths = np.bincount(rows[order], minlength=len(lists[0]))
    return Candidates(items[order], scores[order], source[order], offsets_of(lengths))


def spread(candidates: Candidates, rows: LongArray, size: int) -> Candidates:
    """Lists for the requests `rows` as lists for all `size` requests, the others empty."""
    lengths = np.zeros(size, dtype=np.int64)
    lengths[rows] = np.diff(candidates.offsets)
    return Candidates(candidates.items, candidates.scores, candidates.source, offsets_of(lengths), candidates.columns)


def empty(size: int) -> Candidates:
    """No candidates for `size` requests."""
    return Candidates.of(Jagged(np.zeros(0, np.int32), np.zeros(size + 1, np.int64)))


def _reciprocal(candidates: Candidates) -> FloatArray:
    places = np.arange(len(candidates.items)) - np.repeat(candidates.offsets[:-1], np.diff(candidates.offsets))
    return (1.0 / (61.0 + places)).astype(np.float32)


def _with_history(queries: Queries, n_items: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    lengths: LongArray = np.diff(queries.visible(n_items).offsets)
    return lengths > 0


def _texts(queries: Queries) -> tuple[str, ...]:
    return queries.texts or ("",) * len(queries)


def _scored(found: Sequence[Sequence[tuple[int, float]]]) -> Candidates:
    scores = np.array([score for row in found for _, score in row], dtype=np.float32)
    return Candidates.of(Jagged.of([[item for item, _ in row] for row in found]), scores)


def _obedient(candidates: Candidates, queries: Queries, *, exclude_seen: bool) -> Candidates:
    """What the retriever's contract leaves of `candidates`."""
    keep = Allowed().keep(queries, candidates) & Excluded().keep(queries, candidates)
    return candidates.keep(keep & Seen().keep(queries, candidates) if exclude_seen else keep)


def _hidden_count(queries: Queries) -> int:
    """How many matches a search may find in vain, at most: what is excluded or seen."""
    excluded = 0 if queries.excluded is None else int(np.diff(queries.excluded.offsets).max(initial=0))
    return excluded + int(np.diff(queries.offsets).max(initial=0))
