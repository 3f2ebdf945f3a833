"""What every source turns a file into: chunks of columns, each row with its number, and the rows that could not be read."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import polars as pl

from penchant.core.errors import DataError
from penchant.data.options import ReadOptions

# The column that each chunk has besides the file's own: line of the file (or row, where it has no lines), from 1.
LINE = "\x00line"

# Where one line holds several events: their running number, which is their order in time when the file has no times.
ORDER = "\x00order"

CHUNK_ROWS = 100_000
HEAD_BYTES = 1 << 20

_GZIP = b"\x1f\x8b"
_FOREIGN = {
    b"PK\x03\x04": "a zip archive or spreadsheet; unpack it, or save it as CSV",
    b"BZh": "bzip2; unpack it first",
    b"\xfd7zXZ": "xz; unpack it first",
    b"(\xb5/\xfd": "zstd; unpack it first",
    b"SQLite format 3": "an SQLite database; export the table as CSV",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet; save it as CSV",
    b"%PDF": "a PDF",
}


@dataclass(frozen=True)
class Bad:
    """A row, or a cell of it, that cannot be used."""

    line: int
    column: str
    value: str
    reason: str


@dataclass(frozen=True)
class Chunk:
    """At most `CHUNK_ROWS` rows in file order."""

    frame: pl.DataFrame  # the file's columns, and LINE
    bad: tuple[Bad, ...] = ()
    position: int = 0  # bytes of the file behind us, compressed ones where it is compressed


@dataclass
class Table:
    """An opened file. `chunks` can be walked once."""

    path: Path
    kind: str
    columns: list[str]
    chunks: Iterator[Chunk]
    lists: frozenset[str] = frozenset()  # columns that hold several values divided by blanks
    header: bool = True  # False: the columns' names are ours, their meaning must be seen from their values
    decisions: list[str] = field(default_factory=list)


class Source(Protocol):
    """A kind of file."""

    def recognises(self, file: "InputFile", options: ReadOptions) -> bool:
        """Whether the file is of this kind, by its first bytes."""
        ...

    def open(self, file: "InputFile", options: ReadOptions) -> Table:
        """The file as a table. Raises DataError or SchemaError."""
        ...


class InputFile:
    """A file to be read, compressed or not. Raises DataError where it is missing, empty or of a foreign kind."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        if self.path.is_dir():
            raise DataError(f"{self.path}: is a folder; name the file in it")
        if not self.path.is_file():
            raise DataError(f"{self.path}: no such file")

    @cached_property
    def size(self) -> int:
        """Bytes on disk."""
        return self.path.stat().st_size

    @cached_property
    def compressed(self) -> bool:
        """Whether it is gzip, by content."""
        with self.path.open("rb") as raw:
            return raw.read(2) == _GZIP

    @cached_property
    def head(self) -> bytes:
        """The first bytes, decompressed."""
        with self.stream() as (data, _):
            head = data.read(HEAD_BYTES)
        if not head:
            raise DataError(f"{self.path}: is empty")
        for magic, what in _FOREIGN.items():
            if head.startswith(magic):
                raise DataError(f"{self.path}: is {what}")
        return head

    @property
    def complete(self) -> bool:
        """Whether `head` is the whole file."""
        return len(self.head) < HEAD_BYTES

    @contextmanager
    def stream(self) -> Iterator[tuple[BinaryIO, BinaryIO]]:
        """The decompressed bytes, and the file below them, whose `tell()` is the progress."""
        with self.path.open("rb") as raw:
            if not self.compressed:
                yield raw, raw
                return
            try:
                with gzip.open(raw) as data:
                    yield cast(BinaryIO, data), raw
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise DataError(f"{self.path}: the gzip file is damaged ({error}); fetch it again") from None
