"""One JSON object: each person's baskets in order, `{"user": [[item, …], [item, …], …]}`, as studies of next baskets publish them."""

import re
from collections.abc import Iterator
from typing import Any

import orjson
import polars as pl

from penchant.core import columns
from penchant.core.errors import DataError
from penchant.data.options import ReadOptions
from penchant.data.sources.table import CHUNK_ROWS, LINE, ORDER, Bad, Chunk, InputFile, Table

_BEGINNING = re.compile(rb'\s*\{\s*"[^"]*"\s*:\s*\[\s*\[')

FILLING = -1  # some files begin and end a history with the basket [-1]


class Baskets:
    """A whole document; it must fit into memory."""

    def recognises(self, file: InputFile, options: ReadOptions) -> bool:
        """An object whose first value is a list of lists."""
        return options.delimiter is None and _BEGINNING.match(file.head) is not None

    def open(self, file: InputFile, options: ReadOptions) -> Table:
        """A table of user and item, one row an item; the items of one basket have one place in the order."""
        with file.stream() as (data, _):
            try:
                people = orjson.loads(data.read())
            except orjson.JSONDecodeError as error:
                raise DataError(f"{file.path}: is no JSON document ({error})") from None
        if not isinstance(people, dict):
            raise DataError(f'{file.path}: holds no JSON object; expected {{"user": [[item, …], …]}}')
        names = [columns.USER_ID, columns.ITEM_ID]
        decisions = ["each key is a user, each list in its list a basket, in order"]
        return Table(file.path, "baskets", names, _chunks(file, people), decisions=decisions)


def _chunks(file: InputFile, people: dict[str, Any]) -> Iterator[Chunk]:  # `Any`: JSON
    rows: list[tuple[str, str, int, int]] = []
    bad: list[Bad] = []
    order = 0
    for number, (user, baskets) in enumerate(people.items(), start=1):
        if not isinstance(baskets, list) or not all(isinstance(basket, list) for basket in baskets):
            bad.append(Bad(number, user, str(baskets)[:80], "not a list of baskets"))
            continue
        for basket in baskets:
            order += 1
            rows += [(user, str(item), number, order) for item in basket if item != FILLING]
        while len(rows) >= CHUNK_ROWS:
            yield Chunk(_frame(rows[:CHUNK_ROWS]), tuple(bad), 0)
            rows, bad = rows[CHUNK_ROWS:], []
    if rows or bad:
        yield Chunk(_frame(rows), tuple(bad), file.size)


def _frame(rows: list[tuple[str, str, int, int]]) -> pl.DataFrame:
    schema = {columns.USER_ID: pl.String, columns.ITEM_ID: pl.String, LINE: pl.Int64, ORDER: pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")
