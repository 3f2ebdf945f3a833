"""Where the targets stand among all items: what rank-based metrics need, from the scores of the whole catalogue."""

import numpy as np

from penchant.core.types import BoolArray, FloatArray, Jagged, LongArray, Queries, among, rows_of
from penchant.metrics.ranking import Values


def beaten(scores: FloatArray, targets: Jagged, seen: Jagged | None) -> Values:
    """[B] mean over a request's targets of the share of competitors that score lower, ties counting half.

    Competitors are the items that are neither targets nor seen; `seen` None = nothing is held back. A target that was seen, or
    is unknown to the model, loses to all. NaN where there is no competitor. `scores` [B, N] holds −inf for what may not be
    recommended, and is overwritten: copy it first.
    """
    rows = rows_of(targets.offsets)
    reachable = targets.values < scores.shape[1]
    if seen is not None:
        reachable &= ~in_rows(targets, seen)
    held_back = np.zeros(len(targets), np.int64) if seen is None else distinct_lengths(seen)  # −inf, so lower, and no competitors
    competitors = scores.shape[1] - held_back - np.bincount(rows[reachable], minlength=len(targets))
    wanted = np.full(len(rows), -np.inf, dtype=scores.dtype)
    wanted[reachable] = scores[rows[reachable], targets.values[reachable]]
    count = _counted if len(rows) == len(targets) and (np.diff(targets.offsets) == 1).all() else _sorted
    lower, not_higher = count(scores, targets, wanted, reachable)
    below = (np.maximum(0, lower - held_back[rows]) + np.maximum(0, not_higher - held_back[rows])) / 2
    below[~reachable] = 0
    counts = competitors[rows]
    shares = np.divide(below, counts, out=np.full(len(rows), np.nan), where=counts > 0)
    result: Values = np.bincount(rows, weights=shares, minlength=len(targets)) / np.diff(targets.offsets)
    return result


def _counted(scores: FloatArray, _targets: Jagged, wanted: FloatArray, reachable: BoolArray) -> tuple[LongArray, LongArray]:
    """How many items score lower than each target [L], and how many not higher, other targets left out: one target a request."""
    lower = np.count_nonzero(scores < wanted[:, None], axis=1)
    return lower, lower + np.count_nonzero(scores == wanted[:, None], axis=1) - reachable


def _sorted(scores: FloatArray, targets: Jagged, wanted: FloatArray, reachable: BoolArray) -> tuple[LongArray, LongArray]:
    """The same where requests have many targets: each row is sorted once."""
    rows = rows_of(targets.offsets)
    scores[rows[reachable], targets.values[reachable]] = np.nan  # a target is no competitor of another
    scores.sort(axis=1)  # NaN last
    lower, not_higher = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    for b in range(len(targets)):
        mine = slice(targets.offsets[b], targets.offsets[b + 1])
        others = scores[b, : scores.shape[1] - np.count_nonzero(reachable[mine])]
        lower[mine] = np.searchsorted(others, wanted[mine], side="left")
        not_higher[mine] = np.searchsorted(others, wanted[mine], side="right")
    return lower, not_higher


def seen_of(queries: Queries, n_items: int) -> Jagged:
    """The items of each request's visible history, repeats included."""
    visible = queries.visible(n_items)
    return Jagged(visible.items, visible.offsets)


def in_rows(lists: Jagged, others: Jagged) -> BoolArray:
    """[L] whether each element of a list is also in the same request's other list."""
    n_codes = _n_codes(lists, others)
    return among(_keys(lists, n_codes), np.sort(_keys(others, n_codes)))


def distinct(lists: Jagged) -> Jagged:
    """Each list's different codes, ascending."""
    n_codes = _n_codes(lists)
    keys = np.sort(_keys(lists, n_codes))
    keys = keys[np.diff(keys, prepend=-1) > 0]  # np.unique hashes: fifteen times slower on a million keys
    return Jagged((keys % n_codes).astype(np.int32), np.searchsorted(keys, np.arange(len(lists) + 1) * n_codes))


def distinct_lengths(lists: Jagged) -> LongArray:
    """[B] different codes of each list."""
    return np.diff(distinct(lists).offsets)


def _n_codes(*lists: Jagged) -> int:
    return 1 + max(int(each.values.max(initial=0)) for each in lists)


def _keys(lists: Jagged, n_codes: int) -> LongArray:
    """[L] one number for each pair of request and item."""
    return rows_of(lists.offsets) * n_codes + lists.values
