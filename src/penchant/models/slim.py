"""EASE among neighbours: each item explained by the items nearest to it, for catalogues that are too large to be inverted."""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field
from scipy import sparse

from penchant.core.memory import refuse_beyond
from penchant.core.types import BoolArray, FloatArray, IntArray, offsets_of
from penchant.data import Dataset
from penchant.models.base import FitOptions, ModelConfig
from penchant.models.blas import one_thread
from penchant.models.item_to_item import ItemToItem
from penchant.models.space import Real, Space, Whole
from penchant.models.sparse import BLOCK, at_least, best_of_rows, compressed, evenly, met, popularity, product_blocks, stacked

SYSTEMS = 2**26  # values of the systems that are built at once: 256 MiB, since each time all pairs of items are read
CACHED = 2**18  # values of the systems that are solved at once

REMEDY = "leave it out, or use item-knn, which keeps no number of each pair; fewer items or shorter histories need less, too"

NOBODY = -1  # fills up the neighbours of an item that has few


class SLIMConfig(ModelConfig):
    """Settings of `SLIM`."""

    space: ClassVar[Space] = {
        "neighbours": Whole(20, 300, log=True),
        "l2": Real(1, 1_000, log=True),
        "scaling": Real(0, 1),
        "recency": Real(0, 2),
    }

    neighbours: int = Field(default=100, ge=1)  # items that may explain an item; all others = EASE
    l2: float = Field(default=100.0, gt=0)  # more for dense data, less for sparse
    scaling: float = Field(default=0.0, ge=0)  # l2 of an item that n people met is multiplied by n^scaling
    recency: float = Field(default=0.0, ge=0)  # the event k back in the history weighs (1 + k)^−recency; 0 = all the same


class SLIM(ItemToItem):
    """Score of an item = sum over the history's items of a weight learned by ridge regression of the item on its neighbours.

    The neighbours of an item are those with the most people in common, by cosine. Within them the weights are EASE's: they solve
    (G + Λ)·w = g, where G counts the common people of each two neighbours, g those of the neighbours and the item, and Λ is the
    diagonal of l2 · nˢᶜᵃˡⁱⁿᵍ. All small systems are solved exactly, many at once.

    Reference: Ning and Karypis, "SLIM: Sparse Linear Methods for Top-N Recommender Systems", ICDM 2011, sections 4.1 and 4.3
    (feature selection by neighbours); Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, arXiv:1905.03375.
    Differs: no L1 penalty and no bound at 0, since choosing neighbours makes it sparse already; popularity orders what no
    item of the history explains.
    Cost: O(pairs of items met by the same person + items · neighbours³) time; O(items · neighbours) memory, and while training
    4 bytes a pair of items that somebody met both.
    """

    name = "slim"
    Config = SLIMConfig
    config: SLIMConfig

    def _fit(self, dataset: Dataset, options: FitOptions) -> None:
        matrix = met(dataset)
        counts = np.bincount(matrix.indices, minlength=dataset.n_items).astype(np.float32)
        refuse_beyond(_bytes_at_least(matrix, self.config.neighbours), f"slim: {dataset.n_items:,} items", REMEDY)
        together, nearest = _counted(matrix, counts, min(self.config.neighbours, dataset.n_items - 1))
        l2 = (self.config.l2 * np.maximum(1, counts) ** self.config.scaling).astype(np.float32)
        with one_thread():
            self._weights = sparse.csr_array(stacked(_solved(together, nearest, l2), dataset.n_items).T)
        self._popularity = popularity(dataset)


def _bytes_at_least(matrix: sparse.csr_array, neighbours: int) -> int:
    """Of pairs, neighbours and the systems that are built at once."""
    n_items = matrix.shape[1]
    width = min(neighbours, n_items - 1)
    some = sparse.csr_array(sparse.csr_array(matrix.T)[evenly(n_items)])
    pairs = np.concatenate([np.diff(block.indptr) for _, block in product_blocks(some, matrix)])
    systems = min(n_items, _at_once(SYSTEMS, width)) / n_items * width * at_least(np.clip(pairs - 1, 0, width), n_items)
    return 4 * (at_least(pairs, n_items) + n_items * width + int(systems))


