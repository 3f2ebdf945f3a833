"""What many people choose lately, counted as events come in: needs no training, and knows new items at once."""

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penchant.core.clock import DAY
from penchant.core.types import Candidates, FloatArray, IntArray, Jagged, LongArray, Queries
from penchant.index.exact import top_n
from penchant.index.hide import hide

BLOCK = 2**24  # scores at once: bounds memory
TIE = 1e-6  # what the most frequent item of all times gets on top, so that old items keep an order


@dataclass(frozen=True)
class _Counts:
    decayed: NDArray[np.float64]  # [n_items] events, each halved per half-life before `until`
    total: NDArray[np.float64]  # [n_items] all events
    until: int  # UTC µs, the latest event counted


class Trending:
    """Events an item, each weighing 2^(−age ÷ half-life), age being counted from the latest event; all times break ties.

    The order is the same whatever moment ages are counted from, so that a data set of long ago has trends too. Safe to
    use from any number of threads.
    """

    def __init__(self, half_life_days: float | None = None) -> None:
        """Without a half-life all events count the same."""
        self._half_life_days = half_life_days
        self._counts = _Counts(np.zeros(0), np.zeros(0), 0)
        self._adding = threading.Lock()

    @property
    def n_items(self) -> int:
        """Items counted so far, by code."""
        return len(self._counts.total)

    def add(self, items: IntArray, timestamps: LongArray, *, n_items: int) -> None:
        """Count further events; `n_items` is the size of the catalogue by now. Unknown items do not count."""
        known = (items >= 0) & (items < n_items)
        items, timestamps = items[known], timestamps[known]
        with self._adding:
            old = self._counts
            until = max(old.until, int(timestamps.max(initial=0)))
            weights = self._weights(until - timestamps) if len(items) else np.zeros(0)
            decayed = _grown(old.decayed, n_items) * self._weights(np.array([until - old.until]))
            decayed += np.bincount(items, weights=weights, minlength=n_items)
            total = _grown(old.total, n_items) + np.bincount(items, minlength=n_items)
            self._counts = _Counts(decayed, total, until)

    def start(self, decayed: FloatArray, until: int) -> None:
        """Begin with what somebody else counted up to the time `until`; forgets what was added before."""
        counts = decayed.astype(np.float64)
        with self._adding:
            self._counts = _Counts(counts, counts, until)

    def recommend(self, queries: Queries, n: int, *, exclude_seen: bool = True) -> Candidates:
        """The `n` items with the highest counts that each request may get."""
        scores = self._scores()
        step = max(1, BLOCK // max(1, len(scores)))
        rows, values = [], []
        for start in range(0, len(queries), step):
            part = queries.take(np.arange(start, min(start + step, len(queries)), dtype=np.int64))
            block = np.tile(scores, (len(part), 1))
            hide(block, part, exclude_seen=exclude_seen)
            best, found = top_n(block, n)
            rows += [best.row(b) for b in range(len(part))]
            values.append(found)
        return Candidates.of(Jagged.of(rows), np.concatenate(values) if values else None)

    def score(self, queries: Queries, candidates: Candidates) -> FloatArray:
        """[L] the count of each candidate, whoever asks; an unknown item = −inf."""
        scores = self._scores()
        result = np.full(len(candidates.items), -np.inf, dtype=np.float32)
        known = (candidates.items >= 0) & (candidates.items < len(scores))
        result[known] = scores[candidates.items[known]]
        return result

    def _scores(self) -> FloatArray:
        counts = self._counts
        most = max(1.0, float(counts.total.max(initial=0.0)))
        return (counts.decayed + counts.total * (TIE / most)).astype(np.float32)

    def _weights(self, age: LongArray) -> NDArray[np.float64]:
        if self._half_life_days is None:
            return np.ones(len(age))
        return np.exp2(-age / (self._half_life_days * DAY))


def _grown(counts: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    return np.concatenate([counts, np.zeros(max(0, size - len(counts)))])
