"""Sparse matrices that the counting models share: histories as rows, the k best of each row, saving."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from penchant.core.artifact import Arrays
from penchant.core.clock import DAY
from penchant.core.types import BoolArray, FloatArray, LongArray, Queries, lengths_kept, narrow, offsets_of, rows_of
from penchant.data import Dataset
from penchant.index.exact import top_n

# A block of a product stays below this many stored values, so that memory does not grow with the catalogue. In work one takes up to
# 150 bytes: 2^22 instead of 2^24 took 280 instead of 650 MB for item-kNN over 10,000 items, and no more time.
BLOCK = 2**22

SAMPLE = 200  # rows that a guess about all of them looks at


def compressed(data: NDArray[Any], columns: NDArray[Any], offsets: NDArray[Any], shape: tuple[int, int]) -> sparse.csr_array:
    """[shape] row r stores `data[offsets[r]:offsets[r + 1]]` in its `columns`, which take four bytes each where they can.

    A matrix of one kind of columns is copied to be multiplied by one of the other. `Any`: every type of number is welcome.
    """
    offsets = narrow(offsets)
    return sparse.csr_array((data, columns.astype(offsets.dtype, copy=False), offsets), shape=shape)


def stacked(blocks: Iterable[sparse.csr_array], n_columns: int) -> sparse.csr_array:
    """Blocks of rows one below the other, as float32. What is stacked grows where it is, so that it never exists twice."""
    data, columns, lengths = np.empty(0, np.float32), np.empty(0, np.int32), [np.zeros(0, np.int64)]
    for block in blocks:
        size = len(data)
        for array in (data, columns):
            array.resize(size + block.nnz, refcheck=False)
        data[size:], columns[size:] = block.data, block.indices
        lengths.append(np.diff(block.indptr))
    offsets = offsets_of(np.concatenate(lengths))
    return compressed(data, columns, offsets, (len(offsets) - 1, n_columns))


def met(dataset: Dataset) -> sparse.csr_array:
    """[n_users, n_items] float32: 1 where the user ever met the item, however often."""
    matrix = dataset.interactions.matrix(dataset.n_items)
    matrix.data[:] = 1
    return matrix


def histories(queries: Queries, n_items: int, weights: FloatArray | None = None) -> sparse.csr_array:
    """[B, n_items] float32: what each request's history holds, an item once, with the weight [T] of its latest event or 1."""
    keys = rows_of(queries.offsets) * n_items + queries.items
    _, backwards = np.unique(keys[::-1], return_index=True)  # first in reversed order = latest event; sorted by (row, item)
    latest = len(keys) - 1 - backwards
    data = np.ones(len(latest), np.float32) if weights is None else weights[latest].astype(np.float32, copy=False)
    offsets = offsets_of(np.bincount(rows_of(queries.offsets)[latest], minlength=len(queries)))
    return compressed(data, queries.items[latest], offsets, (len(queries), n_items))


def events_back(queries: Queries) -> LongArray:
    """[T] how many events of the same history came after each event; 0 = the last."""
    return np.repeat(queries.offsets[1:], np.diff(queries.offsets)) - 1 - np.arange(len(queries.items), dtype=np.int64)


def fading(queries: Queries, recency: float, half_life_days: float | None = None) -> FloatArray | None:
    """[T] weights (1 + k)^−`recency` · 2^(−age ÷ half-life) of the events k back in their history; None = all the same.

    The age is counted from the moment of the request. Beyond 100 half-lives nothing ages any more, so that no weight becomes 0.
    """
    if not recency and half_life_days is None:
        return None
    weights = (1.0 + events_back(queries)) ** -recency
    if half_life_days is not None:
        age = (np.repeat(queries.at, np.diff(queries.offsets)) - queries.timestamps) / (half_life_days * DAY)
        weights *= np.exp2(-np.minimum(age, 100))
    faded: FloatArray = weights.astype(np.float32)
    return faded


def best_of_rows(matrix: sparse.csr_array, k: int) -> sparse.csr_array:
    """Each row's `k` greatest stored values, ties by lower column. `matrix` must have sorted indices.

    Rows of similar length are padded to the longest of them, so the cost follows the stored values, not the columns.
    """
    lengths = np.diff(matrix.indptr).astype(np.int64)
    keep = np.ones(matrix.nnz, dtype=bool)
    long = np.flatnonzero(lengths > k)
    for rows in even_blocks(long, lengths):
        _drop_all_but(keep, matrix, rows, k)
    return _only(matrix, keep)


