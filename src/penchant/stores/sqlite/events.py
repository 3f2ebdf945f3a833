"""Events in SQLite: appended in groups, read as of a time, scanned in order of arrival."""

import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future
from itertools import repeat
from typing import Any

import polars as pl

from penchant.core import columns
from penchant.core.clock import Clock
from penchant.core.errors import DataError, StoreError
from penchant.core.events import EVENT_SCHEMA, EventBatch
from penchant.core.log import logger
from penchant.core.protocols import Ack
from penchant.stores.sqlite.bulk import BULK_ROWS, insert_many, prepare, restore
from penchant.stores.sqlite.database import Database
from penchant.stores.sqlite.erase import NOBODY
from penchant.stores.sqlite.schema import encodable, insert_ids, insert_rows, read_columns

_LATEST = 2**63 - 1

_INTO = "event (user, item, type, at, received, id, value, session, scenario, recommendation, position, propensity, properties)"
_ROW = (
    "((SELECT code FROM user WHERE id = ?), (SELECT code FROM item WHERE id = ?), (SELECT code FROM name WHERE id = ?), "
    "?, ?, ?, ?, ?, (SELECT code FROM name WHERE id = ?), ?, ?, ?, ?)"
)

# Result columns are named as those of EVENT_SCHEMA.
_SELECT = """
    SELECT e.seq, u.id AS user_id, i.id AS item_id, t.id AS event_type, e.value, e.at AS timestamp, e.session AS session_id,
        s.id AS scenario, iif(typeof(e.id) = 'blob', lower(hex(e.id)), e.id) AS event_id,
        e.recommendation AS recommendation_id, e.position, e.propensity, e.properties
    FROM event e JOIN user u ON u.code = e.user JOIN item i ON i.code = e.item JOIN name t ON t.code = e.type
        LEFT JOIN name s ON s.code = e.scenario
"""
_HISTORY = f"{_SELECT} WHERE e.user = (SELECT code FROM user WHERE id = ?) AND e.at <= ? ORDER BY e.at DESC, e.seq DESC LIMIT ?"
_SCAN = f"{_SELECT} WHERE e.seq > ? AND e.seq <= ? ORDER BY e.seq LIMIT ?"
_LAST = 2**63 - 1  # no event comes after it
_STATS = f"""
    SELECT (SELECT count(*) FROM event) - (SELECT count(*) FROM event WHERE user = {NOBODY}) AS n_events,
        (SELECT count(*) FROM user WHERE seen) AS n_users, (SELECT count(*) FROM item WHERE seen) AS n_items,
        (SELECT ifnull(min(at), 0) FROM event WHERE item) AS first, (SELECT ifnull(max(at), 0) FROM event WHERE item) AS last
"""

_content_id = re.compile("[0-9a-f]{32}").fullmatch


class SqliteEvents:
    """The EventStore of a SQLite file."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._bulk = True  # whether indexes may be missing; what was killed in the middle of a bulk load left them so

    def append(self, events: EventBatch) -> Ack:
        """Store the batch whole; returns once it is on disk. A repeated `event_id` adds nothing. Large ones: see `bulk`.

        Raises DataError for a number that is not finite, StoreUnavailable (then nothing is stored) and StoreConflict.
        """
        return self.submit(events).result()

    def submit(self, events: EventBatch) -> "Future[Ack]":
        """Like `append`, without waiting: beyond the protocol, for callers that wait for many at once."""
        _check_finite(events.frame)
        rows = _rows(events.frame, self._clock())
        users, items = ([*dict.fromkeys(row[place] for row in rows)] for place in (0, 1))
        names = [*dict.fromkeys(row[place] for row in rows for place in (2, 8) if row[place] is not None)]

        def work(connection: sqlite3.Connection) -> Ack:
            if len(rows) >= BULK_ROWS:
                self._bulk = prepare(connection) or self._bulk
            elif self._bulk:
                self._bulk = restore(connection)
            stored = _append(connection, rows, users, items, names)
            return Ack(stored, len(rows) - stored)

        return self._database.write(work, rows=len(rows))

    def history(self, user_id: str, *, until: int | None = None, limit: int = 1000) -> EventBatch:
        """The last `limit` events of one user with time ≤ `until`, oldest first; equal times in order of arrival."""
        if not encodable(user_id):
            return EventBatch(pl.DataFrame(schema=EVENT_SCHEMA))
        parameters = (user_id, _LATEST if until is None else until, max(0, limit))
        with self._database.reading() as connection:
            values = read_columns(connection, list(EVENT_SCHEMA), _HISTORY, parameters)
        return EventBatch(_frame([column[::-1] for column in values]))

    def scan(self, *, after: int = 0, until: int | None = None, rows: int = 100_000) -> Iterator[tuple[int, EventBatch]]:
        """Everything in order of arrival, in batches, each with the cursor to go on from (`after`) or to stop at again (`until`).

        No snapshot: events that arrive meanwhile come too. Between batches nothing is held.
        """
        last = _LAST if until is None else until
        while True:
            with self._database.reading() as connection:
                numbers, *values = read_columns(connection, ["seq", *EVENT_SCHEMA], _SCAN, (after, last, rows))
            if not numbers:
                return
            after = numbers[-1]
            yield after, EventBatch(_frame(values))

    def stats(self) -> dict[str, int]:
        """n_events, n_users, n_items (those that have events), first and last (UTC µs; 0 when empty)."""
        with self._database.reading() as connection:
            cursor = connection.execute(_STATS)
            return dict(zip((name for name, *_ in cursor.description), cursor.fetchone(), strict=True))

    def received(self, event_id: str) -> int | None:
        """When the event was received, UTC µs by the store's clock; None for an unknown one. Beyond the protocol."""
        if not encodable(event_id):
            return None
        with self._database.reading() as connection:
            row = connection.execute("SELECT received FROM event WHERE id = ?", (_compact(event_id),)).fetchone()
        return None if row is None else int(row[0])

    def close(self) -> None:
        """Finish what is under way and let go of the files, those of the whole store."""
        if self._bulk and self._database.is_writing:
            try:
                self._database.write(restore).result()
            except StoreError as error:  # the events are safe; only reading is slower until a later writer succeeds
                logger.warning("indexes were not built: %s", error)
        self._database.close()


