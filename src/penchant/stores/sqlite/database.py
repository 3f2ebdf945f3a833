"""One SQLite file: who may write it, group commit, readers that cannot, and what each failure means.

Plain `sqlite3` of the standard library, no layer above it: durability is a matter of which connection runs which statement at
which moment, and of nothing that a layer might add (a pooled connection, a reset, a retry). It costs no dependency.

**One connection writes and checkpoints.** SQLite 3.7.0 to 3.51.2 (except 3.44.6+ and 3.50.7+) can lose pages when two
connections write or checkpoint one write-ahead log at the same instant. So the writing connection is the only one of its
process, and a lock on `<file>.lock`, taken by the first write and held until `close`, makes that process the only one. A
second one gets StoreConflict. Where the *loaded* library has the repair, `?writers=many` shares the lock between processes and
leaves the order to SQLite; with another library it is refused.

**Readers.** Reading needs no lock, here or from another process: the fault takes two connections that write or checkpoint, and a
reader does neither. That is not left to good behaviour. It is opened with `mode=ro`, so its descriptor of the database file
is read-only: it cannot copy a page into the file, and the checkpoint of the last close, which needs an exclusive lock
that a read-only descriptor is not given, is out of its reach. Readers do not wait for commits, and see what was acknowledged.

**Group commit.** Writes queue up; one thread takes what waits, up to `GROUP_ROWS` rows, into one transaction, and answers
after its fsync. There is no waiting for more: while one group is on its way to the disk, the next one gathers. A larger
write, such as an import, is a transaction of its own.

**Failures.** A group that fails is rolled back and all of it gets StoreUnavailable (StoreFull when the disk is full); the next
group may succeed. After a failed fsync nobody knows what is on the disk, and a second fsync that succeeds proves nothing: the writer
ends, and only opening the file anew (which reads the log again) starts another.
"""

import fcntl
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from penchant.core.errors import ConfigError, StoreConflict, StoreError, StoreFull, StoreUnavailable
from penchant.core.log import logger
from penchant.stores.sqlite.schema import APPLICATION_ID, SCHEMA, SCHEMA_VERSION

T = TypeVar("T")
Version = tuple[int, ...]

GROUP_ROWS = 1_000
CHECKPOINT_BYTES = 16 * 2**20  # the log is copied into the file when it has grown to this
OLDEST_LIBRARY = (3, 38, 0)  # JSON built in

_LOST_SYNC = {sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC}

# Every connection; mmap_size 0 because a stray write through a mapping would reach the file unseen.
_SETTINGS = "PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;"
_READER = "PRAGMA query_only = ON;"
# `journal_size_limit = 0` makes the log's length on disk its true length. Checkpoints are run by `_checkpoint`, where their
# errors are seen; `fullfsync` matters on macOS only, where a plain fsync does not reach the disk; `secure_delete`
# overwrites what was erased.
_WRITER = """
PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;
PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 0; PRAGMA cache_size = -65536; PRAGMA temp_store = FILE;
PRAGMA secure_delete = ON;
"""


def loses_pages(version: Version) -> bool:
    """Whether this SQLite can lose pages when two connections write or checkpoint one log at the same instant."""
    repaired = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0)
    return version >= (3, 7, 0) and not repaired


@dataclass(frozen=True)
class _Job:
    work: Callable[[sqlite3.Connection], Any]  # its result is the future's, hence `Any`
    rows: int
    done: "Future[Any]"


