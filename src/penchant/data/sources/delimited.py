"""Delimited text: CSV, TSV, `::`, `;`, `|` or blanks, with and without a header, quoted or not.

Most blocks of most files are plain: a record a line, none of them empty or ragged. Those go through pyarrow (1 M rows of four columns in
0.13 s); a block that is anything else is read line by line in Python (3 s), where each bad row can be told from its neighbours.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence

import polars as pl
import pyarrow as pa
from pyarrow import csv as arrow_csv

from penchant.core.errors import DataError
from penchant.data.mapping import is_header
from penchant.data.options import ReadOptions
from penchant.data.sources.dialect import MAX_FIELD, QUOTE, SAMPLE_RECORDS, Dialect, Records, parse, sniff
from penchant.data.sources.table import CHUNK_ROWS, LINE, Bad, Chunk, InputFile, Table
from penchant.data.sources.text import Block, TextReader, undecodable

# Stands for a delimiter of several characters while pyarrow reads, which knows single ones only.
_UNIT = "\x1f"

# Lines before the table that begin so are about it.
_COMMENTS = ("#", "%")


class Delimited:
    """CSV and its relatives; takes what no other source wants."""

    def recognises(self, file: InputFile, options: ReadOptions) -> bool:
        """Always: this source is asked last."""
        return True

    def open(self, file: InputFile, options: ReadOptions) -> Table:
        """The file as a table of texts. Raises DataError where it has a single column."""
        csv.field_size_limit(MAX_FIELD)  # the library's own limit of 128 KiB is process-wide and can only be set so
        reader = TextReader(file, options.encoding)
        lines = reader.sample().split("\n")[: 2 * SAMPLE_RECORDS]
        comments = next((place for place, line in enumerate(lines) if not line.startswith(_COMMENTS)), 0)
        dialect = sniff(lines[comments:], options.delimiter)
        sample = parse(lines[comments:], 1 + comments, dialect, width=None, final=True)
        if not sample.rows:
            raise DataError(f"{file.path}: has no rows")
        if comments and _is_commented_header(lines[comments - 1], dialect, sample.rows):
            sample.rows.insert(0, dialect.split(lines[comments - 1].lstrip("".join(_COMMENTS) + " ")))
            sample.lines.insert(0, comments)
        header = options.header
        if header is None:
            header = not options.columns and (options.names_any(sample.rows[0]) or is_header(sample.rows[0], sample.rows[1:]))
        names = _names(sample, header=header, given=options.columns)
        if len(names) < 2:
            raise DataError(f"{file.path}: every row has a single field; say how fields are divided with --delimiter")
        decisions = [reader.words, dialect.words, "header: " + (", ".join(names) if header else "none")]
        skip = sample.lines[0] if header else comments
        return Table(file.path, "delimited", names, _chunks(reader, dialect, names, skip), header=header, decisions=decisions)


def _is_commented_header(line: str, dialect: Dialect, rows: Sequence[Sequence[str]]) -> bool:
    """`# user item time` above rows of three fields."""
    cells = dialect.split(line.lstrip("".join(_COMMENTS) + " "))
    return len(cells) == len(rows[0]) and is_header(cells, rows)


def _names(sample: Records, *, header: bool, given: Sequence[str]) -> list[str]:
    """One name a column, all different; those without one are called by their place."""
    body = sample.rows[1:] if header else sample.rows
    width = Counter(len(row) for row in body).most_common(1)[0][0] if body else len(sample.rows[0])
    if not header:
        return _different(list(given) + [""] * (max(width, len(given)) - len(given)))
    first = [name.strip() for name in sample.rows[0]]
    surplus = width - len(first)
    if surplus < 0:
        return _different(first[:width] if not any(first[width:]) else first)
    if surplus and any(any(row[len(first) :]) for row in body if len(row) == width):
        first = ["", *first]  # a column of row names, which the header leaves out
        surplus -= 1
    return _different(first + [""] * surplus)


def _different(names: Sequence[str]) -> list[str]:
    taken: dict[str, int] = {}
    different = []
    for place, name in enumerate(names, start=1):
        wanted = name or f"column_{place}"
        taken[wanted] = taken.get(wanted, 0) + 1
        different.append(wanted if taken[wanted] == 1 else f"{wanted}_{taken[wanted]}")
    return different


def _chunks(reader: TextReader, dialect: Dialect, names: Sequence[str], skip: int) -> Iterator[Chunk]:
    """The rows behind line `skip`, in chunks; a record may go on from one block to the next."""
    rest, rest_line = "", 0
    blocks = reader.blocks()
    block = next(blocks, None)
    while block is not None:
        following = next(blocks, None)
        text, line = (rest + block.text, rest_line) if rest else (block.text, block.line)
        if line <= skip:
            cut = min(skip - line + 1, text.count("\n"))
            text, line = text.split("\n", cut)[-1], line + cut
        frame = _plain(text, line, dialect, names)
        rest = ""
        if frame is not None:
            yield from _slices(frame, (), block)
        else:
            lines = text.split("\n")
            lines.pop()  # behind the last line feed
            found = parse(lines, line, dialect, width=len(names), final=following is None)
            if found.unread:
                rest, rest_line = "\n".join(lines[-found.unread :]) + "\n", line + len(lines) - found.unread
            yield from _slices(*_frame(found, names, reader.encoding, doubtful=undecodable(text)), block)
        block = following


def _plain(text: str, line: int, dialect: Dialect, names: Sequence[str]) -> pl.DataFrame | None:
    """The block through pyarrow, or None where a row of it needs a closer look."""
    delimiter = dialect.delimiter
    if dialect.padded or (delimiter == " " and "  " in text):
        return None
    if len(delimiter) > 1:
        if _UNIT in text:
            return None
        text, delimiter = text.replace(delimiter, _UNIT), _UNIT
    columns = [str(place) for place in range(len(names))]
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(text.encode("utf-8")),
            read_options=arrow_csv.ReadOptions(use_threads=False, column_names=columns, block_size=max(1 << 20, 4 * len(text))),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter,
                quote_char=QUOTE if dialect.quoted else False,
                double_quote=not dialect.escaped,
                escape_char="\\" if dialect.escaped else False,
            ),
            convert_options=arrow_csv.ConvertOptions(column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False),
        )
    except (pa.ArrowInvalid, UnicodeEncodeError):
        return None
    if len(table) != text.count("\n"):  # an empty line or a record over several: rows and lines would part
        return None
    frame = pl.DataFrame([pl.Series(name, table.column(place)) for place, name in enumerate(names)])
    return frame.with_columns(pl.int_range(line, line + len(table), dtype=pl.Int64).alias(LINE))


def _frame(found: Records, names: Sequence[str], encoding: str | None, *, doubtful: bool) -> tuple[pl.DataFrame, tuple[Bad, ...]]:
    """The records as a frame; those that hold undecodable bytes become bad ones."""
    rows, lines, bad = found.rows, found.lines, list(found.bad)
    if doubtful:
        good = [not any(undecodable(cell) for cell in row) for row in rows]
        reason = f"bytes that are not valid {encoding}"
        bad += [Bad(line, "", "", reason) for line, fine in zip(lines, good, strict=True) if not fine]
        rows = [row for row, fine in zip(rows, good, strict=True) if fine]
        lines = [line for line, fine in zip(lines, good, strict=True) if fine]
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    series = [pl.Series(name, column, dtype=pl.String) for name, column in zip(names, columns, strict=True)]
    return pl.DataFrame([*series, pl.Series(LINE, lines, dtype=pl.Int64)]), tuple(sorted(bad, key=lambda each: each.line))


def _slices(frame: pl.DataFrame, bad: tuple[Bad, ...], block: Block) -> Iterator[Chunk]:
    for start in range(0, max(len(frame), 1), CHUNK_ROWS):
        yield Chunk(frame.slice(start, CHUNK_ROWS), bad if start == 0 else (), block.position)
