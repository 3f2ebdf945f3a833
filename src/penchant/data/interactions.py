"""Everything that happened, as arrays sorted by (user, time, arrival): immutable, jagged, never padded."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from penchant.core.types import UNKNOWN, BoolArray, FloatArray, IntArray, LongArray, SmallArray, chosen, lengths_kept, narrow, offsets_of


@dataclass(frozen=True)
class Interactions:
    """User u's events are positions `offsets[u]:offsets[u + 1]` of the event arrays, oldest first."""

    offsets: LongArray  # [U+1]
    items: IntArray  # [E]
    event_types: SmallArray  # [E]
    values: FloatArray  # [E], NaN where an event has none
    timestamps: LongArray  # [E], UTC µs
    scenarios: SmallArray | None = None  # [E] the place where each happened, −1 = not told; None = of none, which takes no memory

    @classmethod
    def sort(
        cls,
        users: IntArray,
        items: IntArray,
        timestamps: LongArray,
        *,
        event_types: SmallArray,
        values: FloatArray,
        n_users: int,
        scenarios: SmallArray | None = None,
    ) -> "Interactions":
        """From events in order of arrival. The sort is stable: equal times keep their order of arrival."""
        order = np.lexsort((timestamps, users))  # lexsort is a stable mergesort
        return cls(
            offsets_of(np.bincount(users, minlength=n_users)),
            items[order],
            event_types[order],
            values[order],
            timestamps[order],
            chosen(scenarios, order),
        )

    def __len__(self) -> int:
        return len(self.items)

    @property
    def n_users(self) -> int:
        """U, those without events included."""
        return len(self.offsets) - 1

    @cached_property
    def users(self) -> IntArray:
        """[E] the user of each event."""
        return np.repeat(np.arange(self.n_users, dtype=np.int32), self.lengths)

    @property
    def lengths(self) -> LongArray:
        """[U] events a user."""
        return np.diff(self.offsets)

    @property
    def places(self) -> SmallArray:
        """[E] `scenarios`, −1 throughout where no event names one."""
        return np.full(len(self), UNKNOWN, np.int16) if self.scenarios is None else self.scenarios

    def keep(self, keep: BoolArray) -> "Interactions":
        """Only the events where `keep` [E] is true; users stay, perhaps empty."""
        return Interactions(
            offsets_of(lengths_kept(self.offsets, keep)),
            self.items[keep],
            self.event_types[keep],
            self.values[keep],
            self.timestamps[keep],
            chosen(self.scenarios, keep),
        )

    def matrix(self, n_items: int) -> sparse.csr_array:
        """[U, n_items] float32: how often each user met each item."""
        ones = np.ones(len(self), dtype=np.float32)
        offsets = narrow(self.offsets).copy()  # what is counted is written over these copies
        counts = sparse.csr_array((ones, self.items.astype(offsets.dtype), offsets), shape=(self.n_users, n_items))
        counts.sum_duplicates()
        return counts
