"""Matrix factorisation for implicit feedback, by alternating least squares: small vectors, similar tastes close together."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse

from penchant.core.artifact import Arrays
from penchant.core.random import generator
from penchant.core.types import FloatArray, IntArray, LongArray, Queries, gather_rows
from penchant.data import Dataset
from penchant.models.base import FitOptions, Model, ModelConfig
from penchant.models.blas import one_thread
from penchant.models.space import Real, Space, Whole
from penchant.models.sparse import even_blocks, histories, met

# A block of padded rows stays below this many floats (1 MiB), so that it is still in the cache when it is used again.
BLOCK = 2**18
TINY = np.finfo(np.float32).tiny  # in place of 0 below a fraction

Block = tuple[LongArray, IntArray]


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
    steps: int | None = Field(default=3, ge=1)  # of conjugate gradients, from the last iteration's factors on; None = solve exactly
    seed: int = 0


class ItemFactors(Model):
    """What models of item factors share: whoever asks is what explains their history best (`Side.solve`)."""

    needs_history = True
    _items: "Side"

    @abstractmethod
    def _side(self, factors: FloatArray) -> "Side":
        """These factors, with the settings by which a history is explained."""

    def _scores(self, queries: Queries) -> FloatArray:
        with one_thread():
            users = self._items.solve(histories(queries, self.n_items))
            return np.asarray(users @ self._items.factors.T, dtype=np.float32)

    def _arrays(self) -> Arrays:
        return {"items": self._items.factors}

    def _restore(self, arrays: Arrays) -> None:
        self._items = self._side(arrays["items"])


class ALS(ItemFactors):
    """Score of an item = inner product of its factors and the factors that explain the history best.

    Minimises, over user factors x and item factors y, Σ c·(p − xᵀy)² + l2·(Σ‖x‖² + Σ‖y‖²) with p = 1, c = 1 + alpha where the
    user met the item and p = 0, c = 1 elsewhere. Only item factors are kept: x is solved for anew from each request's history.

    Reference: Hu, Koren and Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008, section 4; steps of
    conjugate gradients from Takács, Pilászy and Tikk, "Applications of the Conjugate Gradient Method for Implicit Feedback
    Collaborative Filtering", RecSys 2011, section 3.
    Differs: an item counts once however often it was met; a request is solved exactly, one with fewer items than factors in its dual,
    an items × items system, which gives the same answer for less.
    Cost: O(iterations · steps · (events · factors + rows · factors²)) time, O(events + (users + items) · factors) memory.
    """

    name = "als"
    Config = ALSConfig
    config: ALSConfig

    def _fit(self, dataset: Dataset, options: FitOptions) -> None:
        by_user = met(dataset)
        by_item = sparse.csr_array(by_user.T)
        scale = 0.1 / np.sqrt(self.config.factors)
        start = generator(self.config.seed, "als").normal(0, scale, (dataset.n_items, self.config.factors))
        items: FloatArray = start.astype(np.float32)
        with one_thread():
            self._items = self._side(self._alternated(items, by_user, by_item))

    def _alternated(self, items: FloatArray, by_user: sparse.csr_array, by_item: sparse.csr_array) -> FloatArray:
        """[n_items, factors] where all iterations lead."""
        config = self.config
        if config.steps is None:
            for _ in range(config.iterations):
                items = self._side(self._side(items).solve(by_user)).solve(by_item)
            return items
        users = np.zeros((by_user.shape[0], config.factors), np.float32)
        user_blocks, item_blocks = (list(padded(met, BLOCK // config.factors)) for met in (by_user, by_item))  # the same each time
        for _ in range(config.iterations):
            users = self._side(items).improve(users, user_blocks, config.steps)
            items = self._side(users).improve(items, item_blocks, config.steps)
        return items

    def _side(self, factors: FloatArray) -> "Side":
        return Side(factors, self.config.alpha, self.config.l2)


class Side:
    """One side's fixed factors Y [N, F] and what solving for the other side shares. `Any` below: float32 or float64 in, the same out."""

    def __init__(self, factors: NDArray[Any], alpha: float, l2: float) -> None:
        self._alpha = alpha
        self._ended = _ended(factors)
        self.factors = self._ended[:-1]
        wide = factors.astype(np.float64)
        self._wide_gram = wide.T @ wide + l2 * np.eye(factors.shape[1])
        self._gram = self._wide_gram.astype(factors.dtype)  # [F, F] YᵀY + l2·I

    @cached_property
    def _whitened(self) -> NDArray[Any]:
        """[N + 1, F] Y·(YᵀY + l2·I)⁻¹."""
        return _ended((self.factors @ np.linalg.inv(self._wide_gram)).astype(self.factors.dtype))

    def solve(self, met: sparse.csr_array) -> NDArray[Any]:
        """[R, F] the factors x that minimise each row's loss exactly, given that it met the stored columns of `met` [R, N].

        A row without any is zero.
        """
        width = self.factors.shape[1]
        solved = np.zeros((met.shape[0], width), dtype=self.factors.dtype)
        for rows, items in padded(met, BLOCK // width):
            solve = self._dual if items.shape[1] < width else self._primal
            solved[rows] = solve(items)
        return solved

    def improve(self, start: NDArray[Any], blocks: Iterable[Block], steps: int) -> NDArray[Any]:
        """[R, F] as `solve`, but only `steps` steps of conjugate gradients nearer to it than `start` [R, F]."""
        improved = np.zeros_like(start)
        for rows, items in blocks:
            v = self._ended.take(items, axis=0)  # [B, L, F]
            improved[rows] = self._descend(start[rows], v, steps)
        return improved

    def _descend(self, x: NDArray[Any], v: NDArray[Any], steps: int) -> NDArray[Any]:
        """Conjugate gradients from x [B, F] for rows whose items' factors are v [B, L, F], filled up with zeros."""
        across = v.transpose(0, 2, 1)
        residual = (across @ (1 + self._alpha - self._alpha * (v @ x[..., None])))[..., 0] - x @ self._gram
        direction, size = residual, (residual**2).sum(axis=1, keepdims=True)
        for _ in range(steps):
            image = direction @ self._gram + self._alpha * (across @ (v @ direction[..., None]))[..., 0]
            length = size / np.maximum((direction * image).sum(axis=1, keepdims=True), TINY)
            x = x + length * direction
            residual = residual - length * image
            before, size = size, (residual**2).sum(axis=1, keepdims=True)
            direction = residual + size / np.maximum(before, TINY) * direction
        return x

    def _primal(self, items: IntArray) -> NDArray[Any]:
        """Solves (YᵀY + l2·I + alpha·VᵀV)·x = (1 + alpha)·Vᵀ1, V [R, L, F] being the factors of each row's items."""
        v = self._ended.take(items, axis=0)
        system = self._gram + self._alpha * (v.transpose(0, 2, 1) @ v)  # [R, F, F]
        return np.linalg.solve(system, (1 + self._alpha) * v.sum(axis=1)[..., None])[..., 0]

    def _dual(self, items: IntArray) -> NDArray[Any]:
        """The same x as Wᵀz with (I + alpha·V·Wᵀ)·z = (1 + alpha)·1 and W = V·(YᵀY + l2·I)⁻¹ (push-through identity)."""
        v, w = self._ended.take(items, axis=0), self._whitened.take(items, axis=0)
        system = np.eye(items.shape[1], dtype=v.dtype) + self._alpha * (v @ w.transpose(0, 2, 1))  # [R, L, L]
        z = np.linalg.solve(system, np.full((*items.shape, 1), 1 + self._alpha, dtype=v.dtype))
        return np.asarray(w.transpose(0, 2, 1) @ z)[..., 0]


def padded(met: sparse.csr_array, size: int) -> Iterator[Block]:
    """The rows that met anything, in blocks of about `size` items: (row numbers [B], items [B, L], filled up with the number of items)."""
    lengths = np.diff(met.indptr).astype(np.int64)
    for rows in even_blocks(np.flatnonzero(lengths), lengths, size):
        items = np.full((len(rows), lengths[rows].max()), met.shape[1], np.int32)
        real = np.arange(items.shape[1]) < lengths[rows, None]
        items[real] = met.indices[gather_rows(met.indptr.astype(np.int64), rows)[0]]
        yield rows, items


def _ended(factors: NDArray[Any]) -> NDArray[Any]:
    """[N + 1, F] with a row of zeros at the end, for what fills up."""
    return np.concatenate([factors, np.zeros((1, factors.shape[1]), factors.dtype)])
