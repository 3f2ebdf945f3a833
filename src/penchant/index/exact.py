"""Exact top-n of a block of scores, ties by item code."""

import numpy as np

from penchant.core.types import FloatArray, Jagged, LongArray, offsets_of


def top_n(scores: FloatArray, n: int) -> tuple[Jagged, FloatArray]:
    """For each row of `scores` [B, N] its best `n` columns, best first, and their scores [L].

    Ties go to the lower column. Columns that are −inf or NaN never appear, so a row may be shorter than `n`.
    Does not change `scores`.
    """
    rows, n_columns = scores.shape
    n = min(n, n_columns)
    if rows == 0 or n <= 0:
        return Jagged(np.zeros(0, np.int32), np.zeros(rows + 1, np.int64)), np.zeros(0, np.float32)
    best = _best_columns(scores, n)  # [B, n], ascending columns
    values = np.take_along_axis(scores, best, axis=1)
    values = np.where(np.isnan(values), -np.inf, values)
    order = np.argsort(-values, axis=1, kind="stable")
    best, values = np.take_along_axis(best, order, axis=1), np.take_along_axis(values, order, axis=1)
    real = values > -np.inf
    return Jagged(best[real].astype(np.int32), offsets_of(real.sum(axis=1))), values[real].astype(np.float32, copy=False)


def _best_columns(scores: FloatArray, n: int) -> LongArray:
    """[B, n] the columns of each row's n greatest values, ascending; the lowest columns among ties at the border."""
    n_columns = scores.shape[1]
    if n == n_columns:
        return np.broadcast_to(np.arange(n_columns), scores.shape).astype(np.int64)
    finite = np.where(np.isnan(scores), -np.inf, scores) if np.isnan(scores).any() else scores
    border = np.partition(finite, n_columns - n, axis=1)[:, n_columns - n]
    chosen = finite >= border[:, None]
    surplus = np.count_nonzero(chosen, axis=1) - n
    for row in np.flatnonzero(surplus):  # more than n columns reach the border value: the highest codes that equal it are left out
        equal = np.flatnonzero(finite[row] == border[row])
        chosen[row, equal[-surplus[row] :]] = False
    best: LongArray = np.flatnonzero(chosen).reshape(-1, n) % n_columns
    return best
