"""Where events, catalogue and models are kept. A store is opened by its URL; `STORES` knows each scheme.

sqlite:///penchant.db              a file relative to the project's folder
sqlite:////var/lib/shop.db         an absolute path
sqlite:///penchant.db?writers=many several processes may write (needs a fixed SQLite, see `stores.sqlite.database`)
"""

from pathlib import Path
from typing import Any, Protocol

from penchant.core.catalogue import Catalogue
from penchant.core.clock import Clock, system_clock
from penchant.core.errors import ConfigError
from penchant.core.protocols import EventStore, FeatureStore

STORES = Catalogue("store", {"sqlite": "penchant.stores.sqlite:SqliteStore"})

__all__ = ["STORES", "Listing", "Store", "open_store"]


class Listing(Protocol):
    """What a server and its pages ask about many users or items at once."""

    def users(self, limit: int, offset: int = 0, prefix: str = "") -> tuple[list[tuple[str, int]], int]:
        """A page of (user id, number of events) in order of id, and how many users there are.

        Users are those known from events or from the users table, whose id starts with `prefix`.
        """
        ...

    def items(self, after: int = 0) -> tuple[int, list[str]]:
        """A cursor, and the item ids that events or catalogue first named after the cursor `after`, in that order.

        Append only: an id never moves and never leaves, not even when its item is deleted (see `unavailable`).
        """
        ...

    def unavailable(self) -> set[str]:
        """Items that must not be recommended: those marked `available: false`, and those deleted from the catalogue."""
        ...

    def popular(self, limit: int, since: int = 0) -> list[tuple[str, int]]:
        """At most `limit` (item id, number of events with time ≥ `since`, UTC µs), most first, none that is unavailable."""
        ...

    def catalogue(self, kind: str, limit: int, offset: int = 0) -> tuple[list[tuple[str, dict[str, Any]]], int]:
        """A page of (id, properties) in order of arrival, and how many there are. `kind` as in FeatureStore; `Any`: JSON."""
        ...


class Store(Protocol):
    """One open database: what happened, what there is, and lists of both."""

    events: EventStore
    features: FeatureStore
    listing: Listing

    def erase(self, user_id: str) -> bool:
        """Forget one person, properties and events; whether anybody had this id. Cursors of `scan` stay good."""
        ...

    def close(self) -> None:
        """Finish what is under way and let go of the files."""
        ...


def open_store(url: str, *, folder: Path | None = None, clock: Clock = system_clock) -> Store:
    """The store at `url`, made if it is not there yet; a relative path starts at `folder` (default: the current one).

    `clock` stamps the time of receipt. Raises ConfigError for a URL that names no store, StoreError where it cannot be opened.
    """
    scheme, colon, _ = url.partition("://")
    if not colon:
        raise ConfigError("store: the URL has no scheme; write for example sqlite:///penchant.db")
    STORES.check(scheme, "store")
    store: Store = STORES.load(scheme).open(url, folder or Path(), clock)
    return store
