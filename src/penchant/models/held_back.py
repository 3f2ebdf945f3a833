"""Requests whose outcome is known, taken out of the data that a blend learns from: what its members are weighed by."""

import numpy as np

from penchant.core.types import FloatArray, LongArray, Queries, rows_of
from penchant.data import Dataset

SHARE = 0.05  # of the events at most, where there are many
SMALL_SHARE, FEW = 0.2, 100  # where that is less than `FEW` events, up to so many, but no more than this share
PARTS = 10  # no basket takes more than one of so many parts of all that is held back


def hold_back(dataset: Dataset, limit: int) -> Dataset:
    """`dataset` with targets: what at most `limit` people did last, those last seen, if they did something before it.

    They are asked about a moment close to now, as live requests are, and by turns in two ways, for a live request may come in the
    middle of a basket or before the next one. Of one it is the last event, in file order where times are equal; of the other all
    that has the time of the last event, unless that is everything or too much. Without baskets the two are the same.
    """
    events, budget = dataset.interactions, _budget(dataset.n_events)
    some = np.flatnonzero(events.lengths)
    ends = np.zeros(dataset.n_users, np.int64)
    ends[some] = events.timestamps[events.offsets[1:][some] - 1]
    at_the_end = events.timestamps == ends[events.users]
    baskets = np.bincount(events.users[at_the_end], minlength=dataset.n_users)
    able = np.flatnonzero(events.lengths > 1)
    latest = able[np.argsort(-ends[able], kind="stable")][:limit]
    whole = np.zeros(dataset.n_users, dtype=bool)
    whole[latest[::2]] = True
    whole &= (baskets < events.lengths) & (baskets <= max(1, budget // PARTS))
    sizes = np.where(whole, baskets, 1)
    asked = latest[np.cumsum(sizes[latest]) <= budget]
    targets = np.zeros(dataset.n_events, dtype=bool)
    targets[events.offsets[1:][asked] - 1] = True
    taken = np.zeros(dataset.n_users, dtype=bool)
    taken[asked] = whole[asked]
    return dataset.marked(targets | (at_the_end & taken[events.users]))


def sittings(requests: Queries) -> tuple[FloatArray, float]:
    """([B] 1 where a request comes within the sitting of its last event, else 0; µs from one sitting to the next, half of it).

    Requests have the time of what was done next, as `hold_back` leaves it: within a sitting, a basket for example, that of the last event.
    """
    gaps = np.diff(requests.timestamps)[np.diff(rows_of(requests.offsets)) == 0]
    gaps = gaps[gaps > 0]
    return (since_last(requests) == 0).astype(np.float32), float(np.median(gaps) / 2) if len(gaps) else 0.0


def since_last(requests: Queries) -> LongArray:
    """[B] µs from the last event of each history to the request; −1 without a history."""
    some = np.diff(requests.offsets) > 0
    gaps = np.full(len(requests), -1, np.int64)
    gaps[some] = requests.at[some] - requests.timestamps[requests.offsets[1:][some] - 1]
    return gaps


def _budget(n_events: int) -> int:
    """Events that may be held back."""
    return int(max(SHARE * n_events, min(SMALL_SHARE * n_events, FEW)))
