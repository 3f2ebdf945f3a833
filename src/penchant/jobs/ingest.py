"""Files into a project: read, cleaned, stored, reported. Doing it twice adds nothing; a strict run that fails has stored nothing."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from penchant.core.errors import ConfigError
from penchant.core.events import EventBatch
from penchant.core.log import progress_bar
from penchant.core.protocols import EventStore, FeatureStore
from penchant.data.clean import Cleaning
from penchant.data.features import ID_COLUMNS, KINDS, Kind, properties_of, read_features
from penchant.data.load import find_files, options_for, read_events
from penchant.data.options import ReadOptions

_UPSERT_ROWS = 10_000
_APPEND_ROWS = 500_000  # stored, and acknowledged, at once: each commit writes pages all over the index of event ids


class Target(Protocol):
    """The part of a project that an import needs."""

    dir: Path

    @property
    def events(self) -> EventStore:
        """Where events go."""
        ...

    @property
    def features(self) -> FeatureStore:
        """Where items and users go."""
        ...


@dataclass
class IngestReport:
    """What an import did; `reports/ingest-<number>.json` holds the same. `Any`: JSON."""

    number: int
    at: str  # ISO 8601, UTC
    dry_run: bool
    files: dict[str, str]
    seconds: float = 0.0
    usable: int = 0  # events that passed all steps
    stored: int = 0  # of them new
    known: int = 0  # of them stored before
    event_users: int = 0  # different ones in the usable events
    event_items: int = 0
    uncatalogued: int | None = None  # of the items in events, those without a row of the catalogue; None: there is no catalogue
    items: int = 0
    new_items: int = 0
    users: int = 0
    new_users: int = 0
    steps: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    rejects: dict[str, Any] = field(default_factory=dict)  # count, file (None: nowhere), examples

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return asdict(self)


def ingest(
    project: Target,
    *,
    events: Path | str | None = None,
    items: Path | str | None = None,
    users: Path | str | None = None,
    options: ReadOptions | None = None,
    dry_run: bool = False,
    strict: bool = False,
) -> IngestReport:
    """Import files into `project`; `events` may be the folder of a known public data set.

    Nothing is stored before the events were read to their end and the items and users too. With `dry_run` nothing is written at all,
    with `strict` any bad row is a DataError. Raises DataError, SchemaError, ConfigError, StoreError.
    """
    started = time.monotonic()
    files = find_files(None if events is None else Path(events), items, users)
    if not files:
        raise ConfigError("import: nothing to do; name a file with --events, --items or --users")
    options = (options or ReadOptions()).model_copy(update={"strict": strict or (options is not None and options.strict)})
    reports = Path(project.dir) / "reports"
    report = IngestReport(
        _next_number(reports), datetime.now(UTC).isoformat(timespec="seconds"), dry_run, {k: str(v) for k, v in files.items()}
    )
    rejects = options.rejects or (None if dry_run else reports / f"ingest-{report.number}-rejects.csv")
    cleaning = Cleaning(rejects=rejects)
    try:
        batches, tables = _read(files, options, cleaning)
        expected = cleaning.steps[0]["rows_in"] - sum(step["removed"] for step in cleaning.steps if ":" not in step["step"])
        seen = _Seen()
        _write(project, seen.passing(batches), tables, report, None if options.quiet else expected)
        met = seen.ids("items")
        report.event_users, report.event_items = len(seen.ids("users")), len(met)
        if events is not None:
            report.uncatalogued = _uncatalogued(project, tables.get("items"), met)
    finally:
        cleaning.rejects.close()
    report.seconds = round(time.monotonic() - started, 3)
    report.steps, report.decisions = cleaning.steps, cleaning.decisions
    path = str(rejects) if rejects is not None and cleaning.rejects.count else None
    report.rejects = {"count": cleaning.rejects.count, "file": path, "examples": cleaning.rejects.examples}
    if not dry_run:
        _save(report, reports / f"ingest-{report.number}.json")
    return report


def _read(files: dict[str, Path], options: ReadOptions, cleaning: Cleaning) -> tuple[Iterator[EventBatch], dict[Kind, pl.DataFrame]]:
    """Batches that are ready to be stored, and the tables; every file was read to its end when this returns."""
    batches: Iterator[EventBatch] = iter(())
    known: dict[Kind, pl.Series] = {}
    if "events" in files:
        batches = read_events(files["events"], options, cleaning)
        first = next(batches)
        known = {kind: first.frame[column].unique() for kind, column in ID_COLUMNS.items()}
        batches = chain([first], batches)
    tables = {
        kind: read_features(files[kind], kind, options_for(files[kind], kind, options, cleaning), cleaning, known.get(kind))
        for kind in KINDS
        if kind in files
    }
    cleaning.rejects.check(strict=options.strict)
    return batches, tables


def _write(
    project: Target, batches: Iterator[EventBatch], tables: dict[Kind, pl.DataFrame], report: IngestReport, expected: int | None
) -> None:
    """Store everything and count it, with a bar where `expected` says how many events will come."""
    with progress_bar(quiet=expected is None) as bar:
        task = bar.add_task("storing events", total=expected, unit="events", note="")
        for batch in _joined(batches):
            report.usable += len(batch)
            if not report.dry_run:
                ack = project.events.append(batch)
                report.stored += ack.stored
                report.known += ack.duplicates
            bar.advance(task, len(batch))
    for kind, table in tables.items():  # behind the events: items are numbered in the order of their first event
        new = 0
        for start in range(0, 0 if report.dry_run else len(table), _UPSERT_ROWS):
            new += project.features.upsert(kind, properties_of(table.slice(start, _UPSERT_ROWS)))
        if kind == "items":
            report.items, report.new_items = len(table), new
        else:
            report.users, report.new_users = len(table), new


class _Seen:
    """The different users and items of events that pass by."""

    def __init__(self) -> None:
        self._parts: dict[Kind, list[pl.Series]] = {kind: [] for kind in KINDS}

    def passing(self, batches: Iterator[EventBatch]) -> Iterator[EventBatch]:
        """The same batches, seen."""
        for batch in batches:
            for kind, parts in self._parts.items():
                parts.append(batch.frame[ID_COLUMNS[kind]].unique())
                if sum(map(len, parts[1:])) > max(_APPEND_ROWS, len(parts[0])):
                    self._parts[kind] = [pl.concat(parts).unique()]
            yield batch

    def ids(self, kind: Kind) -> pl.Series:
        """Each once, in no order."""
        parts = self._parts[kind]
        return pl.concat(parts).unique() if parts else pl.Series([], dtype=pl.String)


def _uncatalogued(project: Target, table: pl.DataFrame | None, items: pl.Series) -> int | None:
    """How many of these items neither the imported table nor the project's catalogue holds; None where both are empty."""
    known = pl.Series([], dtype=pl.String) if table is None else table[ID_COLUMNS["items"]]
    missing = items.filter(~items.is_in(known.implode()))
    if not len(known) and next(project.features.scan("items", rows=1), None) is None:
        return None
    parts = (missing.slice(start, _UPSERT_ROWS).to_list() for start in range(0, len(missing), _UPSERT_ROWS))
    return len(missing) - sum(len(project.features.get("items", part)) for part in parts)


def _joined(batches: Iterator[EventBatch]) -> Iterator[EventBatch]:
    """The same events in larger batches."""
    parts: list[pl.DataFrame] = []
    for batch in batches:
        parts.append(batch.frame)
        if sum(map(len, parts)) >= _APPEND_ROWS:
            yield EventBatch(pl.concat(parts))
            parts = []
    if parts:
        yield EventBatch(pl.concat(parts))


def _next_number(reports: Path) -> int:
    numbers = [path.stem.removeprefix("ingest-") for path in reports.glob("ingest-*.json")]
    return max((int(number) for number in numbers if number.isdigit()), default=0) + 1


def _save(report: IngestReport, path: Path) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = path.with_suffix(".tmp")
    staging.write_text(json.dumps(report.to_json(), ensure_ascii=False, indent=2), encoding="utf-8")
    os.replace(staging, path)
