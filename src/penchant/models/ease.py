"""Embarrassingly shallow autoencoder: one item-item matrix in closed form. Hard to beat on dense data without order."""

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse
from scipy.linalg import lapack

from penchant.core.artifact import Arrays
from penchant.core.errors import DataError
from penchant.core.memory import free_memory
from penchant.core.types import FloatArray, IntArray, Queries
from penchant.data import Dataset
from penchant.models.base import FitOptions, Model, ModelConfig
from penchant.models.space import Real, Space
from penchant.models.sparse import fading, histories, met, product_blocks

# More items than this are not inverted unasked: 10 GiB, and minutes on two cores.
LIMIT = 30_000
BYTES = 12  # of memory that training takes for each pair of items
DENSE = 60  # a pair of items of the same user costs as much to look up as so many to add up blindly, half of which are left out
SLAB = 2**20 * 3 // 2  # values of XᵀX's right factor that stay in the cache


class EASEConfig(ModelConfig):
    """Settings of `EASE`."""

    space: ClassVar[Space] = {"l2": Real(1, 10_000, log=True), "recency": Real(0, 2)}

    l2: float = Field(default=100.0, gt=0)  # more for dense data, less for sparse
    max_items: int | None = Field(default=None, ge=1)  # learn only the most frequent items; None = all, if memory is likely to do
    recency: float = Field(default=0.0, ge=0)  # the event k back in the history weighs (1 + k)^−recency; 0 = all the same
    precision: Literal["float64", "float32"] = "float64"  # of the inverse; float32 = a quarter of the time, errors near 1e-5


class EASE(Model):
    """Score of an item = sum over the history's items of a weight learned by ridge regression of every item on all others.

    With G = XᵀX + l2·I and P its inverse, the weights are B = I − P / diag(P); the diagonal is zero, so that no item
    explains itself.

    Reference: Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, arXiv:1905.03375, section 3.1.
    Differs: the inverse comes from a Cholesky factorisation (half the time of an LU inverse); above a limit the caller
    chooses how many items to learn, the others score −inf.
    Cost: O(items³) time, 12 bytes · items² memory while training, a third of it afterwards.
    """

    name = "ease"
    Config = EASEConfig
    needs_history = True
    config: EASEConfig

    def _fit(self, dataset: Dataset, options: FitOptions) -> None:
        matrix = met(dataset)
        self._learned = _most_frequent(dataset, self.config.max_items)
        if len(self._learned) < dataset.n_items:
            matrix = sparse.csr_array(matrix[:, self._learned])
        inverse = _inverse(_gram(matrix, self.config))
        inverse /= -np.diag(inverse).copy()
        np.fill_diagonal(inverse, 0)
        self._weights = inverse.astype(np.float32, copy=False)

    def _scores(self, queries: Queries) -> FloatArray:
        asked = histories(queries, self.n_items, fading(queries, self.config.recency))
        if len(self._learned) == self.n_items:
            return np.asarray(asked @ self._weights)
        scores = np.full(asked.shape, -np.inf, np.float32)
        scores[:, self._learned] = sparse.csr_array(asked[:, self._learned]) @ self._weights
        return scores

    def _arrays(self) -> Arrays:
        return {"weights": self._weights, "learned": self._learned}

    def _restore(self, arrays: Arrays) -> None:
        self._weights, self._learned = arrays["weights"], arrays["learned"]


def _most_frequent(dataset: Dataset, max_items: int | None) -> IntArray:
    """The codes to learn, ascending. Raises DataError where the caller must choose."""
    n_items = dataset.n_items
    if max_items is None and n_items > LIMIT:
        raise DataError(
            f"ease: {n_items:,} items need {_gibibytes(n_items):.0f} GiB of memory to train, and time grows with their cube; "
            f"set max_items, e.g. {LIMIT:,} ({_gibibytes(LIMIT):.0f} GiB), to learn only the most frequent, or use item-knn"
        )
    learned, room = n_items if max_items is None else min(max_items, n_items), free_memory()
    if room is not None and BYTES * learned**2 > room:
        raise DataError(
            f"ease: {learned:,} items need {_gibibytes(learned):.1f} GiB of memory to train, and {room / 2**30:.1f} GiB are free; "
            f"set max_items, e.g. {int((room / 2 / BYTES) ** 0.5):,}, to learn only the most frequent, or use item-knn"
        )
    if learned == n_items:
        return np.arange(n_items, dtype=np.int32)
    counts = np.bincount(dataset.interactions.items, minlength=n_items)
    return np.sort(np.argsort(-counts, kind="stable")[:learned]).astype(np.int32)


def _gibibytes(n_items: int) -> float:
    return BYTES * n_items**2 / 2**30


def _gram(matrix: sparse.csr_array, config: EASEConfig) -> NDArray[Any]:
    """[N, N] XᵀX + l2·I, of which only the upper triangle is set. `Any`: the precision is a setting."""
    size = matrix.shape[1]
    gram = np.empty((size, size), dtype=config.precision)
    by_item, pairs = sparse.csr_array(matrix.T), (np.diff(matrix.indptr).astype(np.float64) ** 2).sum()
    if pairs * DENSE < matrix.nnz * size:
        for rows, block in product_blocks(by_item, matrix):
            gram[rows] = block.toarray()
    else:
        width = max(64, SLAB // matrix.shape[0])
        for start in range(0, size, width):
            slab = by_item[start : start + width].toarray().T.copy()  # [n_users, width], so that a user's values lie side by side
            gram[start : start + width, start:] = (by_item[start:] @ slab).T
    gram[np.diag_indices(size)] += config.l2
    return gram


def _inverse(matrix: NDArray[Any]) -> NDArray[Any]:
    """The inverse of a symmetric positive definite matrix, which it overwrites, from its upper triangle. `Any`: float32 or float64."""
    wide = matrix.dtype == np.float64
    factorise, invert = (lapack.dpotrf, lapack.dpotri) if wide else (lapack.spotrf, lapack.spotri)
    factor: NDArray[Any]
    factor, problem = factorise(matrix.T, lower=1, clean=0, overwrite_a=1)  # .T: LAPACK counts columns first; in place
    if problem == 0:
        factor, problem = invert(factor, lower=1, overwrite_c=1)
    if problem != 0:
        raise DataError("ease: the item-item matrix cannot be inverted in this precision; use a larger l2 or precision='float64'")
    _mirror(factor)
    return factor.T  # row by row again, as the product with a sparse matrix wants it


def _mirror(matrix: NDArray[Any], block: int = 512) -> None:
    """Copy the lower triangle onto the upper one, in place. `Any`: float32 or float64."""
    for start in range(0, len(matrix), block):
        stop = start + block
        corner = np.tril(matrix[start:stop, start:stop])
        matrix[start:stop, start:stop] = corner + np.tril(corner, -1).T
        matrix[start:stop, stop:] = matrix[stop:, start:stop].T
