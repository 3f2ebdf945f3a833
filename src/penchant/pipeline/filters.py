"""What a request must not get. Each filter narrows the search itself where it can, and then checks what came back.

The first keeps a narrow filter from starving the answer; the second holds even for a retriever that ignores the first, and
is where the trace learns what was removed, and why.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from penchant.core.types import BoolArray, Candidates, Jagged, LongArray, Queries, offsets_of, rows_of


class Seen:
    """Leaves out what the request's history holds. The search is told by `exclude_seen`."""

    why = "already in the history"

    def keep(self, queries: Queries, candidates: Candidates) -> BoolArray:
        """[L] false for items of the visible history."""
        seen = queries.visible(np.iinfo(np.int32).max)
        return ~_listed(candidates, Jagged(seen.items, seen.offsets))


class Available:
    """Leaves out what cannot be had now."""

    why = "not available"

    def __init__(self, available: Callable[[], BoolArray]) -> None:
        """`available()` is the mask over all item codes as of now."""
        self._available = available

    def prepare(self, queries: Queries) -> Queries:
        """The same requests, allowed only what is available."""
        mask = self._available()
        if queries.allowed is not None:
            size = min(len(mask), len(queries.allowed))
            mask = mask[:size] & queries.allowed[:size]
        return replace(queries, allowed=mask)

    def keep(self, queries: Queries, candidates: Candidates) -> BoolArray:
        """[L] true for items that are known and available."""
        return _inside(candidates, self._available())


class Allowed:
    """Leaves out what the request does not allow."""

    why = "not allowed by the request"

    def keep(self, queries: Queries, candidates: Candidates) -> BoolArray:
        """[L] true for allowed items; everything where the request names none."""
        if queries.allowed is None:
            return np.ones(len(candidates.items), dtype=bool)
        return _inside(candidates, queries.allowed)


class Excluded:
    """Leaves out what the request excludes."""

    why = "excluded by the request"

    def keep(self, queries: Queries, candidates: Candidates) -> BoolArray:
        """[L] false for excluded items."""
        return _kept(candidates, queries.excluded)


class Seeds:
    """Leaves out the items that the request is about: a page does not recommend its own product."""

    why = "the request is about it"

    def prepare(self, queries: Queries) -> Queries:
        """The same requests, their seeds excluded from the search."""
        if queries.seeds is None or not len(queries.seeds.values):
            return queries
        return replace(queries, excluded=joined(queries.excluded, queries.seeds))

    def keep(self, queries: Queries, candidates: Candidates) -> BoolArray:
        """[L] false for seeds."""
        return _kept(candidates, queries.seeds)


def joined(first: Jagged | None, second: Jagged) -> Jagged:
    """Row by row the values of both."""
    if first is None:
        return second
    rows = np.concatenate([rows_of(first.offsets), rows_of(second.offsets)])
    order = np.argsort(rows, kind="stable")
    lengths = np.diff(first.offsets) + np.diff(second.offsets)
    return Jagged(np.concatenate([first.values, second.values])[order], offsets_of(lengths))


def pair_keys(rows: LongArray, items: np.ndarray[tuple[int], np.dtype[np.int32]]) -> LongArray:
    """[L] one number for each (request, item)."""
    return (rows << 32) + items


def _kept(candidates: Candidates, without: Jagged | None) -> BoolArray:
    if without is None:
        return np.ones(len(candidates.items), dtype=bool)
    return ~_listed(candidates, without)


def _listed(candidates: Candidates, lists: Jagged) -> BoolArray:
    """[L] whether each candidate is in its request's list."""
    keys = pair_keys(rows_of(candidates.offsets), candidates.items)
    return np.isin(keys, pair_keys(rows_of(lists.offsets), lists.values))


def _inside(candidates: Candidates, mask: BoolArray) -> BoolArray:
    known = (candidates.items >= 0) & (candidates.items < len(mask))
    keep = np.zeros(len(known), dtype=bool)
    keep[known] = mask[candidates.items[known]]
    return keep
