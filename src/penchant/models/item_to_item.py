"""What the models share that keep one sparse matrix, a weight of each item for others, and add up those of the history."""

from typing import ClassVar

from scipy import sparse

from penchant.core.artifact import Arrays
from penchant.core.types import FloatArray, Queries
from penchant.models.base import Model
from penchant.models.sparse import fading, histories, pack, unpack


class ItemToItem(Model):
    """Score of an item = sum of the weights of the history's items for it; popularity orders what they say nothing about.

    A model writes `_fit`, which sets `_weights` and `_popularity`, and where its history weighs otherwise `_asked`.
    """

    matrix: ClassVar[str] = "weights"  # what the weights are called in an artifact
    needs_history = True
    _weights: sparse.csr_array  # [n_items, n_items] float32, row = item of the history
    _popularity: FloatArray  # [n_items]

    def _asked(self, queries: Queries) -> sparse.csr_array:
        """[B, n_items] how much each item of the history weighs."""
        return histories(queries, self.n_items, fading(queries, self.config.recency))

    def _scores(self, queries: Queries) -> FloatArray:
        scores: FloatArray = (self._asked(queries) @ self._weights).toarray()
        scores += self._popularity
        return scores

    def _arrays(self) -> Arrays:
        return {**pack(self.matrix, self._weights), "popularity": self._popularity}

    def _restore(self, arrays: Arrays) -> None:
        self._weights, self._popularity = unpack(self.matrix, arrays), arrays["popularity"]
