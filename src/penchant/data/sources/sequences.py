"""One line a user: the user, then the items in order (s3rec, LightGCN). One line a basket, without a user, where no first field
tells lines apart.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import polars as pl

from penchant.core import columns
from penchant.core.errors import DataError
from penchant.data.names import is_known
from penchant.data.options import ReadOptions
from penchant.data.sources.dialect import CONSISTENT, DELIMITERS, Dialect
from penchant.data.sources.table import CHUNK_ROWS, LINE, ORDER, Bad, Chunk, InputFile, Table
from penchant.data.sources.text import TextReader, undecodable

_SAMPLE_LINES = 500


class Sequences:
    """Lines of different length without a header."""

    def recognises(self, file: InputFile, options: ReadOptions) -> bool:
        """Whether no delimiter gives most lines the same number of fields, and one gives many lines many."""
        if options.header or options.columns:
            return False
        lines = _sample(file, options)
        return _delimiter(lines, options) is not None and not any(is_known(cell) for cell in lines[0].split(_delimiter(lines, options)))

    def open(self, file: InputFile, options: ReadOptions) -> Table:
        """A table of user and item, one row an item."""
        lines = _sample(file, options)
        delimiter = options.delimiter or _delimiter(lines, options) or " "
        rows = [Dialect(delimiter).split(line) for line in lines]
        has_user = len({row[0] for row in rows}) >= CONSISTENT * len(rows) and all(len(row) > 1 for row in rows)
        what = "a user and the items in order" if has_user else "a basket; its number stands for the user"
        reader = TextReader(file, options.encoding)
        decisions = [reader.words, Dialect(delimiter).words, f"each line is {what}"]
        names = [columns.USER_ID, columns.ITEM_ID]
        return Table(file.path, "sequences", names, _chunks(reader, Dialect(delimiter), has_user=has_user), decisions=decisions)


def _sample(file: InputFile, options: ReadOptions) -> list[str]:
    lines = TextReader(file, options.encoding).sample().split("\n")
    sample = [line.rstrip("\r") for line in lines if line.strip()][:_SAMPLE_LINES]
    if not sample:
        raise DataError(f"{file.path}: has no rows")
    return sample


def _delimiter(lines: Sequence[str], options: ReadOptions) -> str | None:
    """The one that divides lines into irregularly many fields, where none divides them regularly."""
    irregular = None
    for candidate in [options.delimiter] if options.delimiter else DELIMITERS:
        widths = [len(Dialect(candidate).split(line)) for line in lines]
        width, count = Counter(widths).most_common(1)[0]
        if width > 1 and count >= 0.6 * len(widths) and not (candidate == " " and irregular):
            return None
        divided = sum(width > 1 for width in widths)
        if divided >= 0.5 * len(widths) and (candidate != " " or _are_ids(lines)):
            irregular = irregular or candidate
    return irregular


def _are_ids(lines: Sequence[str]) -> bool:
    """Whether blanks divide ids rather than words: digits in nearly all of them."""
    fields = [field for line in lines for field in line.split()]
    return sum(any(letter.isdigit() for letter in field) for field in fields) >= CONSISTENT * len(fields)


def _chunks(reader: TextReader, dialect: Dialect, *, has_user: bool) -> Iterator[Chunk]:
    users: list[str] = []
    items: list[str] = []
    numbers: list[int] = []
    bad: list[Bad] = []
    done = 0
    for block in reader.blocks():
        for number, line in enumerate(block.text.split("\n"), start=block.line):
            text = line.rstrip("\r")
            if not text.strip():
                continue
            if undecodable(text):
                bad.append(Bad(number, "", "", f"bytes that are not valid {reader.encoding}"))
                continue
            fields = dialect.split(text)
            user, found = (fields[0], fields[1:]) if has_user else (str(number), fields)
            if not found:
                bad.append(Bad(number, columns.ITEM_ID, text, "a user without items"))
            items += found
            users += [user] * len(found)
            numbers += [number] * len(found)
            while len(items) >= CHUNK_ROWS:
                yield Chunk(_frame(users[:CHUNK_ROWS], items[:CHUNK_ROWS], numbers[:CHUNK_ROWS], done), tuple(bad), block.position)
                done += CHUNK_ROWS
                users, items, numbers, bad = users[CHUNK_ROWS:], items[CHUNK_ROWS:], numbers[CHUNK_ROWS:], []
    if items or bad:
        yield Chunk(_frame(users, items, numbers, done), tuple(bad), reader.file.size)


def _frame(users: Sequence[str], items: Sequence[str], numbers: Sequence[int], done: int) -> pl.DataFrame:
    texts = {columns.USER_ID: pl.Series(users, dtype=pl.String), columns.ITEM_ID: pl.Series(items, dtype=pl.String)}
    order = pl.int_range(done, done + len(items), dtype=pl.Int64, eager=True)
    return pl.DataFrame({**texts, LINE: pl.Series(numbers, dtype=pl.Int64), ORDER: order})
