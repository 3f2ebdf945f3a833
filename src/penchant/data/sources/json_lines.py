"""JSON: one object a line, an array of objects, or one object whose keys are ids. Numbers become texts as they are written."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import polars as pl

from penchant.core import columns
from penchant.core.errors import DataError
from penchant.data.options import ReadOptions
from penchant.data.sources.table import CHUNK_ROWS, LINE, Bad, Chunk, InputFile, Table
from penchant.data.sources.text import TextReader, undecodable

MAX_DOCUMENT = 512 << 20

# Longer numbers than these do not survive as 64-bit integers or floats.
_LONG_NUMBER = re.compile(r"\d{16}")

Row = dict[str, Any]  # a JSON object


class JsonLines:
    """JSON Lines above all; whole documents where they fit into memory."""

    def recognises(self, file: InputFile, options: ReadOptions) -> bool:
        """A first mark of `{`, or of `[` before another JSON value."""
        if options.delimiter:
            return False
        text = TextReader(file, options.encoding).sample().lstrip()
        return text.startswith("{") or (text.startswith("[") and text[1:].lstrip()[:1] in ("{", "]"))

    def open(self, file: InputFile, options: ReadOptions) -> Table:
        """The objects as a table; its columns are the keys of the first chunk, in order of appearance."""
        reader = TextReader(file, options.encoding)
        first = reader.sample().lstrip().split("\n", 1)[0]
        if first.startswith("[") or not _is_object(first):
            chunks = _document(reader)
        else:
            chunks = _lines(reader)
            if _is_mapping(first) and file.complete and not reader.sample().strip().count("\n"):
                chunks = _document(reader)
        start = next(chunks, None)
        if start is None or not len(start.frame):
            raise DataError(f'{file.path}: holds no JSON object; expected one a line: {{"user_id": …, "item_id": …}}')
        names = [name for name in start.frame.columns if name != LINE]
        return Table(file.path, "json", names, _same_columns(start, chunks, names), decisions=[reader.words])


def _is_object(line: str) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _is_mapping(line: str) -> bool:
    """`{"id": {…}, "id": […]}`: every value is an object or a list."""
    value = orjson.loads(line)
    return len(value) > 1 and all(isinstance(part, dict | list) for part in value.values())


def _same_columns(first: Chunk, others: Iterator[Chunk], names: Sequence[str]) -> Iterator[Chunk]:
    yield first
    for chunk in others:
        absent = [pl.lit(None, dtype=pl.String).alias(name) for name in names if name not in chunk.frame.columns]
        yield Chunk(chunk.frame.with_columns(absent).select([*names, LINE]), chunk.bad, chunk.position)


def _lines(reader: TextReader) -> Iterator[Chunk]:
    rows: list[Row] = []
    numbers: list[int] = []
    bad: list[Bad] = []
    for block in reader.blocks():
        for number, line in enumerate(block.text.split("\n"), start=block.line):
            if not line or line.isspace():
                continue
            row, problem = _parse(line)
            if problem:
                bad.append(Bad(number, "", line, problem))
            else:
                rows.append(row)
                numbers.append(number)
        while len(rows) >= CHUNK_ROWS:
            yield Chunk(_frame(rows[:CHUNK_ROWS], numbers[:CHUNK_ROWS]), tuple(bad), block.position)
            rows, numbers, bad = rows[CHUNK_ROWS:], numbers[CHUNK_ROWS:], []
    if rows or bad:
        yield Chunk(_frame(rows, numbers), tuple(bad), reader.file.size)


def _parse(line: str) -> tuple[Row, str]:
    if undecodable(line):
        return {}, "bytes that are not valid text"
    try:
        value = None if _LONG_NUMBER.search(line) else orjson.loads(line)
    except orjson.JSONDecodeError:
        value = None  # NaN and Infinity are no JSON, yet some write them
    try:
        value = _exact(line) if value is None else value
    except (ValueError, RecursionError) as error:
        return {}, f"not JSON: {error}"
    if not isinstance(value, dict):
        return {}, "not a JSON object"
    return value, ""


def _exact(line: str) -> Any:
    """A JSON value whose numbers are the texts that were written. `Any`: JSON."""
    return json.loads(line, parse_int=str, parse_float=str, parse_constant=str)


def _document(reader: TextReader) -> Iterator[Chunk]:
    text, path = "", reader.file.path
    for block in reader.blocks():
        text += block.text
        if len(text) > MAX_DOCUMENT:
            raise DataError(f"{path}: longer than {MAX_DOCUMENT >> 20} MiB; write one object a line (JSON Lines) to read it in parts")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise DataError(f"{path}: is not JSON: {error}") from None
    if isinstance(value, dict) and len(value) == 1 and isinstance(wrapped := next(iter(value.values())), list):
        value = wrapped if all(isinstance(part, dict) for part in wrapped) else value
    parts = [_with_id(key, part) for key, part in value.items()] if isinstance(value, dict) else value
    good = [(number, part) for number, part in enumerate(parts, start=1) if isinstance(part, dict)]
    bad = tuple(Bad(number, "", str(part), "not a JSON object") for number, part in enumerate(parts, start=1) if not isinstance(part, dict))
    numbers, rows = [number for number, _ in good], [part for _, part in good]
    for start in range(0, max(1, len(rows)), CHUNK_ROWS):
        part = slice(start, start + CHUNK_ROWS)
        yield Chunk(_frame(rows[part], numbers[part]), bad if start == 0 else (), reader.file.size)


def _with_id(key: str, value: Any) -> Row:
    """One row of an object whose keys are ids. `Any`: JSON."""
    if isinstance(value, dict):
        return {"id": key, **value}
    return {"id": key, columns.CATEGORIES if isinstance(value, list) else "value": value}


def _frame(rows: Sequence[Row], numbers: Sequence[int]) -> pl.DataFrame:
    names = list(dict.fromkeys(name for row in rows for name in row))
    series = [column_of(name, [row.get(name) for row in rows]) for name in names]
    return pl.DataFrame([*series, pl.Series(LINE, numbers, dtype=pl.Int64)])


def column_of(name: str, values: Sequence[Any]) -> pl.Series:
    """A column of JSON values as texts, or as lists of texts where they are lists. `Any`: JSON."""
    if any(isinstance(value, list) for value in values):
        rows = [value if isinstance(value, list) else [] if value is None else [value] for value in values]
        return pl.Series(name, [[_text(part) for part in row if part is not None] for row in rows], dtype=pl.List(pl.String))
    return pl.Series(name, [None if value is None else _text(value) for value in values], dtype=pl.String)


def _text(value: Any) -> str:
    """A JSON value as it is written. `Any`: JSON."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