def _counted(matrix: sparse.csr_array, counts: FloatArray, neighbours: int) -> tuple[list[sparse.csr_array], IntArray]:
    """How many people met both of two items, as blocks of rows of the upper triangle, and each item's nearest others [n_items, K].

    Those are ascending, with `NOBODY` where an item has fewer.
    """
    n_items, together = len(counts), []
    if neighbours == n_items - 1:
        nearest = np.tile(np.arange(n_items - 1, dtype=np.int32), (n_items, 1))
        nearest += nearest >= np.arange(n_items)[:, None]
    else:
        nearest = np.full((n_items, neighbours), NOBODY, dtype=np.int32)
    for items, block in product_blocks(sparse.csr_array(matrix.T), matrix):
        rows = np.repeat(items.astype(np.int32), np.diff(block.indptr))
        if neighbours < n_items - 1:
            nearest[items] = _nearest(block, rows, counts, neighbours)
        upper = block.indices >= rows
        lengths = np.bincount(rows[upper] - items[0], minlength=len(items))
        together.append(compressed(block.data[upper], block.indices[upper], offsets_of(lengths), block.shape))
    return together, nearest


def _nearest(block: sparse.csr_array, rows: IntArray, counts: FloatArray, neighbours: int) -> IntArray:
    """[R, K] of a block's items."""
    cosines = counts[rows]
    cosines *= counts[block.indices]
    np.divide(block.data, np.sqrt(cosines, out=cosines), out=cosines)
    cosines[rows == block.indices] = -1  # not its own neighbour: below every other, and left out
    best = best_of_rows(compressed(cosines, block.indices, block.indptr, block.shape), neighbours)
    nearest = np.full((block.shape[0], neighbours), NOBODY, dtype=np.int32)
    row = np.repeat(np.arange(block.shape[0]), np.diff(best.indptr))
    nearest[row, np.arange(best.nnz) - best.indptr[row]] = np.where(best.data < 0, NOBODY, best.indices)
    return nearest


def _solved(together: list[sparse.csr_array], nearest: IntArray, l2: FloatArray) -> Iterator[sparse.csr_array]:
    """Blocks of [n_items, n_items] weights, row = what is explained, column = what explains."""
    n_items, width = nearest.shape
    at_once, in_cache = _at_once(SYSTEMS, width), _at_once(CACHED, width)
    for start in range(0, n_items, at_once):
        mine = nearest[start : start + at_once]  # [B, K]
        systems, weights = _systems(together, mine, start)
        for some in (slice(first, first + in_cache) for first in range(0, len(mine), in_cache)):
            weights[some] = _solution(systems[some], weights[some], mine[some] != NOBODY, l2[mine[some]])
        real = mine != NOBODY
        yield compressed(weights[real], mine[real], offsets_of(real.sum(axis=1)), (len(mine), n_items))


def _at_once(values: int, width: int) -> int:
    """Systems that so many values hold."""
    return max(1, values // max(1, width**2))


def _solution(systems: FloatArray, wanted: FloatArray, real: BoolArray, l2: FloatArray) -> FloatArray:
    """[B, K] weights of systems [B, K, K] of which the upper triangle is set; `l2` [B, K] is added to the diagonal."""
    systems = systems + np.triu(systems, 1).transpose(0, 2, 1)
    systems *= real[:, :, None] & real[:, None, :]
    diagonal = np.arange(systems.shape[1])
    systems[:, diagonal, diagonal] += np.where(real, l2, 1)
    weights: FloatArray = np.linalg.solve(systems, (wanted * real)[..., None])[..., 0]
    return weights


def _systems(together: list[sparse.csr_array], nearest: IntArray, first: int) -> tuple[FloatArray, FloatArray]:
    """Common people of each two neighbours [B, K, K], upper triangle, and of each neighbour and its item [B, K].

    Where `NOBODY` is, some number. `nearest` [B, K] is of the items from `first` on. The rows of `together` are spread out a few at
    a time, and each goes to all systems that it is part of. A pair's number is in the row of the lesser item alone, so each of the
    two looks for it.
    """
    width, items = nearest.shape[1], np.arange(first, first + len(nearest))
    systems = np.zeros((len(nearest), width, width), dtype=np.float32)
    wanted = np.zeros(nearest.shape, dtype=np.float32)
    order = np.argsort(nearest, axis=None, kind="stable")
    places = nearest.ravel()[order]
    for row, spread in _spread(together):
        here = slice(*np.searchsorted(places, (row, row + len(spread))))
        rows, (system, place) = places[here] - row, np.divmod(order[here], width)
        systems[system, place] = spread[rows[:, None], nearest[system]]
        wanted[system, place] += spread[rows, items[system]]
        own = items[max(0, row - first) : max(0, row + len(spread) - first)]
        wanted[own - first] += spread[(own - row)[:, None], nearest[own - first]]
    return systems, wanted


def _spread(together: list[sparse.csr_array]) -> Iterator[tuple[int, FloatArray]]:
    """(first row, all values of some rows), until all were."""
    row = 0
    for block in together:
        step = max(1, BLOCK // block.shape[1])
        for start in range(0, block.shape[0], step):
            yield row + start, block[start : start + step].toarray()
        row += block.shape[0]
