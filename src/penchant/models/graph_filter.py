"""Who met what as a graph, its coarse patterns held back: for sparse data, and catalogues of any size."""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse

from penchant.core.memory import refuse_beyond
from penchant.core.random import generator
from penchant.core.types import FloatArray, offsets_of
from penchant.data import Dataset
from penchant.models.base import FitOptions, ModelConfig
from penchant.models.item_to_item import ItemToItem
from penchant.models.space import Real, Space, Whole
from penchant.models.sparse import compressed, met, popularity, stacked

BLOCK = 2**24  # weights that are worked out at once: 64 MiB
SMALL = 512  # items up to which the eigenvectors are exact
OVERSAMPLING = 32  # further directions that are iterated along, so that the wanted ones are found sooner
ITERATIONS = 5
LEAST_SHARE = 8  # at most one direction for so many people or items: to flatten all is to forget all


class GraphFilterConfig(ModelConfig):
    """Settings of `GraphFilter`."""

    space: ClassVar[Space] = {
        "components": Whole(8, 512, log=True),
        "neighbours": Whole(100, 2_000, log=True),
        "damping": Real(0, 0.6),
        "rarity": Real(0, 0.6),
        "frequency": Real(0, 0.6),
        "recency": Real(0, 2),
    }

    components: int = Field(default=128, ge=1)  # the strongest patterns, which are all made as strong as the last of them
    neighbours: int | None = Field(default=500, ge=1)  # kept for each item, the greatest weights above 0; None = all weights
    damping: float = Field(default=0.25, ge=0)  # somebody with n items weighs n^−damping
    rarity: float = Field(default=0.25, ge=0)  # an item of the history that n people met weighs n^−rarity
    frequency: float = Field(default=0.35, ge=0)  # an item that n people met gains by n^frequency
    recency: float = Field(default=0.0, ge=0)  # the event k back in the history weighs (1 + k)^−recency; 0 = all the same
    seed: int = 0


