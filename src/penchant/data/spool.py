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
from penchant.core.types import UNKNOWN, FloatArray, IntArray, LongArray, SmallArray, offsets_of
from penchant.data.interactions import Interactions
from penchant.data.mapped import read_columns, write_columns

BLOCK = 2**21  # events sorted at a time, about 46 MB

_COLUMNS = {"items": "i4", "event_types": "i2", "values": "f4", "timestamps": "i8"}

Events = NDArray[np.void]  # of `Spool._event`


class Spool:
    """Takes events in order of arrival, gives them back as `Interactions` whose arrays are columns of a mapped Arrow file.

    Events are placed by blocks of users, each block is sorted by itself, and the sorted columns are written as an Arrow file. Memory:
    a few blocks or the longest history, 8 bytes a user, and what of the mapped file is read; disk: 44 bytes an event while it is
    sorted, 18 afterwards, below `folder`, where any names its place 48 and 20. Raises DataError where the disk does not take that.
    """

    def __init__(self, folder: Path, *, block: int = BLOCK) -> None:
        self._folder, self._block = folder, block
        self._columns = _COLUMNS
        self._counts = np.zeros(0, np.int64)  # [U] events of each user so far
        self._arrived = self._file()

    def add(
        self,
        users: IntArray,
        items: IntArray,
        timestamps: LongArray,
        *,
        event_types: SmallArray,
        values: FloatArray,
        scenarios: SmallArray | None = None,
    ) -> None:
        """Further events, in order of arrival; `scenarios` where any of them names its place."""
        if scenarios is not None and "scenarios" not in self._columns:
            self._add_scenarios()
        events = np.empty(len(users), self._event)
        for name, column in zip(self._event.names or (), (users, items, event_types, values, timestamps, scenarios), strict=False):
            events[name] = UNKNOWN if column is None else column
        counts = np.bincount(users, minlength=len(self._counts))
        counts[: len(self._counts)] += self._counts
        self._counts = counts
        self._write(self._arrived, events)

    def interactions(self, n_users: int) -> Interactions:
        """All of them, sorted by user, time and arrival. The spool is used up by this."""
        offsets = offsets_of(np.concatenate([self._counts, np.zeros(n_users - len(self._counts), np.int64)]))
        if offsets[-1] == 0:
            self._arrived.close()
            return Interactions(offsets, **{name: np.zeros(0, kind) for name, kind in self._columns.items()})
        columns = {name: self._file() for name in self._columns}
        for events in self._blocks(offsets):
            order = np.lexsort((events["timestamps"], events["users"]))  # a stable mergesort
            for name, file in columns.items():
                self._write(file, events[name][order])
        return Interactions(offsets, **self._arrow(columns))

    @property
    def _event(self) -> np.dtype[np.void]:
        return np.dtype([("users", "i4"), *self._columns.items()])

    def _add_scenarios(self) -> None:
        """Room for the places of events; those so far name none."""
        told, before = self._event, self._arrived
        self._columns, self._arrived = {**_COLUMNS, "scenarios": "i2"}, self._file()
        before.seek(0)
        while len(events := np.fromfile(before, told, self._block)):
            wider = np.full(len(events), UNKNOWN, self._event)
            for name in told.names or ():
                wider[name] = events[name]
            self._write(self._arrived, wider)
        before.close()

    def _blocks(self, offsets: LongArray) -> Iterator[Events]:
        """The events of some users after the other, each block in order of arrival."""
        total = int(offsets[-1])
        ends = np.searchsorted(offsets, np.arange(self._block, total, self._block), side="right") - 1  # users at which blocks end
        users = np.unique(np.concatenate([[0], ends, [len(offsets) - 1]]))
        starts = offsets[users]  # [K+1] events at which they do
        placed = self._arrived if len(starts) == 2 else self._placed(users, starts)
        placed.seek(0)
        for size in np.diff(starts):
            yield np.fromfile(placed, self._event, int(size))
        placed.close()

    def _placed(self, users: LongArray, starts: LongArray) -> IO[bytes]:
        """The events in a file of their own, those of each block side by side."""
        placed, free = self._file(), starts[:-1].copy()
        self._arrived.seek(0)
        while len(events := np.fromfile(self._arrived, self._event, self._block)):
            blocks = np.searchsorted(users, events["users"], side="right") - 1
            order = np.argsort(blocks, kind="stable")
            for block, part in _runs(blocks[order], events[order]):
                placed.seek(int(free[block]) * self._event.itemsize)
                self._write(placed, part)
                free[block] += len(part)
        self._arrived.close()
        return placed

    def _arrow(self, columns: dict[str, IO[bytes]]) -> dict[str, NDArray[Any]]:  # `Any`: each its own
        """The columns in a mapped Arrow file."""
        try:
            with TemporaryFile(dir=self._folder) as file:
                mapped = {name: np.memmap(columns[name], kind, mode="r") for name, kind in self._columns.items()}
                write_columns(pa.PythonFile(file, "w"), mapped)
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
        gigabytes = int(self._counts.sum()) * 2 * self._event.itemsize / 1e9  # as they came and side by side
        why = f"the events cannot be put in order here ({error.strerror}); those so far take {gigabytes:,.1f} GB for a while"
        return DataError(f"{self._folder}: {why}")


def _runs(blocks: LongArray, events: Events) -> Iterable[tuple[int, Events]]:
    """(block, its events) from events sorted by block."""
    first = np.flatnonzero(np.diff(blocks, prepend=-1))
    return zip(blocks[first].tolist(), np.split(events, first[1:]), strict=True)