class Database:
    """An open database file; safe to use from any number of threads."""

    def __init__(self, path: Path, *, many_writers: bool = False) -> None:
        """Open `path`, which is made if it is not there. Raises ConfigError (library) and StoreError (file, lock)."""
        _check_library(sqlite3.sqlite_version_info, many_writers=many_writers)
        self.path = path
        self._many_writers = many_writers
        self._readers: deque[sqlite3.Connection] = deque()
        self._opening = threading.Lock()
        self._wake = threading.Condition()
        self._jobs: deque[_Job] = deque()
        self._writer: sqlite3.Connection | None = None
        self._thread: threading.Thread | None = None
        self._lock: int | None = None
        self._ended = ""  # why nothing can be written any more
        self._closed = False
        if not path.exists() or path.stat().st_size == 0 or self._reads_empty():
            self._start_writing()

    @property
    def is_writing(self) -> bool:
        """Whether this process is the one that writes, and can."""
        return self._thread is not None and not self._closed and not self._ended

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that cannot write, for one query after another; each sees all that was acknowledged before it began."""
        try:
            connection = self._readers.pop()
        except IndexError:
            connection = self._open_reader()
        try:
            yield connection
        except sqlite3.Error as error:
            raise self._explained(error) from error
        finally:
            self._readers.append(connection)
            if self._closed:
                self._close_readers()

    def write(self, work: Callable[[sqlite3.Connection], T], *, rows: int = 1) -> "Future[T]":
        """What `work` returns, once its changes are on disk. `rows` says how much it writes.

        `work` gets the writing connection inside a transaction that it shares with others: it must raise only what SQLite
        raises. Raises StoreConflict where another process writes; the future raises StoreError.
        """
        job = _Job(work, rows, Future())
        if self._thread is None:
            self._start_writing()
        with self._wake:
            if self._closed or self._ended:
                raise self._over()
            self._jobs.append(job)
            self._wake.notify()
        return job.done

    def close(self) -> None:
        """Commit what was handed in, checkpoint and let go of the file and its lock. A second call does nothing."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
        self._close_readers()
        with self._opening:
            self._let_go()

    # ---- opening

    def _reads_empty(self) -> bool:
        try:
            with self.reading() as connection:
                return self._is_empty(connection)
        except StoreError:
            self._close_readers()
            raise

    def _is_empty(self, connection: sqlite3.Connection) -> bool:
        """Whether there are no tables yet. Raises StoreError where the file is not one that this version can use."""
        owner, version = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if owner == version == tables == 0:
            return True
        if owner != APPLICATION_ID:
            raise StoreError(f"{self.path}: a SQLite file of another program; name a new file for the store")
        if version != SCHEMA_VERSION:
            raise StoreError(f"{self.path}: schema version {version}, this program knows {SCHEMA_VERSION}; use the release that wrote it")
        return False

    def _start_writing(self) -> None:
        with self._opening:
            if self._thread is not None or self._closed:
                return
            self._lock = self._take_lock()
            try:
                self._writer = self._connect("rwc", _SETTINGS + _WRITER)
                if self._is_empty(self._writer):
                    self._writer.executescript(SCHEMA)
            except sqlite3.Error as error:
                self._let_go()
                raise self._explained(error) from None
            except StoreError:
                self._let_go()
                raise
            self._thread = threading.Thread(target=self._run, args=(self._writer,), name=f"write {self.path.name}", daemon=True)
            self._thread.start()

    def _take_lock(self) -> int:
        lock = self.path.with_name(self.path.name + ".lock")
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreUnavailable(f"{lock}: {error.strerror}; check that this user may write to the folder") from None
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if self._many_writers else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode(errors="replace") or "unknown"
            os.close(descriptor)
            raise StoreConflict(
                f"{self.path}: another process (pid {holder}) is writing to it; stop that one, or send events and items to its server"
            ) from None
        except OSError as error:
            os.close(descriptor)
            raise StoreUnavailable(f"{self.path}: its file system has no locks ({error.strerror}); use a local disk") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        return descriptor

    def _let_go(self) -> None:
        """Close the writing connection, then give the lock back: in this order nobody else ever writes beside it."""
        if self._writer is not None and not self._ended:  # closing checkpoints; after a lost fsync no byte is touched again
            self._writer.close()
            self._writer = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _open_reader(self) -> sqlite3.Connection:
        if self._closed:
            raise self._over()
        try:
            return self._connect("ro", _SETTINGS + _READER)
        except sqlite3.Error as error:
            raise self._explained(error) from None

    def _connect(self, mode: str, settings: str) -> sqlite3.Connection:
        address = f"file:{quote(str(self.path))}?mode={mode}"
        connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
        try:
            connection.executescript(settings)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _close_readers(self) -> None:
        while self._readers:
            self._readers.pop().close()

    # ---- writing

    def _run(self, connection: sqlite3.Connection) -> None:
        group: list[_Job] = []
        try:
            while group := self._next_group():
                self._commit(connection, group)
                self._checkpoint(connection)
        finally:  # closed, ended by a lost fsync, or by a bug: nobody may wait for ever
            with self._wake:
                self._ended = self._ended or ("" if self._closed else "its writer stopped unexpectedly")
                waiting = [*group, *self._jobs]
                self._jobs.clear()
            for job in waiting:
                if not job.done.done():
                    job.done.set_exception(self._over())

    def _next_group(self) -> list[_Job]:
        """The next jobs to commit together, waiting for the first; none when the store is closed or ended."""
        group: list[_Job] = []
        rows = 0
        with self._wake:
            while not group and not self._ended:
                if not self._jobs and self._closed:
                    break
                self._wake.wait_for(lambda: self._jobs or self._closed)
                while self._jobs and (not group or rows + self._jobs[0].rows <= GROUP_ROWS):
                    job = self._jobs.popleft()
                    if job.done.set_running_or_notify_cancel():  # false when its caller gave up
                        group.append(job)
                        rows += job.rows
        return group

    def _commit(self, connection: sqlite3.Connection, group: list[_Job]) -> None:
        try:
            connection.execute("BEGIN IMMEDIATE")
            results = [job.work(connection) for job in group]
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._note_lost_sync(error)
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            for job in group:
                job.done.set_exception(self._explained(error))
            return
        for job, result in zip(group, results, strict=True):
            job.done.set_result(result)

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        """Copy a grown log into the file; what it holds was acknowledged before and stays safe when this fails."""
        if self._ended or os.stat(f"{self.path}-wal").st_size < CHECKPOINT_BYTES:
            return
        try:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as error:
            self._note_lost_sync(error)
            logger.warning("%s", self._explained(error))

    def _note_lost_sync(self, error: sqlite3.Error) -> None:
        if _code(error) in _LOST_SYNC:
            self._ended = "an fsync failed, so nothing more is written; check the disk, then restart"

    # ---- what went wrong

    def _over(self) -> StoreError:
        if not self._ended:
            return StoreUnavailable(f"{self.path}: the store is closed; open it again")
        over = StoreUnavailable(f"{self.path}: {self._ended}")
        over.retryable = False
        return over

    def _explained(self, error: sqlite3.Error) -> StoreError:
        if self._ended:
            return self._over()
        kind = _code(error) & 0xFF
        if kind == sqlite3.SQLITE_FULL:
            return StoreFull(f"{self.path}: the disk is full, nothing was stored; free some space and send it again")
        if kind in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return StoreError(f"{self.path}: damaged, or not a SQLite file ({error}); restore a backup")
        if kind in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            return StoreUnavailable(f"{self.path}: {error}; check that this user may write the file and its folder")
        if kind in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM):
            return StoreUnavailable(f"{self.path}: {error}, nothing was stored; send it again")
        return StoreError(f"{self.path}: {error}")


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", None) or sqlite3.SQLITE_ERROR)


def _check_library(version: Version, *, many_writers: bool) -> None:
    """Raises ConfigError where the loaded SQLite is too old, or not safe for what is asked of it."""
    text = ".".join(map(str, version))
    if version < OLDEST_LIBRARY:
        raise ConfigError(f"store: the loaded SQLite is {text}; {'.'.join(map(str, OLDEST_LIBRARY))} or later is needed")
    if many_writers and loses_pages(version):
        raise ConfigError(
            f"store: writers=many is refused with the loaded SQLite {text}, which can lose pages when two connections write or "
            "checkpoint at once; use writers=one, or a Python with SQLite 3.51.3 or later (3.50.7+ and 3.44.6+ are repaired too)"
        )
