"""The catalogue in SQLite: items and users with their properties, and search over what items say."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from penchant.core import columns
from penchant.core.errors import DataError
from penchant.stores.sqlite.database import Database
from penchant.stores.sqlite.schema import TABLES, encodable, read_columns
from penchant.stores.words import query, words

Properties = dict[str, Any]  # JSON values, hence `Any`

TITLE_WEIGHT = 4.0  # a word in the title against the same word elsewhere
_IDS_A_QUERY = 500

_UPSERT = """
    INSERT INTO {table} (id, hidden, properties) VALUES (?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET hidden = excluded.hidden, properties = excluded.properties
"""
_SEARCH = f"""
    SELECT i.id, -bm25(item_text, {TITLE_WEIGHT}, 1.0) AS score FROM item_text JOIN item i ON i.code = item_text.rowid
    WHERE item_text MATCH ? ORDER BY score DESC, i.code LIMIT ?
"""


class SqliteFeatures:
    """The FeatureStore of a SQLite file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def upsert(self, kind: str, rows: Sequence[tuple[str, Properties]]) -> int:
        """Add or replace (id, properties), the last of equal ids wins; returns how many ids were not in the catalogue.

        `available: false` hides an item. Raises DataError for what JSON or UTF-8 cannot hold (NaN, a lone surrogate).
        """
        table = _table(kind)
        prepared = {id_: (_hidden(properties), _json(id_, properties), _texts(properties)) for id_, properties in rows}

        def work(connection: sqlite3.Connection) -> int:
            known = sum(_known(connection, table, id_) for id_ in prepared)
            connection.executemany(_UPSERT.format(table=table), [(id_, hidden, text) for id_, (hidden, text, _) in prepared.items()])
            if table == "item":
                for id_, (hidden, _, texts) in prepared.items():
                    _index(connection, id_, None if hidden else texts)
            return len(prepared) - known

        return self._database.write(work, rows=len(prepared)).result()

    def delete(self, kind: str, ids: Sequence[str]) -> int:
        """Remove from the catalogue; returns how many were there. Events stay; a deleted item is never recommended."""
        table = _table(kind)
        distinct = [id_ for id_ in dict.fromkeys(ids) if encodable(id_)]

        def work(connection: sqlite3.Connection) -> int:
            known = [id_ for id_ in distinct if _known(connection, table, id_)]
            for id_ in known:
                connection.execute(f"UPDATE {table} SET properties = NULL, hidden = ? WHERE id = ?", (table == "item", id_))
                if table == "item":
                    _index(connection, id_, None)
                else:
                    connection.execute("DELETE FROM user WHERE id = ? AND NOT seen", (id_,))
            return len(known)

        return self._database.write(work, rows=len(distinct)).result()

    def get(self, kind: str, ids: Sequence[str]) -> dict[str, Properties]:
        """Properties of those that are in the catalogue, in the order asked for."""
        table = _table(kind)
        distinct = [id_ for id_ in dict.fromkeys(ids) if encodable(id_)]
        found: dict[str, str] = {}
        with self._database.reading() as connection:
            for start in range(0, len(distinct), _IDS_A_QUERY):
                part = distinct[start : start + _IDS_A_QUERY]
                places = ", ".join("?" * len(part))
                select = f"SELECT id, properties FROM {table} WHERE id IN ({places}) AND properties IS NOT NULL LIMIT {len(part)}"
                found.update(zip(*read_columns(connection, ("id", "properties"), select, part), strict=True))
        return {id_: json.loads(found[id_]) for id_ in distinct if id_ in found}

    def scan(self, kind: str, *, rows: int = 10_000) -> Iterator[list[tuple[str, Properties]]]:
        """All of them in order of arrival, in batches."""
        select = f"SELECT code, id, properties FROM {_table(kind)} WHERE code > ? AND properties IS NOT NULL ORDER BY code LIMIT ?"
        after = 0
        while True:
            with self._database.reading() as connection:
                codes, ids, texts = read_columns(connection, ("code", "id", "properties"), select, (after, rows))
            if not codes:
                return
            after = codes[-1]
            yield [(id_, json.loads(text)) for id_, text in zip(ids, texts, strict=True)]

    def search(self, text: str, n: int) -> list[tuple[str, float]]:
        """At most `n` available items that hold all words of `text` (where none does: any of them), best first.

        Score: BM25, positive, the title weighing more. The last word counts by its beginning. Words: see `stores.words`.
        Takes about 2 µs an item that matches.
        """
        terms = query(text)
        if not terms or n <= 0:
            return []
        with self._database.reading() as connection:
            for operator in (" AND ", " OR "):
                ids, scores = read_columns(connection, ("id", "score"), _SEARCH, (operator.join(terms), n))
                if ids:
                    return list(zip(ids, scores, strict=True))
        return []


def _table(kind: str) -> str:
    if kind not in TABLES:
        raise DataError(f"features: no such kind {kind!r}; allowed: {', '.join(TABLES)}")
    return TABLES[kind]


def _known(connection: sqlite3.Connection, table: str, id_: str) -> bool:
    return connection.execute(f"SELECT 1 FROM {table} WHERE id = ? AND properties IS NOT NULL", (id_,)).fetchone() is not None


def _index(connection: sqlite3.Connection, id_: str, texts: tuple[str, str] | None) -> None:
    """Make the item findable by the words of `texts` (title, rest) and no others; None = not at all."""
    (code,) = connection.execute("SELECT code FROM item WHERE id = ?", (id_,)).fetchone()
    connection.execute("DELETE FROM item_text WHERE rowid = ?", (code,))
    if texts is not None:
        connection.execute("INSERT INTO item_text (rowid, title, rest) VALUES (?, ?, ?)", (code, *texts))


def _json(id_: str, properties: Properties) -> str:
    if not encodable(id_):
        raise DataError(f"features: the id {id_!r} holds a lone surrogate, which is no text; fix its encoding at the source")
    if not isinstance(properties, dict):
        raise DataError(f"features: the properties of {id_!r} are a {type(properties).__name__}; a JSON object is needed")
    try:
        text = json.dumps(properties, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()
    except (ValueError, TypeError, RecursionError) as error:  # UnicodeEncodeError is a ValueError
        raise DataError(f"features: the properties of {id_!r} are not JSON: {error}") from None
    return text


def _hidden(properties: Properties) -> bool:
    available = properties.get(columns.AVAILABLE) if isinstance(properties, dict) else None
    return isinstance(available, int) and not available  # false, and 0 as a table may write it


def _texts(properties: Properties) -> tuple[str, str]:
    """The words of the title, and those of all other strings however deep, addresses left out."""
    title = " ".join(words(" ".join(_strings(properties.get(columns.TITLE)))))
    rest = " ".join(words(" ".join(_strings({name: value for name, value in properties.items() if name != columns.TITLE}))))
    return title, rest


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        if not value.startswith(("http://", "https://")):
            yield value
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)
