import fcntl
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from penchant.core.errors import ConfigError, StoreConflict, StoreError, StoreFull, StoreUnavailable
from penchant.stores import open_store
from penchant.stores.sqlite import SqliteStore, database
from penchant.stores.sqlite.database import Database, loses_pages
from penchant.testing.stores import batch, frame_of, items_of

LOADED = sqlite3.sqlite_version_info


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = open_sqlite(path)
    yield store
    store.close()


def open_sqlite(path: Path, settings: str = "") -> SqliteStore:
    store = open_store(f"sqlite:///{path}{settings}")
    assert isinstance(store, SqliteStore)
    return store


class Spied:
    """A writing connection that counts its commits and fails on request."""

    def __init__(self, real: sqlite3.Connection) -> None:
        self.real = real
        self.commits = 0
        self.fail_commit: sqlite3.Error | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:
        if statement == "COMMIT":
            self.commits += 1
            if self.fail_commit is not None:
                raise self.fail_commit
        return self.real.execute(statement, *parameters)


@pytest.fixture
def spied(monkeypatch: pytest.MonkeyPatch, path: Path) -> Iterator[tuple[SqliteStore, Spied]]:
    connect = Database._connect
    spies: list[Spied] = []

    def connect_spied(self: Database, mode: str, settings: str) -> Any:
        connection = connect(self, mode, settings)
        if mode == "ro":
            return connection
        spies.append(Spied(connection))
        return spies[-1]

    monkeypatch.setattr(Database, "_connect", connect_spied)
    store = open_sqlite(path)
    yield store, spies[0]
    store.close()


def hold_the_writer(store: SqliteStore) -> Callable[[], None]:
    """Keep the writer busy inside a transaction until the returned function is called."""
    held, release = threading.Event(), threading.Event()

    def work(_: sqlite3.Connection) -> None:
        held.set()
        release.wait()

    store.database.write(work, rows=database.GROUP_ROWS)
    held.wait()
    return release.set


def failure(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    return error


# ---- who may write


@pytest.mark.parametrize(
    ("version", "faulty"),
    [
        *(((3, 6, 23), False), ((3, 7, 0), True), ((3, 40, 1), True), ((3, 44, 5), True), ((3, 44, 6), False), ((3, 45, 0), True)),
        *(((3, 50, 6), True), ((3, 50, 7), False), ((3, 51, 0), True), ((3, 51, 2), True), ((3, 51, 3), False), ((3, 53, 0), False)),
    ],
)
def test_the_versions_that_lose_pages_are_known(version: tuple[int, ...], faulty: bool) -> None:  # noqa: FBT001
    assert loses_pages(version) is faulty


def test_the_loaded_library_decides_whether_many_may_write(path: Path) -> None:
    assert sqlite3.connect(":memory:").execute("SELECT sqlite_version()").fetchone() == (sqlite3.sqlite_version,)
    if loses_pages(LOADED):
        with pytest.raises(ConfigError, match=f"writers=many is refused with the loaded SQLite {sqlite3.sqlite_version}.*3.51.3"):
            open_sqlite(path, "?writers=many")
        assert not path.exists()
    else:
        first, second = (open_sqlite(path, "?writers=many") for _ in range(2))
        first.events.append(batch([{"event_id": "a"}]))
        second.events.append(batch([{"event_id": "b"}]))
        assert first.events.stats()["n_events"] == 2
        first.close()
        second.close()


def test_a_library_without_json_is_refused(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 31, 1))
    with pytest.raises(ConfigError, match=r"the loaded SQLite is 3.31.1; 3.38.0 or later is needed"):
        open_sqlite(path)


