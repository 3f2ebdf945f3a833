"""Bytes to lines of text: finds the encoding, cuts the file into blocks that end where a line ends.

While a file has been pure ASCII its encoding is open; the first line that is not decides. A line that is not valid in
the encoding keeps its bytes as lone surrogates, so that the reader of rows can reject that row and no other.
"""

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import BinaryIO

from charset_normalizer import from_bytes

from penchant.core.errors import ConfigError, DataError
from penchant.data.sources.table import InputFile

BLOCK_BYTES = 2 << 20
MAX_LINE_BYTES = 64 << 20

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WIDE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32")
_HIGH = re.compile(rb"[\x80-\xff]+")
_FOUR = re.compile(rb"[\x81-\xfe][0-9][\x81-\xfe][0-9]")  # a letter such as ä in GB18030
_KANA = re.compile(rb"[\x82\x83]")  # where the characters of Japanese words begin in cp932; ‚ and ƒ elsewhere

# Encodings of other scripts than Latin, the first of those that are alike in `charset_normalizer`: so far apart in chaos and coherence.
MANY = ("gb18030", "big5", "euc_jp", "cp949")  # bytes a character, mostly two
SCRIPTS = (*MANY, "cp1251", "koi8_r", "cp1256", "cp1253", "cp1255")
ALIKE = (0.02, 0.03)
SAMPLE_BYTES = 1 << 16
MOST = 0.9  # share of lines that must be valid; the others are bad rows
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
        self._mark, self._guessed = b"", False
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
        doubt = " (guessed from its characters; --encoding decides)" if self._guessed else ""
        return f"encoding: {self.encoding or 'ASCII'}{doubt}"

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
            self._guessed = self.encoding != "utf-8"
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
    """utf-8 where nearly all lines are valid; that of another script where bytes above ASCII come in words; else cp1252 or latin-1.

    In Latin scripts such bytes come one by one. Which of theirs it is stays open: cp1252 is the most frequent.
    """
    lines = [line for line in block.split(b"\n") if not line.isascii()]
    if not lines or _share(lines, "utf-8") >= MOST:
        return "utf-8"
    return _of_script(_sample(lines)) or ("cp1252" if _valid(block, "cp1252") else "latin-1")


def _of_script(lines: list[bytes]) -> str | None:
    """The encoding of lines in another script than Latin; None where they are not."""
    text = b"\n".join(lines)
    plain = _FOUR.sub(b"", text)
    runs = [len(run) for run in _HIGH.findall(plain)]
    if len(_KANA.findall(plain)) >= 0.2 * sum(runs) > 0 and _share(lines, "cp932") >= MOST:
        return "cp932"
    paired = sum(length % 2 == 0 for length in runs) >= 0.8 * len(runs)
    if not (paired or sum(runs) >= 2.5 * len(runs) or plain != text):
        return None
    likely = MANY if paired else SCRIPTS
    possible = [encoding for encoding in likely if _share(lines, encoding) >= MOST]
    whole = [line for line in lines if all(_valid(line, encoding) for encoding in possible)]  # a broken line must not decide
    found = list(from_bytes(b"\n".join(whole), cp_isolation=possible)) if possible and whole else []
    if not found:
        return None
    chaos, coherence = found[0].chaos + ALIKE[0], found[0].coherence - ALIKE[1]
    alike = {match.encoding for match in found if match.chaos <= chaos and match.coherence >= coherence}
    return next(encoding for encoding in SCRIPTS if encoding in alike)


def _sample(lines: list[bytes]) -> list[bytes]:
    """The first lines, together at most `SAMPLE_BYTES`; of a longer one its beginning, no character cut in two."""
    ends = list(accumulate(len(line) for line in lines))
    return lines[: bisect_right(ends, SAMPLE_BYTES)] or [re.sub(rb"[\x80-\xff]+$", b"", lines[0][:SAMPLE_BYTES])]


def _share(lines: list[bytes], encoding: str) -> float:
    return sum(_valid(line, encoding) for line in lines) / len(lines)


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
