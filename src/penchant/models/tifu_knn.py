"""What somebody buys again and again, and what people with such habits buy: for baskets that repeat."""

from typing import ClassVar

import numpy as np
from pydantic import Field
from scipy import sparse

from penchant.core.artifact import Arrays
from penchant.core.types import FloatArray, Queries, offsets_of, rows_of
from penchant.data import Dataset
from penchant.index.exact import top_n
from penchant.models.base import FitOptions, Model, ModelConfig
from penchant.models.space import Real, Space, Whole
from penchant.models.sparse import compressed, pack, popularity, unpack

# Distances of so many pairs of people are held at once: 32 MiB.
BLOCK = 2**23


class TIFUKNNConfig(ModelConfig):
    """Settings of `TIFUKNN`."""

    space: ClassVar[Space] = {
        "neighbours": Whole(50, 1_500, log=True),
        "own": Real(0, 1),
        "group": Whole(1, 30, log=True),
        "within_decay": Real(0.3, 1),
        "group_decay": Real(0.3, 1),
    }

    neighbours: int = Field(default=300, ge=0)
    own: float = Field(default=0.7, ge=0, le=1)  # share of one's own habits; the rest is the neighbours'; 1 = personal frequency alone
    group: int = Field(default=7, ge=1)  # baskets that age together
    within_decay: float = Field(default=0.9, gt=0, le=1)  # a basket one further back within its group
    group_decay: float = Field(default=0.7, gt=0, le=1)  # a group one further back


class TIFUKNN(Model):
    """Score of an item = how often one had it in the basket, the newer the more, mixed with the same of the nearest people.

    A basket is all that has one time. Baskets are put into groups from the last one backwards; a group is the mean of its baskets, a
    person the mean of the groups, both with decay. Near is who differs least from one's own vector in Euclidean distance.

    Reference: Hu et al., "Modeling Personalized Item Frequency Information for Next-basket Recommendation", SIGIR 2020,
    arXiv:2006.00556, sections 4.2 and 4.3.
    Differs: somebody who is in the training data is a neighbour of themselves, as in the paper's own evaluation; popularity orders
    what nobody near had.
    Cost: O(events) to fit; an answer compares one's vector with everybody's, O(people · items of one's own).
    """

    name = "tifu-knn"
    Config = TIFUKNNConfig
    needs_history = True
    config: TIFUKNNConfig

    def _fit(self, dataset: Dataset, options: FitOptions) -> None:
        known = np.flatnonzero(dataset.interactions.lengths).astype(np.int32)
        self._people = self._habits(dataset.queries(known), dataset.n_items)
        self._popularity = popularity(dataset)

    def _scores(self, queries: Queries) -> FloatArray:
        mine = self._habits(queries, self.n_items)
        scores: FloatArray = (self.config.own * mine).toarray()
        if self.config.own < 1 and self.config.neighbours:
            scores += (1 - self.config.own) * (self._nearest(mine) @ self._people).toarray()
        scores += self._popularity
        return scores

    def _arrays(self) -> Arrays:
        return {**pack("people", self._people), "popularity": self._popularity}

    def _restore(self, arrays: Arrays) -> None:
        self._people, self._popularity = unpack("people", arrays), arrays["popularity"]

    # ---- how

    def _habits(self, queries: Queries, n_items: int) -> sparse.csr_array:
        """[B, n_items] float32 each request's items with their decayed frequencies."""
        config, rows = self.config, rows_of(queries.offsets)
        new = np.ones(len(rows), dtype=bool)
        new[1:] = (rows[1:] != rows[:-1]) | (queries.timestamps[1:] != queries.timestamps[:-1])
        nth = np.cumsum(new) - 1  # the running number of each event's basket
        owner = rows[new]
        counts = np.bincount(owner, minlength=len(queries))  # baskets a request
        back = offsets_of(counts)[1:][owner] - 1 - np.arange(len(owner))  # 0 = the last basket
        groups = -(-counts // config.group)
        size = np.minimum(
            config.group, counts[owner] - back // config.group * config.group
        )  # of the basket's group; the first may be short
        weight = config.within_decay ** (back % config.group) / size * config.group_decay ** (back // config.group) / groups[owner]
        pairs = np.unique(nth * n_items + queries.items)  # an item counts once a basket
        basket, item = pairs // n_items, pairs % n_items
        data = weight[basket].astype(np.float32)
        places = (owner[basket].astype(np.int32), item.astype(np.int32))
        return sparse.csr_array((data, places), shape=(len(queries), n_items))

    def _nearest(self, mine: sparse.csr_array) -> sparse.csr_array:
        """[B, people] 1 / k for each request's k nearest people."""
        people = self._people
        k = min(self.config.neighbours, people.shape[0])
        squares = np.asarray(people.multiply(people).sum(axis=1)).ravel()
        turned, parts = sparse.csr_array(people.T), []
        step = max(1, BLOCK // people.shape[0])
        for start in range(0, mine.shape[0], step):
            closeness = 2 * (mine[start : start + step] @ turned).toarray() - squares  # −distance², up to what all have in common
            parts.append(top_n(closeness.astype(np.float32), k)[0].values)
        columns = np.concatenate(parts) if parts else np.zeros(0, np.int32)
        data = np.full(len(columns), 1 / max(1, k), np.float32)
        return compressed(data, columns, np.arange(mine.shape[0] + 1) * k, (mine.shape[0], people.shape[0]))