class GraphFilter(ItemToItem):
    """Score of an item = sum over the history's items of what is left of their common people when coarse patterns are flattened.

    With R of people and items, D their diagonal matrices of frequencies and M = Dᵤ^−damping · R · Dᵢ^−½, the weights are
    Dᵢ^−rarity · F · Dᵢ^frequency, where F is MᵀM with each of its greatest eigenvalues lowered to the least of `components` of them:
    what everybody likes speaks no louder than the tastes of a few, and the fine patterns stay as they are.

    Reference: Shen et al., "How Powerful is Graph Convolution for Recommendation?", CIKM 2021, arXiv:2108.07567, section 4; sharpening
    from Choi et al., "Blurring-Sharpening Process Models for Collaborative Filtering", SIGIR 2023, arXiv:2211.09324, section 3; the
    eigenvectors from Halko, Martinsson and Tropp, "Finding structure with randomness", 2011, arXiv:0909.4061, section 4.5.
    Differs: one flattening takes the place of an ideal low-pass filter added and of a differential equation; exponents in the place
    of square roots; only the greatest weights of each item are kept, so that an answer costs as little as item-knn's.
    Cost: O(pairs of items met by the same person + items² · components) time, O(items · neighbours) memory.
    """

    name = "graph-filter"
    Config = GraphFilterConfig
    config: GraphFilterConfig

    def _fit(self, dataset: Dataset, options: FitOptions) -> None:
        config, people = self.config, met(dataset)
        counts = np.maximum(1, np.bincount(people.indices, minlength=dataset.n_items)).astype(np.float64)
        room = max(1, min(people.shape) // LEAST_SHARE)
        components = min(config.components, room)
        width = _width(dataset.n_items, components)
        refuse_beyond(
            12 * people.nnz + (12 * dataset.n_users + 4 * dataset.n_items) * width,  # the graph both ways; people and items by directions
            f"graph-filter: {dataset.n_users:,} people and {dataset.n_items:,} items",
            f"set fewer components than {components}",
        )
        graph = _normalised(people, counts, config.damping)
        strengths, patterns = leading(graph, components, config.seed)
        scales, left = (counts**-config.rarity, counts**config.frequency), patterns * (strengths[-1] - strengths)
        self._weights = stacked(_filtered(graph, left, patterns, scales, config.neighbours), dataset.n_items)
        self._popularity = popularity(dataset)


def leading(matrix: sparse.csr_array, count: int, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """(eigenvalues [count] of `matrix`ᵀ·`matrix`, greatest first; eigenvectors [columns, count]) by iteration along a subspace.

    Exact, up to rounding, for a small matrix; else best where the eigenvalues differ, which is where they are flattened most.
    """
    width = _width(matrix.shape[1], count)
    start = generator(seed, "graph-filter").normal(size=(matrix.shape[1], width)).astype(np.float32)
    turned = sparse.csr_array(matrix.T)
    basis: FloatArray = np.linalg.qr(start)[0]
    for _ in range(ITERATIONS):
        basis = np.linalg.qr(turned @ (matrix @ basis))[0]
    inside = (matrix @ basis).astype(np.float64)
    values, vectors = np.linalg.eigh(inside.T @ inside)  # ascending
    best = slice(-1, -count - 1, -1)
    return np.maximum(values[best], 0).astype(np.float32), basis @ vectors[:, best].astype(np.float32)


def _width(n_items: int, count: int) -> int:
    """Directions that are iterated along."""
    return n_items if n_items <= SMALL else min(count + OVERSAMPLING, n_items)


def _normalised(people: sparse.csr_array, counts: NDArray[np.float64], damping: float) -> sparse.csr_array:
    """[n_users, n_items] float32 Dᵤ^−damping · R · Dᵢ^−½."""
    lengths = np.diff(people.indptr)
    weights = np.repeat(np.maximum(1, lengths) ** -damping, lengths) * counts[people.indices] ** -0.5
    return sparse.csr_array((weights.astype(np.float32), people.indices, people.indptr), shape=people.shape)


def _filtered(
    graph: sparse.csr_array,
    left: FloatArray,
    right: FloatArray,
    scales: tuple[NDArray[np.float64], NDArray[np.float64]],
    neighbours: int | None,
) -> Iterator[sparse.csr_array]:
    """Blocks of [n_items, n_items] (`graph`ᵀ·`graph` + `left`·`right`ᵀ), rows and columns scaled, no diagonal, the best of each row."""
    n_items = graph.shape[1]
    rows_by, columns_by = (scale.astype(np.float32) for scale in scales)
    by_item, scaled = sparse.csr_array(graph.T), sparse.csr_array(graph @ sparse.diags_array(columns_by))
    right = np.ascontiguousarray((right * columns_by[:, None]).T)  # [components, n_items]
    step = max(1, BLOCK // n_items)
    for start in range(0, n_items, step):
        rows = np.arange(start, min(start + step, n_items))
        block: FloatArray = left[rows] @ right
        block += (by_item[rows] @ scaled).toarray()
        block *= rows_by[rows, None]
        block[np.arange(len(rows)), rows] = 0  # an item does not speak for itself
        yield _best(block, neighbours)


def _best(block: FloatArray, neighbours: int | None) -> sparse.csr_array:
    """Each row's greatest values above 0, equals of the last of them too; all values where `neighbours` is None."""
    n_columns = block.shape[1]
    if neighbours is None:
        return sparse.csr_array(block)
    least: NDArray[Any] = np.full((len(block), 1), np.finfo(np.float32).tiny)
    if neighbours < n_columns:
        least = np.maximum(least, np.partition(block, n_columns - neighbours, axis=1)[:, [n_columns - neighbours]])
    kept = block >= least
    return compressed(block[kept], np.nonzero(kept)[1], offsets_of(kept.sum(axis=1)), block.shape)