def even_blocks(rows: LongArray, lengths: LongArray, size: int = BLOCK) -> Iterator[LongArray]:
    """`rows`, none of them empty, shortest first, in blocks that padding neither doubles nor lets grow beyond `size` values."""
    rows = rows[np.argsort(lengths[rows], kind="stable")]
    start = 0
    while start < len(rows):
        shortest = int(lengths[rows[start]])
        stop = start + int(np.searchsorted(lengths[rows[start:]], 2 * shortest, side="right"))
        stop = min(stop, start + max(1, size // (2 * shortest)))
        yield rows[start:stop]
        start = stop


def _drop_all_but(keep: BoolArray, matrix: sparse.csr_array, rows: LongArray, k: int) -> None:
    starts, lengths = matrix.indptr[rows].astype(np.int64), np.diff(matrix.indptr)[rows].astype(np.int64)
    real = np.arange(lengths.max()) < lengths[:, None]  # [R, L]
    positions = (starts[:, None] + np.arange(lengths.max()))[real]
    padded = np.full(real.shape, -np.inf, dtype=matrix.dtype)
    padded[real] = matrix.data[positions]
    best, _ = top_n(padded, k)
    keep[positions] = False
    keep[starts[rows_of(best.offsets)] + best.values] = True


def _only(matrix: sparse.csr_array, keep: BoolArray) -> sparse.csr_array:
    offsets = offsets_of(lengths_kept(matrix.indptr, keep))
    return compressed(matrix.data[keep], matrix.indices[keep], offsets, matrix.shape)


def product_blocks(left: sparse.csr_array, right: sparse.csr_array) -> Iterator[tuple[LongArray, sparse.csr_array]]:
    """`left @ right` in blocks of rows (rows, block), each with sorted indices and a bounded number of values."""
    reach = np.minimum(_reach(left, right), right.shape[1])
    total = np.cumsum(reach)
    start = 0
    while start < left.shape[0]:
        before = total[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(total, before + BLOCK, side="right")))
        block = left[start:stop] @ right
        block.sort_indices()
        yield np.arange(start, stop, dtype=np.int64), block
        start = stop


def evenly(n_rows: int) -> LongArray:
    """Some of so many rows, for a guess about all: one at least, and few enough to cost next to nothing."""
    step = max(64, n_rows // SAMPLE)
    return np.arange(min(step // 2, n_rows - 1), n_rows, step)


def at_least(stored: NDArray[Any], n_rows: int) -> int:
    """How many values `n_rows` rows store at the least, as far as some of them tell: the mean less three standard errors.

    A few rows that are much longer than the others make it 0 rather than too much. `Any`: every integer type is welcome.
    """
    return int(n_rows * max(0, stored.mean() - 3 * stored.std() / np.sqrt(len(stored)))) if len(stored) > 1 else 0


def _reach(left: sparse.csr_array, right: sparse.csr_array) -> LongArray:
    """[rows of left] at most how many values each row of the product stores."""
    pattern = sparse.csr_array((np.ones(left.nnz), left.indices, left.indptr), shape=left.shape)
    return (pattern @ np.diff(right.indptr)).astype(np.int64)


def pack(name: str, matrix: sparse.csr_array) -> Arrays:
    """A sparse matrix as plain arrays."""
    shape = np.array(matrix.shape, dtype=np.int64)
    return {
        f"{name}.data": matrix.data,
        f"{name}.indices": matrix.indices,
        f"{name}.indptr": matrix.indptr,
        f"{name}.shape": shape,
    }


def unpack(name: str, arrays: Arrays) -> sparse.csr_array:
    """The inverse of `pack`; columns that were saved in eight bytes take four again."""
    rows, columns = arrays[f"{name}.shape"]
    return compressed(arrays[f"{name}.data"], arrays[f"{name}.indices"], arrays[f"{name}.indptr"], (int(rows), int(columns)))


def popularity(dataset: Dataset) -> FloatArray:
    """[n_items] float32 from 0 to one millionth: breaks ties by popularity and orders what the history says nothing about."""
    counts = np.bincount(dataset.interactions.items, minlength=dataset.n_items).astype(np.float32)
    counts *= np.float32(1e-6) / counts.max()
    return counts
