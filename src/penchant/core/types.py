"""The types that flow between layers: jagged lists, queries and candidates. Codes inside, ids only at the borders.

A code is an int32 position in a vocabulary; −1 means unknown. Times are UTC int64 µs. Nothing here is ever padded, and
nothing is changed after it was made.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]
LongArray = NDArray[np.int64]
SmallArray = NDArray[np.int16]
BoolArray = NDArray[np.bool_]

UNKNOWN = -1

SLAB = 2**16  # elements that are counted at once


def offsets_of(lengths: NDArray[Any]) -> LongArray:
    """[B+1] offsets of rows with these lengths. `Any`: every integer type is welcome."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def narrow(offsets: NDArray[Any]) -> NDArray[Any]:
    """The same offsets, as int32 where the last allows it: sparse matrices keep columns as wide as offsets. `Any`: int32 or int64."""
    return offsets.astype(np.int32, copy=False) if offsets[-1] < 2**31 else offsets


def rows_of(offsets: LongArray) -> LongArray:
    """[L] the row that each element of a jagged array belongs to."""
    return np.repeat(np.arange(len(offsets) - 1, dtype=np.int64), np.diff(offsets))


def lengths_kept(offsets: LongArray | IntArray, keep: BoolArray) -> LongArray:
    """[B] how many elements of each row of a jagged array are where `keep` [L] is true; takes no memory an element."""
    lengths = np.zeros(len(offsets) - 1, np.int64)
    some = np.flatnonzero(np.diff(offsets))
    slabs = np.searchsorted(offsets[some], np.arange(SLAB, len(keep), SLAB))
    for rows in np.split(some, slabs):
        if len(rows):
            start, stop = offsets[rows[0]], offsets[rows[-1] + 1]
            lengths[rows] = np.add.reduceat(keep[start:stop], offsets[rows] - start, dtype=np.int64)  # makes all of it int64
    return lengths


def gather_rows(offsets: LongArray, rows: LongArray) -> tuple[LongArray, LongArray]:
    """For the chosen rows of a jagged array: the positions of their elements [L'], and their new offsets [R+1]."""
    lengths = np.diff(offsets)[rows]
    taken = offsets_of(lengths)
    positions = np.arange(taken[-1], dtype=np.int64) + np.repeat(offsets[rows] - taken[:-1], lengths)
    return positions, taken


def chosen(codes: SmallArray | None, which: LongArray | BoolArray) -> SmallArray | None:
    """The codes at these positions, or where a mask is true; None of None."""
    return None if codes is None else codes[which]


def among(wanted: LongArray, known: LongArray) -> BoolArray:
    """[L] whether each of `wanted` is one of the ascending `known`; a search, where `np.isin` would sort both together."""
    if not len(known):
        return np.zeros(len(wanted), dtype=bool)
    found: BoolArray = known[np.minimum(np.searchsorted(known, wanted), len(known) - 1)] == wanted
    return found


@dataclass(frozen=True)
class Jagged:
    """B lists of codes end to end: row b is `values[offsets[b]:offsets[b + 1]]`."""

    values: IntArray  # [L]
    offsets: LongArray  # [B+1]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @classmethod
    def of(cls, rows: Sequence[Sequence[int] | NDArray[Any]]) -> "Jagged":
        """From one list a row. `Any`: every integer type is welcome."""
        values = np.concatenate([np.asarray(row, dtype=np.int32) for row in rows]) if rows else np.zeros(0, np.int32)
        return cls(values, offsets_of(np.array([len(row) for row in rows], dtype=np.int64)))

    def row(self, b: int) -> IntArray:
        """The codes of row `b`."""
        return self.values[self.offsets[b] : self.offsets[b + 1]]

    def take(self, rows: LongArray) -> "Jagged":
        """The chosen rows, in the given order."""
        positions, offsets = gather_rows(self.offsets, rows)
        return Jagged(self.values[positions], offsets)