@pytest.mark.skipif(not Path("/proc/self/fdinfo").is_dir(), reason="/proc/self/fdinfo is not there")
def test_only_one_open_file_can_change_the_database(store: SqliteStore, path: Path) -> None:
    release = hold_the_writer(store)
    readers = [threading.Thread(target=store.events.stats) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    with store.database.reading(), store.database.reading(), store.database.reading():
        modes = [access_mode(number) for number in os.listdir("/proc/self/fd") if points_to(number, path)]
    release()
    assert modes.count(os.O_RDWR) == 1
    assert modes.count(os.O_RDONLY) >= 3
    assert len(modes) == modes.count(os.O_RDONLY) + 1


def points_to(number: str, path: Path) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{number}") == str(path)
    except FileNotFoundError:  # the one that listed the folder
        return False


def access_mode(number: str) -> int:
    return fcntl.fcntl(int(number), fcntl.F_GETFL) & os.O_ACCMODE


def test_a_reader_can_neither_write_nor_checkpoint(store: SqliteStore, path: Path) -> None:
    store.events.append(batch([{}]))
    before = path.read_bytes()
    for statement in ("DELETE FROM event", "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA query_only = OFF", "DELETE FROM event"):
        try:
            with store.database.reading() as connection:
                connection.execute(statement).fetchall()
        except StoreError:
            continue
    assert path.read_bytes() == before
    assert store.events.stats()["n_events"] == 1


def test_a_second_writer_is_told_which_file_and_what_to_do(store: SqliteStore, path: Path) -> None:
    store.events.append(batch([{"item_id": "a"}]))
    second = open_sqlite(path)
    assert items_of(second.events.history("u")) == ["a"]
    with pytest.raises(StoreConflict, match=rf"{path}: another process \(pid {os.getpid()}\) is writing to it; stop that one, or send"):
        second.events.append(batch([{"item_id": "b"}]))
    store.close()
    second.events.append(batch([{"item_id": "b"}]))  # the lock was given back
    assert second.events.stats()["n_events"] == 2
    second.close()


def test_two_names_of_one_file_share_its_lock(store: SqliteStore, path: Path) -> None:
    alias = path.with_name("alias.db")
    alias.symlink_to(path)
    with pytest.raises(StoreConflict):
        open_sqlite(alias).events.append(batch([{}]))


def test_another_process_reads_what_was_acknowledged_and_cannot_write(store: SqliteStore, path: Path) -> None:
    store.events.append(batch([{"item_id": "a"}]))
    program = (
        "import sys; from penchant.stores import open_store; from penchant.testing.stores import batch, items_of\n"
        "from penchant.core.errors import StoreConflict\n"
        "store = open_store(sys.argv[1]); print(items_of(store.events.history('u')))\n"
        "try: store.events.append(batch([{'item_id': 'b'}]))\n"
        "except StoreConflict as error: print('conflict')\n"
        "store.close()\n"
    )
    answer = subprocess.run([sys.executable, "-c", program, f"sqlite:///{path}"], capture_output=True, text=True, check=True)
    assert answer.stdout.split("\n") == ["['a']", "conflict", ""]
    assert path.with_name("store.db-wal").stat().st_size > 0  # the other's last close did not checkpoint
    store.events.append(batch([{"item_id": "c"}]))
    assert store.events.stats()["n_events"] == 2


# ---- group commit


def test_what_waits_is_committed_together_in_order(spied: tuple[SqliteStore, Spied]) -> None:
    store, spy = spied
    release = hold_the_writer(store)
    acks = [store.events.submit(batch([{"event_id": str(n), "item_id": str(n)}])) for n in range(100)]
    before = spy.commits
    release()
    assert [ack.result().stored for ack in acks] == [1] * 100
    assert spy.commits == before + 2  # the held one, and one for all hundred
    assert frame_of(store)["item_id"].to_list() == [str(n) for n in range(100)]


def test_a_large_batch_is_a_transaction_of_its_own(spied: tuple[SqliteStore, Spied]) -> None:
    store, spy = spied
    release = hold_the_writer(store)
    sizes = [5, database.GROUP_ROWS + 1, 5, database.GROUP_ROWS - 6, 2]
    acks = [store.events.submit(batch([{"event_id": f"{k}-{n}"} for n in range(size)])) for k, size in enumerate(sizes)]
    before = spy.commits
    release()
    assert [ack.result().stored for ack in acks] == sizes
    assert spy.commits - before == 1 + 4  # held · 5 · large · 5 + 994 · 2


def test_an_append_that_was_given_up_in_the_queue_is_not_stored(store: SqliteStore) -> None:
    release = hold_the_writer(store)
    given_up, kept = (store.events.submit(batch([{"event_id": name}])) for name in ("given up", "kept"))
    assert given_up.cancel()
    release()
    assert kept.result().stored == 1
    assert frame_of(store)["event_id"].to_list() == ["kept"]


def test_reading_does_not_wait_for_a_write(store: SqliteStore) -> None:
    store.events.append(batch([{"item_id": "a"}]))
    release = hold_the_writer(store)
    pending = store.events.submit(batch([{"item_id": "b"}]))
    assert items_of(store.events.history("u")) == ["a"]
    release()
    pending.result()
    assert items_of(store.events.history("u")) == ["a", "b"]


def test_time_of_event_and_of_receipt_are_kept_apart(tmp_path: Path) -> None:
    store = SqliteStore.open("sqlite:///store.db", tmp_path, lambda: 42)
    store.events.append(batch([{"event_id": "e", "timestamp": 7}]))
    assert store.events.received("e") == 42
    assert store.events.received("other") is store.events.received("\ud800") is None
    assert store.events.stats()["last"] == 7
    store.close()


# ---- what fails


def test_a_full_disk_at_any_page_stores_all_or_nothing_and_recovers(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.events.append(batch([{"event_id": "before", "item_id": "before"}]))
    rows = [
        {"event_id": f"e{n}", "user_id": f"user {n}" * 20, "item_id": f"item {n}" * 20, "properties": '"' + "x" * 500} for n in range(60)
    ]
    (used,) = store.database.write(lambda writer: writer.execute("PRAGMA page_count").fetchone()).result()
    refused: list[StoreFull] = []
    for limit in range(used, used + 1_000):
        limit_pages(store, limit)
        try:
            ack = store.events.append(batch(rows))
        except StoreFull as error:
            refused.append(error)
        else:
            break
        assert items_of(store.events.history("u")) == ["before"]
        assert store.events.stats()["n_events"] == 1
    assert ack.stored == 60
    assert len(refused) > 5
    assert all(error.retryable and "disk is full, nothing was stored; free some space" in str(error) for error in refused)
    assert store.events.stats()["n_events"] == 61
    assert store.listing.users(1)[1] == 61


def limit_pages(store: SqliteStore, limit: int) -> None:
    store.database.write(lambda writer: writer.execute(f"PRAGMA max_page_count = {limit}").fetchone()).result()


def test_a_refused_write_system_call_stores_nothing_and_recovers(
    store: SqliteStore, path: Path, no_larger: Callable[[int], AbstractContextManager[None]]
) -> None:
    store.events.append(batch([{"event_id": "before"}]))
    log = path.with_name("store.db-wal")
    large = batch([{"event_id": str(n), "session_id": "s" * 200} for n in range(400)])
    for room in (1, 24, 5_000, 20_000):
        with no_larger(log.stat().st_size + room), pytest.raises(StoreUnavailable, match="nothing was stored"):
            store.events.append(large)
        assert store.events.stats()["n_events"] == 1
    assert store.events.append(large).stored == 400
    store.close()
    assert check(path) == "ok"


def test_a_failed_group_fails_for_all_of_it(spied: tuple[SqliteStore, Spied]) -> None:
    store, spy = spied
    release = hold_the_writer(store)
    acks = [store.events.submit(batch([{"event_id": str(n)}])) for n in range(3)]
    spy.fail_commit = failure(sqlite3.SQLITE_IOERR_WRITE)
    release()
    for ack in acks:
        with pytest.raises(StoreUnavailable, match="nothing was stored; send it again"):
            ack.result()
    spy.fail_commit = None
    assert store.events.stats()["n_events"] == 0
    assert store.events.append(batch([{}])).stored == 1


def test_after_a_lost_fsync_nothing_is_acknowledged_or_synced_again(spied: tuple[SqliteStore, Spied], path: Path) -> None:
    store, spy = spied
    store.events.append(batch([{"event_id": "before"}]))
    spy.fail_commit = failure(sqlite3.SQLITE_IOERR_FSYNC)
    with pytest.raises(StoreUnavailable, match="an fsync failed, so nothing more is written; check the disk, then restart") as caught:
        store.events.append(batch([{"event_id": "lost"}]))
    assert not caught.value.retryable
    spy.fail_commit = None
    commits = spy.commits
    with pytest.raises(StoreUnavailable, match="an fsync failed"):
        store.events.append(batch([{"event_id": "after"}]))
    assert spy.commits == commits
    assert frame_of(store)["event_id"].to_list() == ["before"]
    store.close()
    again = open_sqlite(path)
    assert again.events.append(batch([{"event_id": "after"}])).stored == 1
    again.close()


def test_a_grown_log_is_copied_into_the_file(monkeypatch: pytest.MonkeyPatch, store: SqliteStore, path: Path) -> None:
    monkeypatch.setattr(database, "CHECKPOINT_BYTES", 200_000)
    log = path.with_name("store.db-wal")
    for n in range(200):
        store.events.append(batch([{"event_id": f"{n}", "properties": "x" * 3_000}]))
        assert log.stat().st_size < 400_000
    assert path.stat().st_size > 600_000
    assert store.events.stats()["n_events"] == 200


# ---- opening and closing


def test_what_was_handed_in_is_committed_by_close(path: Path) -> None:
    store = open_sqlite(path)
    release = hold_the_writer(store)
    acks = [store.events.submit(batch([{"event_id": str(n)}])) for n in range(10)]
    closing = threading.Thread(target=store.close)
    closing.start()
    release()
    closing.join()
    assert [ack.result().stored for ack in acks] == [1] * 10
    assert not path.with_name("store.db-wal").exists()
    for use in (lambda: store.events.append(batch([{}])), store.events.stats):
        with pytest.raises(StoreUnavailable, match="the store is closed; open it again"):
            use()
    store.close()
    again = open_sqlite(path)
    assert again.events.stats()["n_events"] == 10
    again.close()
    assert check(path) == "ok"


def test_opening_an_existing_file_takes_no_lock(path: Path) -> None:
    open_sqlite(path).close()
    reader, writer = open_sqlite(path), open_sqlite(path)
    writer.events.append(batch([{}]))
    assert reader.events.stats()["n_events"] == 1
    reader.close()
    writer.close()


def test_a_file_that_is_not_ours_is_refused_and_left_alone(tmp_path: Path) -> None:
    text, foreign, newer = (tmp_path / name for name in ("text.db", "foreign.db", "newer.db"))
    text.write_text("name,price\n" * 1_000)
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    open_sqlite(newer).close()
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    for path, reason in ((text, "not a SQLite file"), (foreign, "of another program; name a new file"), (newer, "schema version 99, this")):
        before = path.read_bytes()
        with pytest.raises(StoreError, match=reason):
            open_sqlite(path)
        assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("penchant.db", "no scheme"),
        ("sqlite://penchant.db", "names no file"),
        ("sqlite:///", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///a.db?mode=memory", "'mode=memory' is no setting of a SQLite store; allowed: writers=one, writers=many"),
        ("sqlite:///nowhere/a.db", "there is no folder '.*nowhere' for 'a.db'"),
        ("sqlit:///a.db", "no store 'sqlit'; did you mean 'sqlite'"),
        ("postgres://user:secret@host/db", "no store 'postgres'"),
    ],
)
def test_a_url_that_names_no_store_is_refused(tmp_path: Path, url: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        open_store(url, folder=tmp_path)
    assert "secret" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_relative_path_starts_at_the_folder_and_may_hold_any_character(tmp_path: Path) -> None:
    store = open_store("sqlite:///a b%20#é&c.db", folder=tmp_path)
    store.events.append(batch([{}]))
    store.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a b%20#é&c.db", "a b%20#é&c.db.lock"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreUnavailable, match="check that this user may write"):
        open_sqlite(tmp_path / "a.db")


def check(path: Path) -> str:
    connection = sqlite3.connect(path)
    (answer,) = connection.execute("PRAGMA integrity_check").fetchone()
    connection.execute("INSERT INTO item_text (item_text) VALUES ('integrity-check')")
    connection.close()
    return str(answer)


def test_the_bytes_of_an_erased_person_are_not_in_the_file(store: SqliteStore, path: Path) -> None:
    rows = [{"user_id": f"user {n % 9}", "event_id": str(n), "session_id": f"session of {n % 9}"} for n in range(500)]
    store.events.append(batch(rows))
    store.features.upsert("users", [(f"user {n}", {"lives in": f"street {n}"}) for n in range(9)])
    assert store.erase("user 3")
    store.close()
    kept = path.read_bytes()
    assert b"session of 4" in kept and b"street 4" in kept
    assert not [trace for trace in (b"user 3", b"session of 3", b"street 3") if trace in kept]
