import sqlite3
from pathlib import Path

import pytest

from penchant.stores import open_store
from penchant.stores.sqlite import bulk, events
from penchant.stores.sqlite.schema import READING_INDEXES
from penchant.testing.stores import batch

N = 40


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "BULK_ROWS", 10)


def indexes(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    connection.close()
    return names & set(READING_INDEXES)


def rows(start: int, stop: int) -> list[dict[str, object]]:
    return [
        {"event_id": f"e{n}", "user_id": f"u{n % 7}", "item_id": f"i{n % 5}", "timestamp": n, "scenario": "home"}
        for n in range(start, stop)
    ]


def test_a_bulk_load_stores_what_small_appends_store(tmp_path: Path) -> None:
    found = []
    for name, size in (("bulk.db", N), ("small.db", 5)):
        store = open_store(f"sqlite:///{tmp_path}/{name}")
        for start in range(0, N, size):
            store.events.append(batch(rows(start, start + size)))
        found.append([part.frame for _, part in store.events.scan()])
        store.close()
    assert found[0][0].equals(found[1][0])


def test_the_reading_indexes_are_there_after_close(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = open_store(f"sqlite:///{path}")
    store.events.append(batch(rows(0, N)))
    assert indexes(path) == set()
    store.close()
    assert indexes(path) == set(READING_INDEXES)


def test_a_small_append_after_a_bulk_load_brings_the_indexes_back(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = open_store(f"sqlite:///{path}")
    store.events.append(batch(rows(0, N)))
    store.events.append(batch(rows(N, N + 1)))
    assert indexes(path) == set(READING_INDEXES)
    store.close()


def test_a_load_that_was_killed_goes_on_without_duplicates_and_ends_with_its_indexes(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    open_store(f"sqlite:///{path}").close()
    connection = sqlite3.connect(path)
    bulk.prepare(connection)  # as a kill in the middle leaves it
    connection.close()
    store = open_store(f"sqlite:///{path}")
    assert store.events.append(batch(rows(0, N // 2))).stored == N // 2
    again = store.events.append(batch(rows(0, N)))
    assert (again.stored, again.duplicates) == (N // 2, N // 2)
    store.close()
    assert indexes(path) == set(READING_INDEXES)
