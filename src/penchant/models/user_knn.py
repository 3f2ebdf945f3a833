"""People like you: the users whose items are most like the history's vote for what they met."""

from typing import ClassVar

import numpy as np
from pydantic import Field
from scipy import sparse

from penchant.core.artifact import Arrays
from penchant.core.types import FloatArray, Queries
from penchant.data import Dataset
from penchant.models.base import FitOptions, Model, ModelConfig
from penchant.models.space import Space, Whole
from penchant.models.sparse import best_of_rows, histories, met, pack, popularity, product_blocks, unpack


class UserKNNConfig(ModelConfig):
    """Settings of `UserKNN`."""

    space: ClassVar[Space] = {"neighbours": Whole(10, 2_000, log=True)}

    neighbours: int = Field(default=100, ge=1)  # training users that vote


class UserKNN(Model):
    """Score of an item = sum of the cosine similarities of the nearest training users that met it.

    A request is compared by its history alone, so a user it never saw is as good as one of the training data; a training
    user is thus one of his own neighbours, which moves only items that he already met.

    Reference: Herlocker et al., "An algorithmic framework for performing collaborative filtering", SIGIR 1999, section 4.
    Differs: on what was met, not on ratings, hence no means and no normalisation; a user counts once for an item;
    popularity orders what no neighbour met.
    Cost: no training; a request O(sum over its items of their users) time; keeps the training users' items in memory.
    """

    name = "user-knn"
    Config = UserKNNConfig
    needs_history = True
    config: UserKNNConfig

    def _fit(self, dataset: Dataset, options: FitOptions) -> None:
        self._prepare(met(dataset))
        self._popularity = popularity(dataset)

    def _prepare(self, users: sparse.csr_array) -> None:
        self._users = users  # [n_users, n_items] of 0 and 1
        lengths = np.sqrt(np.maximum(1, np.diff(users.indptr))).astype(np.float32)
        unit = sparse.csr_array((1 / np.repeat(lengths, np.diff(users.indptr)), users.indices, users.indptr), shape=users.shape)
        self._by_item = sparse.csr_array(unit.T)  # [n_items, n_users], users as unit vectors

    def _scores(self, queries: Queries) -> FloatArray:
        asked = histories(queries, self.n_items)
        asked.data /= np.repeat(np.sqrt(np.maximum(1, np.diff(asked.indptr))), np.diff(asked.indptr)).astype(np.float32)
        scores = np.tile(self._popularity, (len(queries), 1))
        for rows, similarity in product_blocks(asked, self._by_item):
            votes = best_of_rows(similarity, self.config.neighbours) @ self._users
            scores[rows] += votes.toarray()
        return scores

    def _arrays(self) -> Arrays:
        return {**pack("users", self._users), "popularity": self._popularity}

    def _restore(self, arrays: Arrays) -> None:
        self._prepare(unpack("users", arrays))
        self._popularity = arrays["popularity"]
