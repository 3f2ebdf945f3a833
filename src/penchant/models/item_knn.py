"""Items that the same people choose: each history item votes for its nearest neighbours. The classic that is hard to beat."""

from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field
from scipy import sparse

from penchant.core.memory import refuse_beyond
from penchant.core.types import Queries
from penchant.data import Dataset
from penchant.models.base import FitOptions, ModelConfig
from penchant.models.item_to_item import ItemToItem
from penchant.models.space import OneOf, Real, Space, Whole
from penchant.models.sparse import best_of_rows, fading, histories, met, popularity, product_blocks, stacked


class ItemKNNConfig(ModelConfig):
    """Settings of `ItemKNN`."""

    space: ClassVar[Space] = {
        "similarity": OneOf(("cosine", "tfidf", "bm25")),
        "neighbours": Whole(10, 1_000, log=True),
        "shrinkage": Real(0.1, 200, log=True),
        "recency": Real(0, 2),
        "half_life_days": Real(0.25, 1_000, log=True),
        "k1": Real(0.1, 5, log=True),
        "b": Real(0, 1),
    }

    similarity: Literal["cosine", "tfidf", "bm25"] = "bm25"
    neighbours: int = Field(default=100, ge=1)  # kept for each item
    shrinkage: float = Field(default=5.0, ge=0)  # multiplies a similarity by n / (n + shrinkage), n = users of both items
    recency: float = Field(default=0.0, ge=0)  # the event k back in the history weighs (1 + k)^−recency; 0 = all the same
    half_life_days: float | None = Field(default=None, gt=0)  # an event so much before the request weighs half; None = age is nothing
    k1: float = Field(default=1.2, ge=0)  # bm25: how soon a repeat stops to count
    b: float = Field(default=0.75, ge=0, le=1)  # bm25: how much a popular item is held back


class ItemKNN(ItemToItem):
    """Score of an item = sum of the similarities of the history's items to it, over each one's nearest neighbours.

    Reference: Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001, section 3; shrinkage
    from Bell and Koren, "Scalable collaborative filtering with jointly derived neighborhood interpolation weights", ICDM 2007,
    section 3; BM25 from Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009, with users as terms.
    Differs: a user counts once for an item, however often they met; an item is no neighbour of itself; an inverse frequency
    of users is never negative; popularity orders what no neighbour speaks for.
    Cost: O(sum over users of (items of the user)²) time, O(items · neighbours) memory plus one block of the product.
    """

    name = "item-knn"
    Config = ItemKNNConfig
    matrix = "similarity"
    config: ItemKNNConfig

    def _fit(self, dataset: Dataset, options: FitOptions) -> None:
        matrix = met(dataset)
        more = 40 if self.config.shrinkage else 28  # bytes: weighed by user and by item and, to shrink, not weighed, instead of this
        remedy = "shrinkage = 0 needs a quarter less, fewer events less yet"
        refuse_beyond(more * matrix.nnz, f"item-knn: {matrix.nnz:,} meetings of people and items", remedy)
        matrix = matrix.astype(np.float64)
        by_item = sparse.csr_array(weigh(matrix, self.config).T)  # [n_items, n_users]
        users = sparse.csr_array(matrix.T) if self.config.shrinkage else None
        self._weights = stacked(self._best(matrix, by_item, users), dataset.n_items)
        self._popularity = popularity(dataset)

    def _best(self, matrix: sparse.csr_array, by_item: sparse.csr_array, users: sparse.csr_array | None) -> Iterator[sparse.csr_array]:
        """Blocks of [n_items, n_items]: the similarities of each item's neighbours."""
        for rows, block in product_blocks(by_item, sparse.csr_array(by_item.T)):
            if users is not None:
                block = _shrunk(block, sparse.csr_array(users[rows] @ matrix), self.config.shrinkage)
            block.data[block.indices == np.repeat(rows, np.diff(block.indptr))] = 0  # not its own neighbour
            block.data[block.data < 0] = 0
            block.eliminate_zeros()
            yield best_of_rows(block, self.config.neighbours)

    def _asked(self, queries: Queries) -> sparse.csr_array:
        return histories(queries, self.n_items, fading(queries, self.config.recency, self.config.half_life_days))


def weigh(matrix: sparse.csr_array, config: ItemKNNConfig) -> sparse.csr_array:
    """[n_users, n_items] of 0 and 1, weighed so that columns' inner products are the similarity asked for."""
    weighed = sparse.csr_array(matrix, copy=True)
    users, items = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)), matrix.indices
    if config.similarity != "cosine":
        rarity = np.log(matrix.shape[1]) - np.log1p(np.diff(matrix.indptr))  # of users, as terms in the document "item"
        weighed.data *= np.maximum(rarity, 0)[users]
    if config.similarity == "bm25":
        sizes = np.bincount(items, minlength=matrix.shape[1])
        length = (1 - config.b) + config.b * sizes / sizes.mean()
        weighed.data *= (config.k1 + 1) / (config.k1 * length[items] + 1)
        return weighed
    norms = np.sqrt(np.bincount(items, weights=weighed.data**2, minlength=matrix.shape[1]))
    weighed.data /= np.where(norms == 0, 1, norms)[items]
    return weighed


def _shrunk(block: sparse.csr_array, together: sparse.csr_array, shrinkage: float) -> sparse.csr_array:
    together.data = together.data / (together.data + shrinkage)
    shrunk = sparse.csr_array(block.multiply(together))
    shrunk.sort_indices()
    return shrunk
