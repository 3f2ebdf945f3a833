"""More events than fit in memory, sorted: on disk in between, and mapped from there in the end.

All files are without a name: whatever ends the process, nothing is left of them.
"""

import mmap
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from penchant.core.errors import DataError
from penchant.core.types import FloatArray, IntArray, LongArray, SmallArray, offsets_of
from penchant.data.interactions import Interactions
from penchant.data.mapped import read_columns, write_columns

BLOCK = 2**21  # events sorted at a time, about 46 MB
PEAK = 44  # bytes an event on the disk, as they came and side by side

_COLUMNS = {"items": "i4", "event_types": "i2", "values": "f4", "timestamps": "i8"}
_EVENT = np.dtype([("users", "i4"), *_COLUMNS.items()])

Events = NDArray[np.void]  # of `_EVENT`


class Spool:
    """Takes events in order of arrival, gives them back as `Interactions` whose arrays are columns of a mapped Arrow file.

    Events are placed by blocks of users, each block is sorted by itself, and the sorted columns are written as an Arrow file. Memory:
    a few blocks or the longest history, 8 bytes a user, and what of the mapped file is read; disk: 44 bytes an event while it is
    sorted, 18 afterwards, below `folder`. Raises DataError where the disk does not take that.
    """

    def __init__(self, folder: Path, *, block: int = BLOCK) -> None:
        self._folder, self._block = folder, block
        self._counts = np.zeros(0, np.int64)  # [U] events of each user so far
        self._arrived = self._file()

    def add(self, users: IntArray, items: IntArray, timestamps: LongArray, *, event_types: SmallArray, values: FloatArray) -> None:
        """Further events, in order of arrival."""
        events = np.empty(len(users), _EVENT)
        for name, column in zip(_EVENT.names or (), (users, items, event_types, values, timestamps), strict=True):
            events[name] = column
        counts = np.bincount(users, minlength=len(self._counts))
        counts[: len(self._counts)] += self._counts
        self._counts = counts
        self._write(self._arrived, events)

    def interactions(self, n_users: int) -> Interactions:
        """All of them, sorted by user, time and arrival. The spool is used up by this."""
        offsets = offsets_of(np.concatenate([self._counts, np.zeros(n_users - len(self._counts), np.int64)]))
        if offsets[-1] == 0:
            self._arrived.close()
            return Interactions(offsets, **{name: np.zeros(0, kind) for name, kind in _COLUMNS.items()})
        columns = {name: self._file() for name in _COLUMNS}
        for events in self._blocks(offsets):
            order = np.lexsort((events["timestamps"], events["users"]))  # a stable mergesort
            for name, file in columns.items():
                self._write(file, events[name][order])
        return Interactions(offsets, **self._arrow(columns))

    def _blocks(self, offsets: LongArray) -> Iterator[Events]:
        """The events of some users after the other, each block in order of arrival."""
        total = int(offsets[-1])
        ends = np.searchsorted(offsets, np.arange(self._block, total, self._block), side="right") - 1  # users at which blocks end
        users = np.unique(np.concatenate([[0], ends, [len(offsets) - 1]]))
        starts = offsets[users]  # [K+1] events at which they do
        placed = self._arrived if len(starts) == 2 else self._placed(users, starts)
        placed.seek(0)
        for size in np.diff(starts):
            yield np.fromfile(placed, _EVENT, int(size))
        placed.close()

    def _placed(self, users: LongArray, starts: LongArray) -> IO[bytes]:
        """The events in a file of their own, those of each block side by side."""
        placed, free = self._file(), starts[:-1].copy()
        self._arrived.seek(0)
        while len(events := np.fromfile(self._arrived, _EVENT, self._block)):
            blocks = np.searchsorted(users, events["users"], side="right") - 1
            order = np.argsort(blocks, kind="stable")
            for block, part in _runs(blocks[order], events[order]):
                placed.seek(int(free[block]) * _EVENT.itemsize)
                self._write(placed, part)
                free[block] += len(part)
        self._arrived.close()
        return placed

    def _arrow(self, columns: dict[str, IO[bytes]]) -> dict[str, NDArray[Any]]:  # `Any`: of `_COLUMNS`
        """The columns in a mapped Arrow file."""
        try:
            with TemporaryFile(dir=self._folder) as file:
                write_columns(pa.PythonFile(file, "w"), {name: np.memmap(columns[name], kind, mode="r") for name, kind in _COLUMNS.items()})
                for column in columns.values():
                    column.close()
                file.flush()
                return read_columns(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
        except OSError as error:
            raise self._full(error) from None

    def _file(self) -> IO[bytes]:
        try:
            return TemporaryFile(dir=self._folder, buffering=0)
        except OSError as error:
            raise self._full(error) from None

    def _write(self, file: IO[bytes], array: NDArray[np.generic]) -> None:
        rest = np.ascontiguousarray(array).view(np.uint8).data
        try:
            while len(rest):
                rest = rest[file.write(rest) :]
        except OSError as error:
            raise self._full(error) from None

    def _full(self, error: OSError) -> DataError:
        gigabytes = int(self._counts.sum()) * PEAK / 1e9
        why = f"the events cannot be put in order here ({error.strerror}); those so far take {gigabytes:,.1f} GB for a while"
        return DataError(f"{self._folder}: {why}")


def _runs(blocks: LongArray, events: Events) -> Iterable[tuple[int, Events]]:
    """(block, its events) from events sorted by block."""
    first = np.flatnonzero(np.diff(blocks, prepend=-1))
    return zip(blocks[first].tolist(), np.split(events, first[1:]), strict=True)