def _check_finite(frame: pl.DataFrame) -> None:
    for name in (columns.VALUE, columns.PROPENSITY):
        if not frame[name].is_finite().all():  # nulls are left out
            row = int((~frame[name].is_finite()).arg_max() or 0)
            raise DataError(f"events: {name} is {frame[name][row]!r} in row {row}; only finite numbers and null can be stored")


def _rows(frame: pl.DataFrame, received: int) -> list[tuple[Any, ...]]:
    """One tuple an event in the order of `_INTO`, users, items and names still as ids. `Any`: whatever SQLite stores."""

    def values(name: str) -> list[Any]:
        return frame[name].to_list()

    return list(
        zip(
            values(columns.USER_ID),
            values(columns.ITEM_ID),
            values(columns.EVENT_TYPE),
            values(columns.TIMESTAMP),
            repeat(received, len(frame)),
            map(_compact, values(columns.EVENT_ID)),
            values(columns.VALUE),
            values(columns.SESSION_ID),
            values(columns.SCENARIO),
            values(columns.RECOMMENDATION_ID),
            values(columns.POSITION),
            frame[columns.PROPENSITY].cast(pl.String).to_list(),
            values(columns.PROPERTIES),
            strict=True,
        )
    )


def _compact(event_id: str) -> str | bytes:
    """The stored form of an event id, see `schema`."""
    return bytes.fromhex(event_id) if _content_id(event_id) else event_id


def _append(connection: sqlite3.Connection, rows: list[tuple[Any, ...]], users: list[str], items: list[str], names: list[str]) -> int:
    """How many of `rows` were new; the others leave no trace, not even their user or item."""
    last = {table: connection.execute(f"SELECT ifnull(max({key}), 0) FROM {table}").fetchone()[0] for table, key in _KEYS.items()}
    for table, ids in (("user", users), ("item", items), ("name", names)):
        insert_ids(connection, table, ids)
    if len(rows) >= BULK_ROWS:
        stored = insert_many(connection, _INTO, rows, users, items, names)
    else:
        stored = insert_rows(connection, _INTO, _ROW, rows, "ON CONFLICT (id) DO NOTHING")
    for table in ("user", "item"):
        connection.execute(
            f"UPDATE {table} SET seen = 1 WHERE NOT seen AND code IN (SELECT {table} FROM event WHERE seq > ?)", (last["event"],)
        )
        if stored < len(rows):
            connection.execute(f"DELETE FROM {table} WHERE code > ? AND NOT seen AND properties IS NULL", (last[table],))
    return stored


_KEYS = {"event": "seq", "user": "code", "item": "code"}


def _frame(values: list[list[Any]]) -> pl.DataFrame:
    """The event table of columns in the order of EVENT_SCHEMA, as SQLite gives them."""
    named = dict(zip(EVENT_SCHEMA, values, strict=True))
    named[columns.PROPENSITY] = [None if text is None else float(text) for text in named[columns.PROPENSITY]]
    return pl.DataFrame([pl.Series(name, column, dtype=EVENT_SCHEMA[name]) for name, column in named.items()])
