"""The default store: one SQLite file, nothing to install, nothing to run."""

from pathlib import Path

from penchant.core.clock import Clock
from penchant.core.errors import ConfigError
from penchant.stores.sqlite.database import Database
from penchant.stores.sqlite.erase import erase
from penchant.stores.sqlite.events import SqliteEvents
from penchant.stores.sqlite.features import SqliteFeatures
from penchant.stores.sqlite.listing import SqliteListing
from penchant.stores.sqlite.schema import encodable

__all__ = ["SqliteStore"]


class SqliteStore:
    """Events, features and their lists in one database file."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.events = SqliteEvents(database, clock)
        self.features = SqliteFeatures(database)
        self.listing = SqliteListing(database)

    @classmethod
    def open(cls, url: str, folder: Path, clock: Clock) -> "SqliteStore":
        """The store that `sqlite:///path[?writers=one|many]` names. Raises ConfigError and StoreError."""
        address, _, query = url.removeprefix("sqlite://").partition("?")
        if not address.startswith("/") or address in ("/", "/:memory:"):
            raise ConfigError(f"store: {url!r} names no file; write sqlite:///relative.db or sqlite:////absolute.db")
        if query not in ("", "writers=one", "writers=many"):
            raise ConfigError(f"store: {query!r} is no setting of a SQLite store; allowed: writers=one, writers=many")
        path = (folder / address[1:]).resolve()
        if not path.parent.is_dir():
            raise ConfigError(f"store: there is no folder {str(path.parent)!r} for {path.name!r}; make it first")
        return cls(Database(path, many_writers=query == "writers=many"), clock)

    def erase(self, user_id: str) -> bool:
        """Forget one person, properties and events; whether anybody had this id. Once it returns, that is on disk."""
        return encodable(user_id) and self.database.write(lambda connection: erase(connection, user_id)).result()

    def close(self) -> None:
        """Commit what was handed in, empty the write-ahead log into the file, and let go of it."""
        self.events.close()
