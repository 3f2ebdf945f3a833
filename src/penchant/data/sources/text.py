"""Bytes to lines of text: finds the encoding, cuts the file into blocks that end where a line ends.

While a file has been pure ASCII its encoding is open; the first line that is not decides. A line that is not valid in
the encoding keeps its bytes as lone surrogates, so that the reader of rows can reject that row and no other.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from penchant.core.errors import ConfigError, DataError
from penchant.data.sources.table import InputFile

BLOCK_BYTES = 2 << 20
MAX_LINE_BYTES = 64 << 20

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WIDE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32")
_HIGH = re.compile(rb"[\x80-\xff]+")
_UNDECODABLE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Block:
    """Whole lines, each ending in a line feed."""

    text: str
    line: int  # of the first one, from 1
    position: int  # bytes of the file behind us


class TextReader:
    """The text of a file in blocks. `encoding` is None as long as nothing but ASCII was met."""

    def __init__(self, file: InputFile, encoding: str | None = None) -> None:
        self.file = file
        self.encoding = _codec(encoding) if encoding else None
        self._mark = b""
        self._detect(file.head)
        self._old_line_ends = b"\r" in file.head and b"\n" not in file.head and self.encoding not in _WIDE

    def _detect(self, head: bytes) -> None:
        for mark, name in _MARKS:
            if head.startswith(mark) and self.encoding in (None, name):
                self.encoding = name
                self._mark = mark if name == "utf-8" else b""
                return
        if b"\0" in head and self.encoding is None:
            even, odd = head[0::2].count(0), head[1::2].count(0)
            if max(even, odd) < len(head) // 8 or min(even, odd) > max(even, odd) // 8:
                raise DataError(f"{self.file.path}: holds binary data; readable are delimited text, JSON Lines and Parquet, also gzipped")
            self.encoding = "utf-16-be" if even > odd else "utf-16-le"

    @property
    def words(self) -> str:
        """The decision, for people."""
        return f"encoding: {self.encoding or 'ASCII'}"

    def sample(self) -> str:
        """The first lines, at most a block of them; the last one may be cut where it is the only one."""
        for block in self.blocks():
            return block.text
        return ""

    def blocks(self) -> Iterator[Block]:
        """All blocks in order."""
        with self.file.stream() as (data, raw):
            line = 1
            for text in self._texts(data):
                yield Block(text, line, raw.tell())
                line += text.count("\n")

    def _texts(self, data: BinaryIO) -> Iterator[str]:
        data.read(len(self._mark))
        yield from self._cut_wide(data) if self.encoding in _WIDE else self._cut(data)

    def _cut(self, data: BinaryIO) -> Iterator[str]:
        """Blocks of an encoding in which the byte 0x0A is always a line feed."""
        rest = b""
        while block := data.read(BLOCK_BYTES):
            block = rest + (block.replace(b"\r", b"\n") if self._old_line_ends else block)
            end = block.rfind(b"\n") + 1
            rest = block[end:]
            if len(rest) > MAX_LINE_BYTES:
                raise DataError(f"{self.file.path}: a line is longer than {MAX_LINE_BYTES >> 20} MiB; is this a text file?")
            if end:
                yield self._decode(block[:end])
        if rest:
            yield self._decode(rest.rstrip(b"\r") + b"\n")

    def _decode(self, block: bytes) -> str:
        if block.isascii():
            return block.decode("ascii")
        if self.encoding is None:
            self.encoding = guess_encoding(block)
        return block.decode(self.encoding, errors="surrogateescape")

    def _cut_wide(self, data: BinaryIO) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder(self.encoding or "utf-16")(errors="replace")
        rest, first = "", True
        while block := data.read(BLOCK_BYTES):
            text = rest + decoder.decode(block)
            if first:
                text, first = text.removeprefix("\ufeff"), False
            end = text.rfind("\n") + 1
            rest = text[end:]
            if end:
                yield text[:end]
        rest += decoder.decode(b"", final=True)
        if rest:
            yield rest + "\n"


def guess_encoding(block: bytes) -> str:
    """utf-8 where nearly all lines are valid; gb18030 where high bytes come in pairs, as in Chinese; else cp1252 or latin-1."""
    lines = [line for line in block.split(b"\n") if not line.isascii()]
    if sum(_valid(line, "utf-8") for line in lines) >= 0.9 * len(lines):
        return "utf-8"
    runs = [len(run) for run in _HIGH.findall(block)]
    paired = sum(length % 2 == 0 for length in runs) >= 0.8 * len(runs)
    if paired and sum(_valid(line, "gb18030") for line in lines) >= 0.9 * len(lines):
        return "gb18030"
    return "cp1252" if _valid(block, "cp1252") else "latin-1"


def _codec(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise ConfigError(f"encoding: no such encoding {name!r}; for example utf-8, latin-1, gb18030, utf-16") from None


def undecodable(text: str) -> bool:
    """Whether the text holds bytes that its encoding does not know."""
    return _UNDECODABLE.search(text) is not None


def _valid(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
