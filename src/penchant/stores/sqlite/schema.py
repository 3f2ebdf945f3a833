"""The tables, and the two ways in and out of them: several rows a statement, and whole columns as JSON.

Both exist because Python's sqlite3 lets go of the interpreter lock at every step of a statement and may wait for it behind a
busy thread (reading 200 rows one by one beside one busy thread took 70 ms, as columns 10 ms or less). Columns are also faster
alone: 640,000 against 376,000 events a second.
"""

import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Any

import orjson

APPLICATION_ID = 0x70636E74  # "pcnt", marks the file as ours
SCHEMA_VERSION = 1

READING_INDEXES = {"event_history": "event (user, at)", "event_time": "event (at, item)"}  # only speed depends on them

# Ids stand once, in `user`, `item` and `name`; events hold their codes. `user` and `item` double as the catalogue:
#   code        order of first arrival, from an event or from the catalogue
#   seen        has at least one event
#   properties  JSON, NULL = not in the catalogue
#   hidden      must not be recommended: unavailable, or deleted from the catalogue
# One event may be empty, of nobody with nothing: see `erase`.
# An event id of 32 lower-case hexadecimal digits (a content id) is kept as its 16 bytes, any other as text; a BLOB never
# equals a TEXT, so the two forms cannot collide. A propensity is kept as the shortest decimal that gives the same double,
# because SQLite writes only 15 digits into JSON.
SCHEMA = f"""
BEGIN;
CREATE TABLE user (
    code INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    seen INTEGER NOT NULL DEFAULT 0, hidden INTEGER NOT NULL DEFAULT 0, properties TEXT
);
CREATE TABLE item (
    code INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    seen INTEGER NOT NULL DEFAULT 0, hidden INTEGER NOT NULL DEFAULT 0, properties TEXT
);
CREATE TABLE name (code INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
CREATE TABLE event (
    seq INTEGER PRIMARY KEY,
    user INTEGER NOT NULL, item INTEGER NOT NULL, type INTEGER NOT NULL,
    at INTEGER NOT NULL, received INTEGER NOT NULL,
    id BLOB NOT NULL,
    value REAL, session TEXT, scenario INTEGER, recommendation TEXT, position INTEGER, propensity TEXT, properties TEXT
);
CREATE UNIQUE INDEX event_id ON event (id);
{"".join(f"CREATE INDEX {name} ON {on};" for name, on in READING_INDEXES.items())}
CREATE INDEX user_seen ON user (code) WHERE seen;
CREATE INDEX item_seen ON item (code) WHERE seen;
CREATE INDEX user_listed ON user (code) WHERE properties IS NOT NULL;
CREATE INDEX item_listed ON item (code) WHERE properties IS NOT NULL;
CREATE INDEX item_hidden ON item (id) WHERE hidden;
CREATE VIRTUAL TABLE item_text USING fts5 (title, rest, tokenize = 'ascii', detail = 'column');
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""

TABLES = {"items": "item", "users": "user"}  # FeatureStore's kinds

# Of 1, 16, 64 and 256 rows a statement 16 inserted fastest, next to `executemany`.
_ROWS_A_STATEMENT = 16


def insert_rows(connection: sqlite3.Connection, into: str, row: str, rows: Sequence[tuple[Any, ...]], otherwise: str = "") -> int:
    """Insert `rows`, several a statement; returns how many were new. `Any`: whatever SQLite stores.

    `into` names table and columns, `row` is the pattern of one row in parentheses, `otherwise` a conflict clause.
    """
    inserted = 0
    for start in range(0, len(rows), _ROWS_A_STATEMENT):
        part = rows[start : start + _ROWS_A_STATEMENT]
        statement = f"INSERT INTO {into} VALUES {', '.join([row] * len(part))} {otherwise}"
        inserted += connection.execute(statement, list(chain.from_iterable(part))).rowcount
    return inserted


def insert_ids(connection: sqlite3.Connection, table: str, ids: Sequence[str]) -> None:
    """Give those of `ids` that have none yet the next codes, in their order."""
    insert_rows(connection, f"{table} (id)", "(?)", [(id_,) for id_ in ids], "ON CONFLICT (id) DO NOTHING")


def read_columns(connection: sqlite3.Connection, names: Sequence[str], select: str, parameters: Sequence[Any]) -> list[list[Any]]:
    """The named columns of a `SELECT` that ends in LIMIT, each as a list, in its order. `Any`: whatever SQLite stores.

    The LIMIT is what makes SQLite keep the inner order under the aggregation. No column may hold a BLOB or an infinity.
    """
    arrays = ", ".join(f"json_group_array({name})" for name in names)
    row = connection.execute(f"SELECT {arrays} FROM ({select})", parameters).fetchone()
    return [orjson.loads(column) for column in row]


def encodable(id_: str) -> bool:
    """Whether `id_` can be stored at all: a lone surrogate is no text, UTF-8 has no bytes for it."""
    try:
        id_.encode()
    except UnicodeEncodeError:
        return False
    return True
