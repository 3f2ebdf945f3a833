"""Diversity: how different from each other the items of one list are."""

import numpy as np
from scipy import sparse

from penchant.core.types import IntArray, offsets_of
from penchant.metrics.ranking import Ranking, Values

# Lists are added up in blocks of about this many stored values, so that memory does not grow with the requests.
BLOCK = 2**23


def diversity(ranking: Ranking) -> Values:
    """Mean dissimilarity of the pairs of items within a list.

    mean over pairs of 1 − cosine of their item vectors, from 0 (all alike) to 1 (nothing in common); items without a vector are
    unlike everything. NaN for a list of fewer than two. [B].
    Source: Smyth and McClave, "Similarity vs. diversity", ICCBR 2001; Ziegler et al., WWW 2005 (intra-list similarity).
    """
    vectors = ranking.facts.vectors
    real = ranking.items >= 0
    sizes = np.diff(vectors.indptr)
    values_below = np.cumsum(np.where(real, sizes[np.where(real, ranking.items, 0)], 0).sum(axis=1))
    result = np.full(len(ranking), np.nan)
    start = 0
    while start < len(ranking):
        before = values_below[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(values_below, before + BLOCK, side="right")))
        result[start:stop] = _of_block(ranking.items[start:stop], vectors)
        start = stop
    return result


def _of_block(items: IntArray, vectors: sparse.csr_array) -> Values:
    """The sum over pairs of products is (|sum of vectors|² − sum of |vectors|²) / 2."""
    real = items >= 0
    lengths = real.sum(axis=1)
    chosen = items[real]
    lists = sparse.csr_array((np.ones(len(chosen)), chosen, offsets_of(lengths)), shape=(len(items), vectors.shape[0]))
    totals = lists @ vectors
    norms = lists @ (np.diff(vectors.indptr) > 0).astype(np.float64)  # unit rows: 1 where there is a vector
    squares = np.bincount(np.repeat(np.arange(len(items)), np.diff(totals.indptr)), weights=totals.data**2, minlength=len(items))
    pairs = lengths * (lengths - 1)
    alike = np.divide(squares - norms, pairs, out=np.full(len(items), np.nan), where=pairs > 0)
    result: Values = np.clip(1 - alike, 0.0, 1.0)
    return result
