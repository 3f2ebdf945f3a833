"""Lists over the whole SQLite file: pages of users and items, the live vocabulary, what is popular."""

import json
from typing import Any

from penchant.stores.sqlite.database import Database
from penchant.stores.sqlite.schema import TABLES, encodable, read_columns

_USERS = """
    SELECT id, (SELECT count(*) FROM event WHERE user = code) AS n FROM user WHERE id >= ? AND (? IS NULL OR id < ?)
    ORDER BY id LIMIT ? OFFSET ?
"""
_POPULAR = """
    SELECT i.id, p.n FROM (SELECT item, count(*) AS n FROM event WHERE at >= ? GROUP BY item) p JOIN item i ON i.code = p.item
    WHERE NOT i.hidden ORDER BY p.n DESC, i.code LIMIT ?
"""


class SqliteListing:
    """The Listing of a SQLite file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def users(self, limit: int, offset: int = 0, prefix: str = "") -> tuple[list[tuple[str, int]], int]:
        """A page of (user id, number of events) in order of id, and how many users there are whose id starts with `prefix`."""
        if not encodable(prefix):
            return [], 0
        end = _after_prefix(prefix)
        with self._database.reading() as connection:
            ids, counts = read_columns(connection, ("id", "n"), _USERS, (prefix, end, end, max(0, limit), max(0, offset)))
            counting = "SELECT count(*) FROM user WHERE id >= ? AND (? IS NULL OR id < ?)"
            (total,) = connection.execute(counting, (prefix, end, end)).fetchone()
        return list(zip(ids, counts, strict=True)), total

    def items(self, after: int = 0) -> tuple[int, list[str]]:
        """A cursor, and the item ids that were first named after the cursor `after`, in that order; append only."""
        select = "SELECT code, id FROM item WHERE code > ? ORDER BY code LIMIT -1"
        with self._database.reading() as connection:
            codes, ids = read_columns(connection, ("code", "id"), select, (after,))
        return (codes[-1] if codes else after), ids

    def unavailable(self) -> set[str]:
        """Items that must not be recommended: those marked `available: false`, and those deleted from the catalogue."""
        with self._database.reading() as connection:
            (ids,) = read_columns(connection, ("id",), "SELECT id FROM item WHERE hidden LIMIT -1", ())
        return set(ids)

    def popular(self, limit: int, since: int = 0) -> list[tuple[str, int]]:
        """At most `limit` available (item id, number of events with time ≥ `since`), most first, ties by first arrival.

        Reads all events since then, about 0.2 µs each.
        """
        with self._database.reading() as connection:
            ids, counts = read_columns(connection, ("id", "n"), _POPULAR, (since, max(0, limit)))
        return list(zip(ids, counts, strict=True))

    def catalogue(self, kind: str, limit: int, offset: int = 0) -> tuple[list[tuple[str, dict[str, Any]]], int]:
        """A page of (id, properties) in order of arrival, and how many there are. `Any`: JSON."""
        table = TABLES[kind]
        select = f"SELECT id, properties FROM {table} WHERE properties IS NOT NULL ORDER BY code LIMIT ? OFFSET ?"
        with self._database.reading() as connection:
            ids, texts = read_columns(connection, ("id", "properties"), select, (max(0, limit), max(0, offset)))
            (total,) = connection.execute(f"SELECT count(*) FROM {table} WHERE properties IS NOT NULL").fetchone()
        return [(id_, json.loads(text)) for id_, text in zip(ids, texts, strict=True)], total


def _after_prefix(prefix: str) -> str | None:
    """The first text, byte by byte, behind all that start with `prefix`; None when there is none."""
    stem = prefix.rstrip("\U0010ffff")
    if not stem:
        return None
    following = ord(stem[-1]) + 1
    return stem[:-1] + chr(0xE000 if following == 0xD800 else following)
