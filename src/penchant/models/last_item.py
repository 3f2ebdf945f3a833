"""What people chose next: a Markov chain over the last few items. On ordered data it beats many a neural network."""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field
from scipy import sparse

from penchant.core.memory import refuse_beyond
from penchant.core.types import UNKNOWN, LongArray, Queries
from penchant.data import Dataset
from penchant.models.base import FitOptions, ModelConfig
from penchant.models.item_to_item import ItemToItem
from penchant.models.space import Space, Whole
from penchant.models.sparse import at_least, evenly, events_back, histories, popularity, stacked

SLAB = 2**22  # transitions that are counted at once


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
        window, n_items = self.config.window, dataset.n_items
        stored = np.diff(_followed(dataset, evenly(n_items), window).indptr)
        refuse_beyond(
            8 * at_least(stored, n_items), f"last-item: {dataset.n_events:,} events with window = {window}", "set a smaller window"
        )
        self._weights = stacked(_chain(dataset, window), n_items)
        self._popularity = popularity(dataset)

    def _asked(self, queries: Queries) -> sparse.csr_array:
        recent = queries.last(self.config.window)
        return histories(recent, self.n_items, (1 / (1 + events_back(recent))).astype(np.float32))


def _chain(dataset: Dataset, window: int) -> Iterator[sparse.csr_array]:
    """Blocks of [n_items, n_items] float32: the share of each item among what followed another."""
    totals = np.cumsum(np.bincount(dataset.interactions.items, minlength=dataset.n_items))
    slab = (totals - 1) * window // SLAB  # of each item, so that all of a slab are followed by about so many
    for items in np.split(np.arange(dataset.n_items), np.flatnonzero(np.diff(slab)) + 1):
        counts = _followed(dataset, items, window)
        sums = np.asarray(counts @ np.ones(dataset.n_items)).astype(np.float32)
        counts.data /= np.repeat(sums, np.diff(counts.indptr))
        yield counts


def _followed(dataset: Dataset, items: LongArray, window: int) -> sparse.csr_array:
    """[R, n_items] float32: how often each item followed these, an event d later as 1/d."""
    events, shape = dataset.interactions, (len(items), dataset.n_items)
    row = np.full(dataset.n_items, UNKNOWN, np.int32)
    row[items] = np.arange(len(items))
    at = np.flatnonzero((row != UNKNOWN)[events.items])
    left = events.offsets[1:][events.users[at]] - at  # events of the same user from this one on
    counts = sparse.csr_array(shape, dtype=np.float32)  # half the memory of sums in float64, and exact enough
    for distance in range(1, window + 1):
        at, left = at[left > distance], left[left > distance]
        pairs = (row[events.items[at]], events.items[at + distance])
        counts = counts + sparse.csr_array((np.full(len(at), 1 / distance, np.float32), pairs), shape=shape)
    return sparse.csr_array(counts)
