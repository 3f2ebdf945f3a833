"""From histories to batches: windows of at most `max_len` events, batches of windows of like length, little padding.

An epoch is a function of (seed, number of the epoch): a run that was interrupted goes on with exactly the batches it had left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import torch
from torch import Tensor

from penchant.core.clock import seconds_since
from penchant.core.random import generator
from penchant.core.types import BoolArray, LongArray, offsets_of, rows_of
from penchant.core.widths import width_of
from penchant.data import Interactions
from penchant.training.augment import Augment, Kinds, Substitutes, crop, hidden, reorder

PLAIN = Augment((), 0.0)


@dataclass(frozen=True)
class Batch:
    """Windows side by side, left-aligned: position t of row b predicts its next item from positions 0 … t."""

    codes: Tensor  # [B, L] int64 inputs; padding holds the start code
    times: Tensor  # [B, L] int32 seconds of each input's event since the first of its row; a start code has its successor's
    asked: Tensor  # [B, L] int32 seconds of each position's target, likewise
    real: Tensor  # [T] int64 the real positions, as places in the flattened [B·L]
    targets: Tensor  # [T] int64 the item that follows each real position
    read: Tensor  # [B, L] int64 the event that each input is, as its place among all; −1 = none, a start code
    wanted: Tensor  # [B, L] int64 the event that each position guesses, likewise; −1 = none, padding

    def __len__(self) -> int:
        """T, the number of targets."""
        return len(self.targets)

    def part(self, number: int, of: int) -> "Batch":
        """Every `of`-th row from row `number` on; perhaps none."""
        rows, steps = self.real // self.codes.shape[1], self.real % self.codes.shape[1]
        mine = rows % of == number
        real = rows[mine] // of * self.codes.shape[1] + steps[mine]
        parts = (self.codes, self.times, self.asked, self.read, self.wanted)
        codes, times, asked, read, wanted = (each[number::of].contiguous() for each in parts)
        return Batch(codes, times, asked, real, self.targets[mine], read, wanted)

    def to(self, device: torch.device) -> "Batch":
        """The same batch on `device`."""
        parts = (self.codes, self.times, self.asked, self.real, self.targets, self.read, self.wanted)
        return Batch(*(part.to(device, non_blocking=True) for part in parts))


class WindowLoader:
    """Every event is a target exactly once an epoch; its inputs are the events before it in its window.

    A history starts with the code `start`, so that its first event is predicted, too: that is what a new visitor gets.
    Histories longer than `max_len` are cut into windows, in each epoch at other places, so that no event is
    always the first of its window. What `augment` changes, it changes anew in each epoch; a crop leaves some events out of it.
    """

    def __init__(self, events: Interactions, *, start: int, max_len: int, batch_events: int, seed: int, augment: Augment = PLAIN) -> None:
        self._events, self._augment = events, augment
        self._begins = np.zeros(len(events), dtype=bool)
        self._begins[events.offsets[:-1][events.lengths > 0]] = True
        self._substitutes = Substitutes(events, self._begins)
        self._start, self._max_len, self._batch_events, self._seed = start, max_len, batch_events, seed

    @property
    def n_targets(self) -> int:
        """Targets of an epoch without crops."""
        return len(self._events)

    def epoch(self, number: int) -> "Epoch":
        """The batches of one epoch, in its order."""
        rng = generator(self._seed, f"epoch {number}")
        starts, lengths = cut(self._events.offsets, self._max_len, rng)
        kinds = self._augment.draw(len(starts), self._random(number))
        starts, lengths = crop(starts, lengths, kinds, self._random(number, "crops"))
        widths = np.minimum(width_of(lengths), self._max_len)
        order = rng.permutation(len(starts))
        order = order[np.argsort(-widths[order], kind="stable")]
        groups, first = [], 0
        while first < len(order):
            size = max(1, self._batch_events // int(widths[order[first]]))
            groups.append(order[first : first + size])
            first += size
        return Epoch(self, number, Windows(starts, lengths, widths, kinds), [groups[g] for g in rng.permutation(len(groups))])

    def batch(self, number: int, windows: "Windows") -> Batch:
        """These windows of the epoch `number`."""
        starts, lengths = windows.starts, windows.lengths
        steps = np.arange(windows.widths.max())
        real = steps < lengths[:, None]  # [B, L]
        wanted = starts[:, None] + np.minimum(steps, lengths[:, None] - 1)  # events; padding repeats the last
        unknown = self._begins[wanted]
        read = np.where(unknown, wanted, wanted - 1)
        times, asked = self._events.timestamps[read], self._events.timestamps[wanted]
        if self._augment.kinds:
            read, wanted, hide = self._changed(read, wanted, windows, self._random(number, f"window {starts[0]}"))
            unknown |= hide
        codes = np.where(unknown | ~real, self._start, self._events.items[read]).astype(np.int64)
        places = np.flatnonzero(real)
        targets = self._events.items[wanted.reshape(-1)[places]].astype(np.int64)
        first = times[:, :1]
        told = np.where(unknown | ~real, -1, read)
        guessed = np.where(real, wanted, -1)
        arrays = (codes, seconds_since(first, times), seconds_since(first, asked), places, targets, told, guessed)
        return Batch(*(torch.from_numpy(array) for array in arrays))

    def _changed(
        self, read: LongArray, wanted: LongArray, windows: "Windows", rng: np.random.Generator
    ) -> tuple[LongArray, LongArray, BoolArray]:
        """Events that are read, those that are targets, and which of the former are hidden."""
        wanted = reorder(wanted, windows.lengths, windows.kinds, rng)
        shuffled = np.concatenate([read[:, :1], wanted[:, :-1]], axis=1)
        hide = hidden((len(read), read.shape[1]), windows.kinds, rng)
        return self._substitutes.instead(shuffled, windows.kinds, rng), wanted, hide

    def _random(self, number: int, purpose: str = "augment") -> np.random.Generator:
        return generator(self._seed, f"epoch {number}, {purpose}")


@dataclass(frozen=True)
class Windows:
    """Parts of histories, one a row."""

    starts: LongArray  # first event
    lengths: LongArray
    widths: LongArray  # lengths as they are padded
    kinds: Kinds  # how each is changed

    def take(self, rows: LongArray) -> "Windows":
        """The chosen ones, in the given order."""
        return Windows(self.starts[rows], self.lengths[rows], self.widths[rows], self.kinds[rows])


class Epoch(Sequence[Batch]):
    """The batches of one epoch; each is put together when it is asked for."""

    def __init__(self, loader: WindowLoader, number: int, windows: Windows, groups: list[LongArray]) -> None:
        self._loader, self._number, self._windows, self._groups = loader, number, windows, groups

    def __len__(self) -> int:
        return len(self._groups)

    @overload
    def __getitem__(self, index: int) -> Batch: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Batch]: ...
    def __getitem__(self, index: int | slice) -> Batch | Sequence[Batch]:
        if isinstance(index, slice):
            return Epoch(self._loader, self._number, self._windows, self._groups[index])
        return self._loader.batch(self._number, self._windows.take(self._groups[index]))


def cut(offsets: LongArray, max_len: int, rng: np.random.Generator) -> tuple[LongArray, LongArray]:
    """(starts, lengths) of windows that cover each event once, none longer than `max_len` or across two users.

    A history that fits is one window. A longer one has a first window of random length, then full ones, then what is left.
    """
    totals = np.diff(offsets)
    first = np.where(totals > max_len, rng.integers(1, max_len + 1, len(totals)), np.minimum(totals, max_len))
    counts = (totals > 0) + -(-(totals - first) // max_len)  # windows a user
    rows = rows_of(offsets_of(counts))
    nth = np.arange(len(rows)) - offsets_of(counts)[rows]
    begins = np.where(nth == 0, 0, first[rows] + (nth - 1) * max_len)
    ends = np.minimum(first[rows] + nth * max_len, totals[rows])
    return offsets[rows] + begins, ends - begins
