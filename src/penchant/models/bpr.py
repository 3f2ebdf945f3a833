"""Matrix factorisation that learns to put what somebody met before what they did not: Bayesian personalised ranking."""

from typing import ClassVar

import numpy as np
from pydantic import Field
from scipy import sparse

from penchant.core.log import track
from penchant.core.random import generator
from penchant.core.types import FloatArray, LongArray, among
from penchant.data import Dataset
from penchant.models.als import ItemFactors, Side
from penchant.models.base import FitOptions, ModelConfig
from penchant.models.blas import one_thread
from penchant.models.space import Real, Space, Whole
from penchant.models.sparse import met


class BPRConfig(ModelConfig):
    """Settings of `BPR`."""

    space: ClassVar[Space] = {
        "factors": Whole(16, 256, log=True),
        "learning_rate": Real(0.01, 0.5, log=True),
        "l2": Real(1e-4, 0.1, log=True),
        "epochs": Whole(10, 200, log=True),
        "alpha": Real(0.1, 100, log=True),
        "ridge": Real(0.1, 300, log=True),
    }

    factors: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=0.1, gt=0)
    l2: float = Field(default=0.001, ge=0)  # on the factors that a comparison touches
    epochs: int = Field(default=40, ge=1)
    batch_size: int = Field(default=4_096, ge=1)  # comparisons a step
    alpha: float = Field(default=20.0, gt=0)  # answering: a met item counts 1 + alpha, an unmet one 1
    ridge: float = Field(default=100.0, gt=0)  # answering: penalty on a request's factors
    seed: int = 0


class BPR(ItemFactors):
    """Score of an item = inner product of its factors and the factors that explain the history best.

    Learns, for people u, items i that they met and items j that they did not, to make ln σ(xᵤ·yᵢ − xᵤ·yⱼ) large. Only item factors
    are kept: a request's are solved for from its history, by the weighted least squares of `ALS`.

    Reference: Rendle et al., "BPR: Bayesian Personalized Ranking from Implicit Feedback", UAI 2009, arXiv:1205.2618, sections 4 and 5.1.
    Differs: many comparisons a step, with Adagrad's rates; an item counts once however often it was met; a person's factors are
    those of the history, not of training, so that new people are answered.
    Cost: O(epochs · events · factors) time, O((users + items) · factors) memory.
    """

    name = "bpr"
    Config = BPRConfig
    config: BPRConfig

    def _fit(self, dataset: Dataset, options: FitOptions) -> None:
        config, random = self.config, generator(self.config.seed, "bpr")
        people = met(dataset)
        people.sort_indices()
        users = np.repeat(np.arange(dataset.n_users, dtype=np.int64), np.diff(people.indptr))
        keys = users * dataset.n_items + people.indices
        tables = [_Table(n, config.factors, config.learning_rate, random) for n in (dataset.n_users, dataset.n_items)]
        with one_thread():
            for _ in track(range(config.epochs), "bpr", total=config.epochs, quiet=options.quiet):
                order = random.permutation(len(keys))
                others = random.integers(0, dataset.n_items, len(keys))
                for start in range(0, len(order), config.batch_size):
                    chosen = order[start : start + config.batch_size]
                    user, other = users[chosen], others[chosen]
                    unmet = ~among(user * dataset.n_items + other, keys)
                    _step(tables[0], tables[1], (user[unmet], people.indices[chosen][unmet].astype(np.int64), other[unmet]), config.l2)
            self._items = self._side(tables[1].values)

    def _side(self, factors: FloatArray) -> Side:
        return Side(factors, self.config.alpha, self.config.ridge)


class _Table:
    """Factors with Adagrad's memory of how far each has moved."""

    def __init__(self, size: int, width: int, rate: float, random: np.random.Generator) -> None:
        self.values: FloatArray = random.normal(0, 0.1 / np.sqrt(width), (size, width)).astype(np.float32)
        self._moved = np.full((size, width), 1e-6, np.float32)
        self._rate = np.float32(rate)

    def move(self, rows: LongArray, slopes: FloatArray) -> None:
        """One step against `slopes` [B, F] at `rows` [B], those of the same row together."""
        distinct, place = np.unique(rows, return_inverse=True)
        together = sparse.csr_array((np.ones(len(rows), np.float32), (place, np.arange(len(rows)))), shape=(len(distinct), len(rows)))
        total = together @ slopes
        moved = self._moved[distinct] + total**2
        self._moved[distinct] = moved
        self.values[distinct] -= self._rate * total / np.sqrt(moved)


def _step(users: _Table, items: _Table, triples: tuple[LongArray, LongArray, LongArray], l2: float) -> None:
    """Learn from comparisons (user, item that they met, item that they did not)."""
    user, one, other = triples
    x, y, z = users.values[user], items.values[one], items.values[other]
    doubt = 1 / (1 + np.exp(np.clip(((y - z) * x).sum(axis=1, keepdims=True), -30, 30)))  # 1 − σ
    users.move(user, l2 * x - doubt * (y - z))
    items.move(np.concatenate([one, other]), np.concatenate([l2 * y - doubt * x, l2 * z + doubt * x]))
