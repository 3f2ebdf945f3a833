"""EASE among neighbours: each item explained by the items nearest to it, for catalogues that are too large to be inverted."""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field
from scipy import sparse

from penchant.core.types import FloatArray, LongArray
from penchant.data import Dataset
from penchant.models.base import FitOptions, ModelConfig
from penchant.models.blas import one_thread
from penchant.models.item_to_item import ItemToItem
from penchant.models.space import Real, Space, Whole
from penchant.models.sparse import BLOCK, best_of_rows, met, popularity, product_blocks

SYSTEMS = 2**26  # values of the systems that are built at once: 256 MiB, since each time all pairs of items are read

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
    8 bytes a pair of items that somebody met both.
    """

    name = "slim"
    Config = SLIMConfig
    config: SLIMConfig

    def _fit(self, dataset: Dataset, options: FitOptions) -> None:
        matrix = met(dataset)
        together = sparse.csr_array(sparse.vstack([block for _, block in product_blocks(sparse.csr_array(matrix.T), matrix)], format="csr"))
        counts = together.diagonal()
        nearest = _nearest(together, counts, self.config.neighbours)
        l2 = (self.config.l2 * np.maximum(1, counts) ** self.config.scaling).astype(np.float32)
        with one_thread():
            self._weights = _solved(together, nearest, l2)
        self._popularity = popularity(dataset)


def _nearest(together: sparse.csr_array, counts: FloatArray, neighbours: int) -> LongArray:
    """[n_items, K] each item's nearest other items, ascending; `NOBODY` where it has fewer."""
    n_items = len(counts)
    if neighbours >= n_items - 1:
        others = np.tile(np.arange(n_items - 1, dtype=np.int64), (n_items, 1))
        return others + (others >= np.arange(n_items)[:, None])
    lengths = np.diff(together.indptr)
    rows, columns = np.repeat(np.arange(n_items), lengths), together.indices
    cosines = together.data / np.sqrt(counts[rows] * counts[columns])
    cosines[rows == columns] = -1  # not its own neighbour: below every other, and left out
    best = best_of_rows(sparse.csr_array((cosines, columns, together.indptr), shape=together.shape), neighbours)
    lengths = np.diff(best.indptr)
    rows = np.repeat(np.arange(n_items), lengths)
    nearest = np.full((n_items, neighbours), NOBODY, dtype=np.int64)
    nearest[rows, np.arange(best.nnz) - best.indptr[rows]] = np.where(best.data < 0, NOBODY, best.indices)
    return nearest


def _solved(together: sparse.csr_array, nearest: LongArray, l2: FloatArray) -> sparse.csr_array:
    """[n_items, n_items] float32 weights, row = what explains, column = what is explained."""
    n_items, width = nearest.shape
    parts = []
    for items in _blocks(n_items, SYSTEMS // width**2):
        mine = nearest[items]  # [B, K]
        real = mine != NOBODY
        systems, wanted = _systems(together, items, mine)
        systems *= real[:, :, None] & real[:, None, :]
        wanted *= real
        diagonal = np.arange(width)
        systems[:, diagonal, diagonal] += np.where(real, l2[mine], 1)
        weights = np.linalg.solve(systems, wanted[..., None])[..., 0]
        columns, places = np.nonzero(real)
        parts.append((mine[columns, places], items[columns], weights[columns, places]))
    rows, columns, values = (np.concatenate(part) for part in zip(*parts, strict=True))
    rows, columns = rows.astype(np.int32), columns.astype(np.int32)
    return sparse.csr_array((values.astype(np.float32, copy=False), (rows, columns)), shape=(n_items, n_items))


def _systems(together: sparse.csr_array, items: LongArray, nearest: LongArray) -> tuple[FloatArray, FloatArray]:
    """Common people of each two neighbours [B, K, K], and of each neighbour and its item [B, K]; some number where `NOBODY` is.

    The rows of `together` are spread out a few at a time, and each goes to all systems that it is part of.
    """
    n_items, width = together.shape[0], nearest.shape[1]
    systems = np.zeros((len(nearest), width, width), dtype=np.float32)
    wanted = np.zeros(nearest.shape, dtype=np.float32)
    places = nearest.ravel()
    order = np.argsort(places, kind="stable")
    sorted_places = places[order]
    for rows in _blocks(n_items, BLOCK // n_items):
        here = slice(*np.searchsorted(sorted_places, (rows[0], rows[-1] + 1)))
        row = sorted_places[here] - rows[0]
        if len(row):
            spread = together[rows].toarray()
            system, place = order[here] // width, order[here] % width
            systems[system, place] = spread[row[:, None], nearest[system]]
            wanted[system, place] = spread[row, items[system]]
    return systems, wanted


def _blocks(size: int, step: int) -> Iterator[LongArray]:
    for start in range(0, size, max(1, step)):
        yield np.arange(start, min(start + max(1, step), size), dtype=np.int64)
