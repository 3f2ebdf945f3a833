"""What people chose next: a Markov chain over the last few items. On ordered data it beats many a neural network."""

from typing import ClassVar

import numpy as np
from pydantic import Field
from scipy import sparse

from penchant.core.types import Queries
from penchant.data import Dataset
from penchant.models.base import FitOptions, ModelConfig
from penchant.models.item_to_item import ItemToItem
from penchant.models.space import Space, Whole
from penchant.models.sparse import events_back, histories, popularity


class LastItemConfig(ModelConfig):
    """Settings of `LastItem`."""

    space: ClassVar[Space] = {"window": Whole(1, 50, log=True)}

    window: int = Field(default=10, ge=1)  # two events this far apart still count as a transition; 1 = the next item only


class LastItem(ItemToItem):
    """Score of an item = how often it followed the last items, as a share of all that followed each.

    Two events of a user that are d apart count as 1/d of a transition, in training as well as between an event of the
    history and the item to come; beyond `window` they do not count.

    Reference: Shani, Heckerman and Brafman, "An MDP-Based Recommender System", JMLR 6, 2005, section 4.2 (skipping and mixing).
    Differs: 1/d where theirs is 2^−d, since it holds better for long histories; one row-normalised chain instead of a mixture
    of orders; popularity orders what never followed.
    Cost: O(events · window) time, at most as many stored transitions.
    """

    name = "last-item"
    Config = LastItemConfig
    matrix = "transitions"
    config: LastItemConfig

    def _fit(self, dataset: Dataset, options: FitOptions) -> None:
        self._weights = _chain(dataset, self.config.window)
        self._popularity = popularity(dataset)

    def _asked(self, queries: Queries) -> sparse.csr_array:
        recent = queries.last(self.config.window)
        return histories(recent, self.n_items, (1 / (1 + events_back(recent))).astype(np.float32))


def _chain(dataset: Dataset, window: int) -> sparse.csr_array:
    """[n_items, n_items] float32: the share of each item among what followed another."""
    events, shape = dataset.interactions, (dataset.n_items, dataset.n_items)
    counts = sparse.csr_array(shape, dtype=np.float32)  # half the memory of sums in float64, and exact enough
    for distance in range(1, window + 1):
        same = events.users[:-distance] == events.users[distance:]
        before, after = events.items[:-distance][same], events.items[distance:][same]
        counts = counts + sparse.csr_array((np.full(len(before), 1 / distance, np.float32), (before, after)), shape=shape)
    totals = np.asarray(counts @ np.ones(dataset.n_items)).astype(np.float32)
    counts.data /= np.repeat(totals, np.diff(counts.indptr))
    return sparse.csr_array(counts)
