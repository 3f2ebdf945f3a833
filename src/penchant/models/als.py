"""Matrix factorisation for implicit feedback, by alternating least squares: small vectors, similar tastes close together."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse

from penchant.core.artifact import Arrays
from penchant.core.random import generator
from penchant.core.types import BoolArray, FloatArray, IntArray, Queries
from penchant.data import Dataset
from penchant.models.base import FitOptions, Model, ModelConfig
from penchant.models.blas import one_thread
from penchant.models.space import Real, Space, Whole
from penchant.models.sparse import even_blocks, histories, met

# A block of padded rows stays below this many floats (1 MiB), so that it is still in the cache when it is used again.
BLOCK = 2**18


class ALSConfig(ModelConfig):
    """Settings of `ALS`."""

    space: ClassVar[Space] = {
        "factors": Whole(16, 256, log=True),
        "alpha": Real(0.1, 100, log=True),
        "l2": Real(0.01, 300, log=True),
        "iterations": Whole(5, 30),
    }

    factors: int = Field(default=64, ge=1)
    alpha: float = Field(default=5.0, gt=0)  # a met item counts 1 + alpha, an unmet one 1
    l2: float = Field(default=1.0, gt=0)
    iterations: int = Field(default=15, ge=1)
    seed: int = 0


class ALS(Model):
    """Score of an item = inner product of its factors and the factors that explain the history best.

    Minimises, over user factors x and item factors y, Σ c·(p − xᵀy)² + l2·(Σ‖x‖² + Σ‖y‖²) with p = 1, c = 1 + alpha where the
    user met the item and p = 0, c = 1 elsewhere. Only item factors are kept: x is solved for anew from each request's history.

    Reference: Hu, Koren and Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008, section 4.
    Differs: an item counts once however often it was met; a row with fewer items than factors is solved in its dual, an
    items × items system, which gives the same answer for less.
    Cost: O(iterations · (events · factors² + rows · factors³)) time at most, O((users + items) · factors) memory.
    """

    name = "als"
    Config = ALSConfig
    needs_history = True
    config: ALSConfig

    def _fit(self, dataset: Dataset, options: FitOptions) -> None:
        by_user = met(dataset)
        by_item = sparse.csr_array(by_user.T)
        scale = 0.1 / np.sqrt(self.config.factors)
        start = generator(self.config.seed, "als").normal(0, scale, (dataset.n_items, self.config.factors))
        items: FloatArray = start.astype(np.float32)
        with one_thread():
            for _ in range(self.config.iterations):
                users = Side(items, self.config.alpha, self.config.l2).solve(by_user)
                items = Side(users, self.config.alpha, self.config.l2).solve(by_item)
            self._items = Side(items, self.config.alpha, self.config.l2)

    def _scores(self, queries: Queries) -> FloatArray:
        with one_thread():
            users = self._items.solve(histories(queries, self.n_items))
            return np.asarray(users @ self._items.factors.T, dtype=np.float32)

    def _arrays(self) -> Arrays:
        return {"items": self._items.factors}

    def _restore(self, arrays: Arrays) -> None:
        self._items = Side(arrays["items"], self.config.alpha, self.config.l2)


class Side:
    """One side's fixed factors Y [N, F] and what solving for the other side shares. `Any` below: float32 or float64 in, the same out."""

    def __init__(self, factors: NDArray[Any], alpha: float, l2: float) -> None:
        self.factors = factors
        self._alpha = alpha
        wide = factors.astype(np.float64)
        gram = wide.T @ wide + l2 * np.eye(factors.shape[1])
        self._gram = gram.astype(factors.dtype)  # [F, F] YᵀY + l2·I
        self._whitened = (wide @ np.linalg.inv(gram)).astype(factors.dtype)  # [N, F] Y·(YᵀY + l2·I)⁻¹

    def solve(self, met: sparse.csr_array) -> NDArray[Any]:
        """[R, F] the factors x that minimise each row's loss exactly, given that it met the stored columns of `met` [R, N].

        A row without any is zero.
        """
        width = self.factors.shape[1]
        lengths = np.diff(met.indptr).astype(np.int64)
        solved = np.zeros((met.shape[0], width), dtype=self.factors.dtype)
        for rows in even_blocks(np.flatnonzero(lengths), lengths, BLOCK // width):
            real = np.arange(lengths[rows].max()) < lengths[rows, None]  # [R, L]
            items = met.indices[np.where(real, met.indptr[rows, None] + np.arange(real.shape[1]), 0)]
            solve = self._dual if real.shape[1] < width else self._primal
            solved[rows] = solve(items, real)
        return solved

    def _primal(self, items: IntArray, real: BoolArray) -> NDArray[Any]:
        """Solves (YᵀY + l2·I + alpha·VᵀV)·x = (1 + alpha)·Vᵀ1, V [R, L, F] being the factors of each row's items."""
        v = np.where(real[..., None], self.factors[items], 0)
        system = self._gram + self._alpha * (v.transpose(0, 2, 1) @ v)  # [R, F, F]
        return np.linalg.solve(system, (1 + self._alpha) * v.sum(axis=1)[..., None])[..., 0]

    def _dual(self, items: IntArray, real: BoolArray) -> NDArray[Any]:
        """The same x as Wᵀz with (I + alpha·V·Wᵀ)·z = (1 + alpha)·1 and W = V·(YᵀY + l2·I)⁻¹ (push-through identity)."""
        v = np.where(real[..., None], self.factors[items], 0)
        w = np.where(real[..., None], self._whitened[items], 0)
        system = np.eye(items.shape[1], dtype=v.dtype) + self._alpha * (v @ w.transpose(0, 2, 1))  # [R, L, L]
        z = np.linalg.solve(system, np.full((*items.shape, 1), 1 + self._alpha, dtype=v.dtype))
        return np.asarray(w.transpose(0, 2, 1) @ z)[..., 0]
