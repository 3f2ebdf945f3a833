"""Diversity: how different from each other the items of one list are."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from penchant.core.types import BoolArray, IntArray, offsets_of
from penchant.metrics.ranking import Ranking, Values

# Lists are added up in blocks of about this many stored values, so that memory does not grow with the requests.
BLOCK = 2**23

# Of so few different items all pairs are computed once and looked up: 20 times faster for lists of best sellers.
FEW_ITEMS = 1_024


def diversity(ranking: Ranking) -> Values:
    """Mean dissimilarity of the pairs of items within a list.

    mean over pairs of 1 − cosine of their item vectors, from 0 (all alike) to 1 (nothing in common); items without a vector are
    unlike everything. NaN for a list of fewer than two. [B].
    Source: Smyth and McClave, "Similarity vs. diversity", ICCBR 2001; Ziegler et al., WWW 2005 (intra-list similarity).
    """
    vectors = ranking.facts.vectors
    shown = np.flatnonzero(np.bincount(ranking.items[ranking.items >= 0], minlength=vectors.shape[0]))
    if len(shown) <= FEW_ITEMS:
        codes = np.searchsorted(shown, ranking.items)
        alike = (vectors[shown] @ vectors[shown].T).toarray()
        blocks = [_looked_up(ranking.items[rows], codes[rows], alike) for rows in _blocks(np.full(len(ranking), ranking.places**2))]
    else:
        sizes = np.append(np.diff(vectors.indptr), 0)  # the last one for places left empty
        blocks = [_added_up(ranking.items[rows], vectors) for rows in _blocks(sizes[ranking.items].sum(axis=1))]
    return np.concatenate(blocks)


def _blocks(sizes: NDArray[np.int64]) -> list[slice]:
    """Consecutive requests [B] of together about BLOCK values, at least one a block."""
    ends = np.cumsum(sizes)
    result, start = [], 0
    while start < len(sizes):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + BLOCK, side="right")))
        result.append(slice(start, stop))
        start = stop
    return result or [slice(0, 0)]


def _looked_up(items: IntArray, codes: NDArray[np.int64], alike: NDArray[np.float64]) -> Values:
    """[B] from the likeness of every pair of codes."""
    real = items >= 0
    codes = np.where(real, codes, 0)
    pairs = real[:, :, None] & real[:, None, :] & ~np.eye(items.shape[1], dtype=bool)
    if not alike.size:
        return np.full(len(items), np.nan)
    return _unlike((alike[codes[:, :, None], codes[:, None, :]] * pairs).sum(axis=(1, 2)), real)


def _added_up(items: IntArray, vectors: sparse.csr_array) -> Values:
    """The sum over pairs of products is (|sum of vectors|² − sum of |vectors|²) / 2."""
    real = items >= 0
    lengths = real.sum(axis=1)
    chosen = items[real]
    lists = sparse.csr_array((np.ones(len(chosen)), chosen, offsets_of(lengths)), shape=(len(items), vectors.shape[0]))
    totals = lists @ vectors
    norms = lists @ (np.diff(vectors.indptr) > 0).astype(np.float64)  # unit rows: 1 where there is a vector
    squares = np.bincount(np.repeat(np.arange(len(items)), np.diff(totals.indptr)), weights=totals.data**2, minlength=len(items))
    return _unlike(squares - norms, real)


def _unlike(alike: Values, real: BoolArray) -> Values:
    """[B] mean distance from the summed likeness of all ordered pairs."""
    pairs = real.sum(axis=1) * (real.sum(axis=1) - 1)
    result: Values = 1 - np.divide(alike, pairs, out=np.full(len(alike), np.nan), where=pairs > 0)
    return np.clip(result, 0.0, 1.0)
