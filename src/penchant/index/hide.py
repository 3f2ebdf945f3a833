"""What a request must not get, taken out of its scores before the best are chosen, so that a narrow filter starves no answer."""

import numpy as np

from penchant.core.types import FloatArray, IntArray, LongArray, Queries, rows_of


def hide(scores: FloatArray, queries: Queries, *, exclude_seen: bool) -> None:
    """Set to −inf, in place, what a request must not get: not allowed, excluded and, if asked, already seen."""
    n_items = scores.shape[1]
    if queries.allowed is not None:
        allowed = np.zeros(n_items, dtype=bool)
        known = queries.allowed[:n_items]
        allowed[: len(known)] = known
        scores[:, ~allowed] = -np.inf
    if queries.excluded is not None:
        _hide_pairs(scores, rows_of(queries.excluded.offsets), queries.excluded.values)
    if exclude_seen:
        seen = queries.visible(n_items)
        _hide_pairs(scores, rows_of(seen.offsets), seen.items)


def _hide_pairs(scores: FloatArray, rows: LongArray, items: IntArray) -> None:
    known = (items >= 0) & (items < scores.shape[1])
    scores[rows[known], items[known]] = -np.inf
