"""What every metric looks at: ranked lists, which of their places are hits, and what is known about the items."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from penchant.core.types import BoolArray, IntArray, Jagged, LongArray, rows_of

# One value a request, or one for all requests together. NaN where the metric is not defined.
Values = NDArray[np.float64]

NO_ITEM = -1


@dataclass(frozen=True)
class ItemFacts:
    """What the training data says about the items, the same for all requests."""

    popularity: LongArray  # [n_items] training users that met each item
    n_users: int  # training users that met anything
    n_events: LongArray  # [n_items] training events of each item
    vectors: sparse.csr_array  # [n_items, F] unit rows; two items are as alike as their product; an empty row = nothing is known
    alike: str  # in words, when two items are alike

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return len(self.popularity)


@dataclass(frozen=True)
class Ranking:
    """B lists of K places beside what was wanted."""

    items: IntArray  # [B, K] best first, −1 where a list ends early
    hits: BoolArray  # [B, K] the place holds a target, for the first time in its list
    n_targets: LongArray  # [B] different targets of each request, at least 1
    facts: ItemFacts
    beaten: Values | None = None  # [B] mean share of non-targets ranked below a target, ties half; None = not all items were scored

    def __len__(self) -> int:
        return len(self.items)

    @property
    def places(self) -> int:
        """K."""
        return int(self.items.shape[1])

    def take(self, rows: LongArray | BoolArray) -> "Ranking":
        """The chosen requests, in the given order."""
        beaten = None if self.beaten is None else self.beaten[rows]
        return replace(self, items=self.items[rows], hits=self.hits[rows], n_targets=self.n_targets[rows], beaten=beaten)


def padded(lists: Jagged, places: int) -> IntArray:
    """[B, places] the first codes of each list, −1 where it is shorter."""
    items = np.full((len(lists), places), NO_ITEM, dtype=np.int32)
    ranks = np.arange(len(lists.values)) - np.repeat(lists.offsets[:-1], np.diff(lists.offsets))
    first = ranks < places
    items[rows_of(lists.offsets)[first], ranks[first]] = lists.values[first]
    return items


def hits_of(items: IntArray, targets: Jagged) -> BoolArray:
    """[B, K] where a list's place holds one of its request's targets; a repeated item hits once."""
    n_codes = 1 + max(int(items.max(initial=0)), int(targets.values.max(initial=0)))
    rows = np.arange(len(items), dtype=np.int64)[:, None]
    keys = np.where(items >= 0, rows * n_codes + items, -1).ravel()
    wanted = rows_of(targets.offsets) * n_codes + targets.values
    hits = np.isin(keys, wanted) & (keys >= 0)
    first = np.zeros(len(keys), dtype=bool)
    first[np.unique(keys, return_index=True)[1]] = True
    return (hits & first).reshape(items.shape)
