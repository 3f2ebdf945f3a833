"""Files → clean events in bounded memory, and files → a data set. The same reading serves imports and evaluations."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

from penchant.core.errors import DataError
from penchant.core.events import EVENT_SCHEMA, EventBatch
from penchant.core.log import progress_bar
from penchant.data.clean import Cleaning, EventCleaner
from penchant.data.dataset import Dataset
from penchant.data.doubts import check_times, check_users
from penchant.data.features import ID_COLUMNS, KINDS, read_features
from penchant.data.known import recognise_file, recognise_folder
from penchant.data.mapping import map_events
from penchant.data.options import ReadOptions
from penchant.data.outliers import Outliers, Spool
from penchant.data.sources import open_table
from penchant.data.sources.table import LINE, Chunk, Table


def read_events(path: Path, options: ReadOptions, cleaning: Cleaning) -> Iterator[EventBatch]:
    """The usable events of a file in file order, at most 100,000 a batch; memory does not grow with the file but for 8 bytes a row.

    The whole file is read before the first batch comes, so that `options.strict` can fail before anything was used.
    Steps, decisions and rejects go to `cleaning`. Raises DataError and SchemaError.
    """
    for frame in _clean_frames(Path(path), options, cleaning):
        yield EventBatch.of(frame)


def load_dataset(
    events: Path,
    *,
    items: Path | str | None = None,
    users: Path | str | None = None,
    options: ReadOptions | None = None,
) -> Dataset:
    """The data set in these files; `events` may be the folder of a known public one, which then names the others.

    `facts` holds "cleaning" (steps with their counts), "decisions" (sentences) and "rejects". Raises DataError and SchemaError.
    """
    options = options or ReadOptions()
    files = find_files(Path(events), items, users)
    cleaning = Cleaning(rejects=options.rejects)
    try:
        frame = pl.concat(list(_clean_frames(files["events"], options, cleaning)), how="vertical")
        tables = {
            kind: read_features(
                files[kind], kind, options_for(files[kind], kind, options, cleaning), cleaning, frame[ID_COLUMNS[kind]].unique()
            )
            for kind in KINDS
            if kind in files
        }
        cleaning.rejects.check(strict=options.strict)
    finally:
        cleaning.rejects.close()
    facts = facts_of(cleaning, files)
    return Dataset.from_events(frame, items=tables.get("items"), users=tables.get("users"), name=_name(Path(events)), facts=facts)


def facts_of(cleaning: Cleaning, files: dict[str, Path]) -> dict[str, Any]:
    """What reading and cleaning found. `Any`: JSON."""
    return {
        "files": {kind: path.name for kind, path in files.items()},
        "cleaning": cleaning.steps,
        "decisions": cleaning.decisions,
        "rejects": {"count": cleaning.rejects.count, "examples": cleaning.rejects.examples},
    }


def find_files(events: Path | None, items: Path | str | None, users: Path | str | None) -> dict[str, Path]:
    """Which file holds what; a folder of a known data set names all of them. Raises DataError for an unknown folder."""
    files: dict[str, Path] = {}
    if events is not None:
        files = recognise_folder(events) if events.is_dir() else {"events": events}
    return {**files, **({"items": Path(items)} if items else {}), **({"users": Path(users)} if users else {})}


def options_for(path: Path, role: str, options: ReadOptions, cleaning: Cleaning) -> ReadOptions:
    """`options`, completed by what is known about a public file that does not describe itself."""
    known, decision = recognise_file(path, role, options)
    if decision:
        cleaning.decisions.append(decision)
    return known


def _name(path: Path) -> str:
    return path.name.removesuffix(".gz").rsplit(".", 1)[0] or path.name


def _clean_frames(path: Path, options: ReadOptions, cleaning: Cleaning) -> Iterator[pl.DataFrame]:
    options = options_for(path, "events", options, cleaning)
    table = open_table(path, options)
    start: list[Chunk] = []
    for chunk in table.chunks:
        start.append(chunk)
        if len(chunk.frame):
            break
    else:
        cleaning.rejects.add(path, [bad for chunk in start for bad in chunk.bad])
        raise DataError(f"{path}: has no rows that can be read\n{cleaning.rejects.summary()}".rstrip())
    mapping = map_events(start[-1].frame, options, header=table.header, where=str(path))
    check_times(mapping, start[-1].frame, options, header=table.header, where=str(path))
    cleaning.decisions += [*table.decisions, *mapping.decisions]
    cleaner = EventCleaner(mapping, options, cleaning, path)
    outliers = Outliers(options, cleaning, timed=bool(mapping.time_columns))
    with Spool() as spool:
        for chunk in _with_progress(table, start, options):
            frame = cleaner.clean(chunk)
            outliers.see(frame)
            spool.add(frame)
        cleaner.decide()
        cleaning.rejects.check(strict=options.strict)
        if not spool.rows:
            raise DataError(f"{path}: none of {cleaner.rows:,} rows is a usable event\n{cleaning.rejects.summary()}")
        outliers.compare(spool)
        check_users(mapping, options, n_users=outliers.n_users, n_events=outliers.n_events, where=str(path))
        for frame in outliers.kept(spool):
            if len(frame):
                yield frame.drop(LINE).select(pl.col(name) for name in EVENT_SCHEMA if name in frame.columns)


def _with_progress(table: Table, start: list[Chunk], options: ReadOptions) -> Iterator[Chunk]:
    """All chunks, those already read before the rest, with a bar over the bytes of the file."""
    with progress_bar(quiet=options.quiet) as bar:
        task = bar.add_task(f"reading {table.path.name}", total=table.path.stat().st_size, unit="B", note="")
        for chunk in chain(start, table.chunks):
            yield chunk
            bar.update(task, completed=chunk.position)