@dataclass(frozen=True)
class Queries:
    """B requests. A model answers from the history *as of `at`*, not from a user id, so new users, live sessions and replay
    are one case. History events are in time order; those later than `at` and unknown items are invisible to models."""

    users: IntArray  # [B], −1 = a user the vocabulary does not know
    offsets: LongArray  # [B+1] into the history arrays
    items: IntArray  # [T]
    event_types: SmallArray  # [T]
    values: FloatArray  # [T], NaN where an event has none
    timestamps: LongArray  # [T]
    at: LongArray  # [B], the time of each request
    scenario: str = ""  # the place that is asked for; "" = not told
    scenarios: SmallArray | None = None  # [T] the place where each event happened, −1 = not told; None = of none
    seeds: Jagged | None = None  # items that the request is about: the product page's product, the cart
    texts: tuple[str, ...] = ()  # [B] query texts, or none
    allowed: BoolArray | None = None  # [n_items], shared by all requests; None = everything
    excluded: Jagged | None = None  # items that each request must not get
    context: dict[str, Any] = field(default_factory=dict)  # free, from the caller of the API, hence `Any`

    def __len__(self) -> int:
        return len(self.users)

    @classmethod
    def of(
        cls,
        histories: Sequence[Sequence[int] | NDArray[Any]],
        *,
        users: Sequence[int] | None = None,
        timestamps: Sequence[Sequence[int] | NDArray[Any]] | None = None,
        at: Sequence[int] | int | None = None,
        **rest: Any,
    ) -> "Queries":
        """From one list of item codes a request. Times default to 0, 1, 2 … µs, `at` to just after the last event.

        `Any`: integer arrays of every width; `rest` goes to the fields of the same names.
        """
        history = Jagged.of(histories)
        size, total = len(histories), len(history.values)
        if timestamps is None:
            times = np.arange(total, dtype=np.int64) - np.repeat(history.offsets[:-1], np.diff(history.offsets))
        else:
            times = np.concatenate([np.asarray(row, dtype=np.int64) for row in timestamps]) if size else np.zeros(0, np.int64)
        if at is None:
            lengths = np.diff(history.offsets)
            moments = np.zeros(size, dtype=np.int64)
            moments[lengths > 0] = times[history.offsets[1:][lengths > 0] - 1] + 1
        else:
            moments = np.broadcast_to(np.asarray(at, dtype=np.int64), (size,)).copy()
        return cls(
            users=np.full(size, UNKNOWN, np.int32) if users is None else np.asarray(users, dtype=np.int32),
            offsets=history.offsets,
            items=history.values,
            event_types=np.zeros(total, np.int16),
            values=np.full(total, np.nan, np.float32),
            timestamps=times,
            at=moments,
            **rest,
        )

    def history(self, b: int) -> IntArray:
        """The item codes of request `b`, oldest first."""
        return self.items[self.offsets[b] : self.offsets[b + 1]]

    def take(self, rows: LongArray) -> "Queries":
        """The chosen requests, in the given order."""
        positions, offsets = gather_rows(self.offsets, rows)
        return replace(
            self,
            users=self.users[rows],
            offsets=offsets,
            items=self.items[positions],
            event_types=self.event_types[positions],
            values=self.values[positions],
            timestamps=self.timestamps[positions],
            at=self.at[rows],
            scenarios=chosen(self.scenarios, positions),
            seeds=None if self.seeds is None else self.seeds.take(rows),
            texts=tuple(self.texts[int(row)] for row in rows) if self.texts else (),
            excluded=None if self.excluded is None else self.excluded.take(rows),
        )

    def keep_events(self, keep: BoolArray) -> "Queries":
        """The same requests with only the history events where `keep` [T] is true."""
        if keep.all():
            return self
        return replace(
            self,
            offsets=offsets_of(lengths_kept(self.offsets, keep)),
            items=self.items[keep],
            event_types=self.event_types[keep],
            values=self.values[keep],
            timestamps=self.timestamps[keep],
            scenarios=chosen(self.scenarios, keep),
        )

    def visible(self, n_items: int) -> "Queries":
        """What a model of `n_items` items may see: nothing after `at`, no unknown item."""
        in_time = self.timestamps <= np.repeat(self.at, np.diff(self.offsets))
        return self.keep_events(in_time & (self.items >= 0) & (self.items < n_items))

    def last(self, max_len: int) -> "Queries":
        """The same requests with at most the last `max_len` history events each."""
        ends = np.repeat(self.offsets[1:], np.diff(self.offsets))
        return self.keep_events(np.arange(len(self.items)) >= ends - max_len)


@dataclass(frozen=True)
class Candidates:
    """B lists of scored items end to end: the one thing that flows through a pipeline."""

    items: IntArray  # [L]
    scores: FloatArray  # [L], higher is better
    source: SmallArray  # [L], which retriever found it
    offsets: LongArray  # [B+1]
    columns: dict[str, NDArray[Any]] = field(default_factory=dict)  # [L] each; any further facts, hence `Any`

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @classmethod
    def of(cls, items: Jagged, scores: FloatArray | None = None, source: int = 0) -> "Candidates":
        """From lists of items; scores default to 0."""
        total = len(items.values)
        filled = np.zeros(total, np.float32) if scores is None else scores.astype(np.float32, copy=False)
        return cls(items.values, filled, np.full(total, source, np.int16), items.offsets)

    def row(self, b: int) -> IntArray:
        """The item codes of list `b`, in its order."""
        return self.items[self.offsets[b] : self.offsets[b + 1]]

    def row_scores(self, b: int) -> FloatArray:
        """The scores of list `b`, in its order."""
        return self.scores[self.offsets[b] : self.offsets[b + 1]]

    def keep(self, keep: BoolArray) -> "Candidates":
        """Only the candidates where `keep` [L] is true; order and number of lists stay."""
        if keep.all():
            return self
        return Candidates(
            self.items[keep],
            self.scores[keep],
            self.source[keep],
            offsets_of(lengths_kept(self.offsets, keep)),
            {name: column[keep] for name, column in self.columns.items()},
        )

    def with_scores(self, scores: FloatArray) -> "Candidates":
        """The same candidates, scored anew, in the same order."""
        return replace(self, scores=scores.astype(np.float32, copy=False))

    def sorted(self) -> "Candidates":
        """Each list best first; ties by item code, non-finite scores last."""
        scores = np.where(np.isfinite(self.scores), self.scores, -np.inf)
        order = np.lexsort((self.items, -scores, rows_of(self.offsets)))
        return Candidates(
            self.items[order],
            self.scores[order],
            self.source[order],
            self.offsets,
            {name: column[order] for name, column in self.columns.items()},
        )

    def first(self, n: int) -> "Candidates":
        """At most the first `n` of each list."""
        starts = np.repeat(self.offsets[:-1], np.diff(self.offsets))
        return self.keep(np.arange(len(self.items)) - starts < n)
