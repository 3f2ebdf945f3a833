"""Rows without times: their order in the file is the time, unless it is the order of the ids, which says nothing about time."""

import numpy as np
import polars as pl

from penchant.core import columns
from penchant.core.random import generator
from penchant.core.types import LongArray

SORTED = 0.99  # share of each next item of the same user with a higher id, from which on a file is sorted
LEAST = 50  # pairs of items that tell


def is_sorted(frame: pl.DataFrame) -> bool | None:
    """Whether each user's items stand in the order of their ids, numbers by size, words by letters; None = too few rows to tell."""
    users, items = frame[columns.USER_ID], frame[columns.ITEM_ID]
    same = (users == users.shift()).fill_null(value=False)
    if int(same.sum()) < LEAST or frame.filter(same)[columns.USER_ID].n_unique() < LEAST // 5:
        return None
    numbers = items.cast(pl.Int64, strict=False)
    ids = items if numbers.null_count() else numbers
    return float((ids > ids.shift()).filter(same).mean() or 0.0) >= SORTED  # type: ignore[arg-type]  # of booleans


def drawn(frame: pl.DataFrame) -> pl.DataFrame:
    """The same rows, each user's times dealt out anew by lot: the same lot for the same rows of a file."""
    times = frame[columns.TIMESTAMP].to_numpy()
    users: LongArray = frame[columns.USER_ID].rank("dense").to_numpy().astype(np.int64)
    lots = generator(0, f"order of rows from {times[0] if len(times) else 0}").random(len(frame))
    dealt = np.empty_like(times)
    dealt[np.lexsort((lots, users))] = times[np.lexsort((times, users))]
    return frame.with_columns(pl.Series(columns.TIMESTAMP, dealt))
