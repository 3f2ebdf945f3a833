"""A project: a folder with its settings, its store, its models and its reports."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import orjson
import polars as pl

from penchant.core import columns
from penchant.core.clock import Clock, system_clock
from penchant.core.errors import ConfigError
from penchant.core.events import EventBatch
from penchant.core.log import track
from penchant.core.protocols import EventStore, FeatureStore
from penchant.core.types import UNKNOWN, IntArray, SmallArray
from penchant.data import Dataset, Interactions, Vocabulary
from penchant.data.dataset import MOST_KINDS
from penchant.data.spool import Spool
from penchant.scenarios.config import ProjectConfig, default_toml, read_config
from penchant.scenarios.templates import DEFAULT
from penchant.stores import Store, open_store
from penchant.stores.files import FileArtifactStore

CONFIG_FILE = "penchant.toml"
MODELS_FOLDER = "models"
REPORTS_FOLDER = "reports"

CURSOR = "cursor"  # in the facts of a data set and of a model trained on it: where the store's events after it begin
UNTIL = "until"  # … and the time of its latest event, UTC µs


class Project:
    """An open project; `close` it, or use it in a `with`."""

    def __init__(self, folder: Path, config: ProjectConfig, store: Store, clock: Clock) -> None:
        self.dir, self.config, self.store = folder, config, store
        self.artifacts = FileArtifactStore(folder / MODELS_FOLDER, clock=clock)

    @classmethod
    def open(cls, folder: Path | str, *, clock: Clock = system_clock) -> Self:
        """The project in `folder`. Raises ConfigError where there is none or its settings are wrong, StoreError."""
        folder = Path(folder)
        path = folder / CONFIG_FILE
        if not path.is_file():
            raise ConfigError(
                f"{folder}: no {CONFIG_FILE} here; make a project with `penchant init {folder}`, or name its folder with --dir"
            )
        config = read_config(path)
        return cls(folder, config, open_store(config.project.database, folder=folder, clock=clock), clock)

    @classmethod
    def create(cls, folder: Path | str, template: str = DEFAULT, *, clock: Clock = system_clock) -> Self:
        """A new project in `folder`, called like it; the folder is made if need be. Raises ConfigError where a project is already."""
        folder = Path(folder)
        path = folder / CONFIG_FILE
        text = default_toml(template, name=folder.resolve().name or None)
        if path.exists():
            raise ConfigError(f"{path}: is there already; change it by hand, or choose another folder")
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return cls.open(folder, clock=clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def events(self) -> EventStore:
        """What happened."""
        return self.store.events

    @property
    def features(self) -> FeatureStore:
        """What there is."""
        return self.store.features

    @property
    def name(self) -> str:
        """What the project is called."""
        return self.config.project.name

    def close(self) -> None:
        """Let go of the store's files."""
        self.store.close()

    def dataset(self, *, until: int | None = None, quiet: bool = True) -> Dataset:
        """All events, or those not after the cursor `until`, and the catalogue as a data set.

        Items have the codes of the store's own list: new ones come after.
        Unavailable and deleted items stay known. `facts` holds `CURSOR` and `UNTIL`. The events are in a file that is mapped into
        memory, without a name in this project's folder: 18 bytes an event, 20 where they name places, and more for a while (`data.spool`).
        """
        _, item_ids = self.store.listing.items()
        reader = _Reader(item_ids, Spool(self.dir))
        total = self.events.stats()["n_events"]
        for cursor, batch in track(self.events.scan(until=until), "reading events", total=-(-total // 100_000), quiet=quiet):
            reader.add(cursor, batch)
        interactions, users, types = reader.interactions(), Vocabulary(reader.users), Vocabulary(reader.types)
        items = Vocabulary(reader.items)
        until = int(interactions.timestamps.max(initial=0))
        return Dataset(
            interactions,
            users,
            items,
            types,
            self._features("items", columns.ITEM_ID, items),
            self._features("users", columns.USER_ID, users),
            Vocabulary(reader.scenarios),
            name=self.name,
            facts={CURSOR: reader.cursor, UNTIL: until},
        )

    def _features(self, kind: str, id_column: str, ids: Vocabulary) -> pl.DataFrame | None:
        """One row a code, nulls for ids without properties; None where nobody has any."""
        rows: list[dict[str, Any]] = [{}] * len(ids)
        for batch in self.features.scan(kind):
            for id_, properties in batch:
                if (code := ids.code(id_)) >= 0:
                    rows[code] = properties
        names = list(dict.fromkeys(name for row in rows for name in row if name != id_column))
        if not names:
            return None
        return pl.DataFrame(
            [pl.Series(id_column, ids.ids, dtype=pl.String), *(_column(name, [row.get(name) for row in rows]) for name in names)]
        )


class _Reader:
    """Collects batches of events as codes; a code is given at an id's first event."""

    def __init__(self, item_ids: list[str], spool: Spool) -> None:
        self.users: dict[str, int] = {}
        self.items: dict[str, int] = {id_: code for code, id_ in enumerate(item_ids)}
        self.types: dict[str, int] = {}
        self.scenarios: dict[str, int] = {}
        self.cursor = 0
        self._spool = spool

    def add(self, cursor: int, batch: EventBatch) -> None:
        """Take in further events, in order of arrival; `cursor` is behind them."""
        frame, self.cursor = batch.frame, cursor
        self._spool.add(
            _coded(frame[columns.USER_ID], self.users),
            _coded(frame[columns.ITEM_ID], self.items),
            frame[columns.TIMESTAMP].to_numpy(),
            event_types=_coded(frame[columns.EVENT_TYPE], self.types).astype(np.int16),
            values=frame[columns.VALUE].fill_null(float("nan")).to_numpy(),
            scenarios=_places(frame[columns.SCENARIO], self.scenarios),
        )

    def interactions(self) -> Interactions:
        """All of them, sorted."""
        return self._spool.interactions(len(self.users))


def _coded(ids: pl.Series, codes: dict[str, int]) -> IntArray:
    return np.fromiter((codes.setdefault(id_, len(codes)) for id_ in ids.to_list()), dtype=np.int32, count=len(ids))


def _places(ids: pl.Series, codes: dict[str, int]) -> SmallArray | None:
    """[L] codes, −1 where an event does not say where it happened; None where none does."""
    if ids.null_count() == len(ids) or not any(named := ids.to_list()):
        return None
    for id_ in dict.fromkeys(named):
        if id_ and len(codes) < MOST_KINDS:
            codes.setdefault(id_, len(codes))
    found = (codes.get(id_, UNKNOWN) if id_ else UNKNOWN for id_ in named)
    return np.fromiter(found, dtype=np.int32, count=len(ids)).astype(np.int16)


def _column(name: str, values: list[Any]) -> pl.Series:
    """JSON values as a typed column: all text, all numbers, all truth values or all lists of text; anything mixed as JSON text."""
    present = [value for value in values if value is not None]
    if all(isinstance(value, bool) for value in present):
        return pl.Series(name, values, dtype=pl.Boolean)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in present):
        return pl.Series(name, values, dtype=pl.Float64, strict=False)
    if all(isinstance(value, str) for value in present):
        return pl.Series(name, values, dtype=pl.String)
    if all(isinstance(value, list) and all(isinstance(each, str) for each in value) for value in present):
        return pl.Series(name, values, dtype=pl.List(pl.String))
    return pl.Series(name, [None if value is None else orjson.dumps(value).decode() for value in values], dtype=pl.String)
