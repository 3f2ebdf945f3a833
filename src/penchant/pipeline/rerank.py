"""The order of the final list, beyond each item's own score."""

from collections.abc import Callable, Sequence

import numpy as np

from penchant.core.types import Candidates, FloatArray, IntArray, LongArray, Queries

Categories = Callable[[IntArray], Sequence[frozenset[str]]]  # item codes → the categories of each


class Diverse:
    """Maximal marginal relevance over categories: each next item is good, and unlike those before it.

    Next is the item with the greatest (1 − weight) · relevance − weight · overlap, where relevance falls evenly from 1 to 0 with
    the place in the list and overlap is the largest Jaccard index of its categories with those of a chosen item. Scores stay.

    Reference: Carbonell and Goldstein, "The use of MMR, diversity-based reranking …", SIGIR 1998, section 2.
    Cost: O(candidates²) a request.
    """

    def __init__(self, categories: Categories, *, weight: float) -> None:
        """`weight` from 0 (order as it is) to 1 (variety only)."""
        self._categories, self._weight = categories, weight

    def rerank(self, queries: Queries, candidates: Candidates) -> Candidates:
        """The same candidates in a more varied order."""
        order = [start + self._order(candidates.row(b)) for b, start in enumerate(candidates.offsets[:-1])]
        chosen = np.concatenate(order) if order else np.zeros(0, np.int64)
        return Candidates(
            candidates.items[chosen],
            candidates.scores[chosen],
            candidates.source[chosen],
            candidates.offsets,
            {name: column[chosen] for name, column in candidates.columns.items()},
        )

    def _order(self, items: IntArray) -> LongArray:
        overlap = _jaccard(self._categories(items))
        value = (1 - self._weight) * np.linspace(1, 0, len(items))
        nearest = np.zeros(len(items))
        order = np.empty(len(items), dtype=np.int64)
        for place in range(len(items)):
            best = int(np.argmax(value - self._weight * nearest))
            order[place] = best
            value[best] = -np.inf
            nearest = np.maximum(nearest, overlap[best])
        return order


def _jaccard(categories: Sequence[frozenset[str]]) -> FloatArray:
    """[N, N] shared categories ÷ all categories of each pair; 0 where neither has any."""
    names = {name: place for place, name in enumerate(sorted(frozenset().union(*categories)))}
    has = np.zeros((len(categories), len(names)), dtype=np.float32)
    for row, each in enumerate(categories):
        has[row, [names[name] for name in each]] = 1
    shared = has @ has.T
    sizes = has.sum(axis=1)
    either = sizes[:, None] + sizes[None, :] - shared
    overlap: FloatArray = (shared / np.maximum(either, 1)).astype(np.float32)
    return overlap
