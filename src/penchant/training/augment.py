"""Sequence augmentations: a window of a history, slightly changed, so that no detail of it is learned by heart.

Reference: Xie et al., "Contrastive Learning for Sequential Recommendation", ICDE 2022, arXiv:2010.14395, section 3.3 (crop, mask,
reorder); Liu et al., "Contrastive Self-supervised Sequential Recommendation with Robust Augmentation", 2021, arXiv:2108.06479,
section 4.2 (substitute). Differs: there is no contrastive loss, what is changed is trained on as it is; a substitute comes from a
step back in somebody's history, not from a table of similar items.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from penchant.core.types import BoolArray, LongArray, offsets_of
from penchant.data import Interactions

Kind = Literal["crop", "mask", "reorder", "substitute"]
KINDS: tuple[Kind, ...] = ("crop", "mask", "reorder", "substitute")
UNCHANGED = -1

KEPT = 0.6  # share of a window that a crop leaves
MASKED = 0.2  # share of the events that a mask hides, and as many get a substitute
REORDERED = 0.3  # share of a window that is shuffled

Kinds = NDArray[np.int8]  # [W] for each window its place in `KINDS`, or `UNCHANGED`


@dataclass(frozen=True)
class Augment:
    """A `share` of all windows is changed, each in one of the named ways; which and how depends on the generator passed in alone."""

    kinds: tuple[Kind, ...]
    share: float

    def draw(self, n_windows: int, rng: np.random.Generator) -> Kinds:
        """What happens to each window."""
        if not self.kinds:
            return np.full(n_windows, UNCHANGED, np.int8)
        drawn = rng.choice([KINDS.index(kind) for kind in self.kinds], n_windows)
        return np.where(rng.random(n_windows) < self.share, drawn, UNCHANGED).astype(np.int8)


def crop(starts: LongArray, lengths: LongArray, kinds: Kinds, rng: np.random.Generator) -> tuple[LongArray, LongArray]:
    """(starts, lengths) with some windows shortened to a part of them; the events outside are no targets then."""
    short = np.maximum(1, np.ceil(lengths * KEPT).astype(np.int64))
    shift = rng.integers(0, lengths - short + 1)
    chosen = _chosen(kinds, "crop")
    return np.where(chosen, starts + shift, starts), np.where(chosen, short, lengths)


def reorder(wanted: LongArray, lengths: LongArray, kinds: Kinds, rng: np.random.Generator) -> LongArray:
    """[B, L] events with a stretch of some rows shuffled, as inputs and as targets alike: no target is ever read before its turn."""
    extent = np.floor(lengths * REORDERED).astype(np.int64)
    first = rng.integers(0, lengths - extent + 1)
    steps = np.arange(wanted.shape[1])
    inside = (steps >= first[:, None]) & (steps < (first + extent)[:, None]) & _chosen(kinds, "reorder")[:, None]
    keys = np.where(inside, first[:, None] + rng.random(wanted.shape) * extent[:, None], steps)  # the rest sorts to where it is
    return np.take_along_axis(wanted, np.argsort(keys, axis=1, kind="stable"), axis=1)


def hidden(shape: tuple[int, int], kinds: Kinds, rng: np.random.Generator) -> BoolArray:
    """[B, L] which inputs read as if nothing were known of them."""
    chosen: BoolArray = (rng.random(shape) < MASKED) & _chosen(kinds, "mask")[:, None]
    return chosen


class Substitutes:
    """For an event another one: what came before some occurrence of the same item, in anybody's history.

    Before, not after: an item that occurs once leads back to what was read already, not on to what is to be guessed.
    """

    def __init__(self, events: Interactions, begins: BoolArray) -> None:
        self._events, self._begins = events, begins

    def instead(self, read: LongArray, kinds: Kinds, rng: np.random.Generator) -> LongArray:
        """[B, L] events, some of them replaced."""
        rows = np.flatnonzero(_chosen(kinds, "substitute"))
        if len(rows) == 0:
            return read
        own = read[rows]
        items = self._events.items[own]
        counts = self._places[items + 1] - self._places[items]
        other = self._by_item[self._places[items] + (rng.random(own.shape) * counts).astype(np.int64)]
        before = np.where(self._begins[other], other, other - 1)
        changed = read.copy()
        changed[rows] = np.where(rng.random(own.shape) < MASKED, before, own)
        return changed

    @cached_property
    def _by_item(self) -> LongArray:
        """[E] all events, sorted by item."""
        return np.argsort(self._events.items, kind="stable")

    @cached_property
    def _places(self) -> LongArray:
        """[n_items + 1] where each item's events begin in `_by_item`."""
        return offsets_of(np.bincount(self._events.items))


def _chosen(kinds: Kinds, kind: Kind) -> BoolArray:
    chosen: BoolArray = kinds == KINDS.index(kind)
    return chosen
