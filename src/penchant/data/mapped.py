"""Events in Arrow files that are mapped into memory: read as they are used, and held once for all processes of a machine."""

import json
import mmap
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from penchant.data.dataset import Dataset
from penchant.data.interactions import Interactions
from penchant.data.vocabulary import Vocabulary

EVENTS, OFFSETS, ITEMS, USERS, FACTS = "events.arrow", "offsets.arrow", "items.arrow", "users.arrow", "facts.json"
VOCABULARIES = ("users", "items", "event_types", "scenarios")  # of `Dataset`

Columns = Mapping[str, NDArray[Any]]  # of one length; `Any`: each has a type of its own


def write_columns(sink: pa.NativeFile, columns: Columns) -> None:
    """The columns as one Arrow record batch (IPC file format, not compressed). Raises OSError."""
    arrays = [pa.Array.from_buffers(pa.from_numpy_dtype(each.dtype), len(each), [None, pa.py_buffer(each)]) for each in columns.values()]
    batch = pa.RecordBatch.from_arrays(arrays, names=list(columns))
    with pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)


def read_columns(source: pa.NativeFile | mmap.mmap) -> dict[str, NDArray[Any]]:
    """What `write_columns` wrote, read-only and where it is. Raises OSError. `Any`: as above."""
    batch = pa.ipc.open_file(source if isinstance(source, pa.NativeFile) else pa.py_buffer(source)).get_batch(0)
    return {name: batch.column(name).to_numpy(zero_copy_only=True) for name in batch.schema.names}


def write_dataset(dataset: Dataset, folder: Path) -> None:
    """The data set, without targets, as files in `folder`, which is made if need be; what is there is replaced. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    events = {each.name: getattr(dataset.interactions, each.name) for each in fields(Interactions)}
    events = {name: array for name, array in events.items() if array is not None}
    for name, columns in ((OFFSETS, {"offsets": events.pop("offsets")}), (EVENTS, events)):
        with pa.OSFile(str(folder / name), "wb") as sink:
            write_columns(sink, columns)
    ids = {name: getattr(dataset, name).ids for name in VOCABULARIES}
    (folder / FACTS).write_text(json.dumps({"ids": ids, "name": dataset.name, "facts": dataset.facts}), encoding="utf-8")
    for path, table in ((folder / ITEMS, dataset.item_features), (folder / USERS, dataset.user_features)):
        path.unlink(missing_ok=True)
        if table is not None:
            table.write_ipc(path)


def map_dataset(folder: Path) -> Dataset:
    """The data set that `write_dataset` wrote: its events mapped, the rest read. Raises OSError."""
    told = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    users, items, event_types, scenarios = (Vocabulary(told["ids"][name]) for name in VOCABULARIES)
    return Dataset(
        Interactions(**_mapped(folder / OFFSETS), **_mapped(folder / EVENTS)),
        users,
        items,
        event_types,
        _table(folder / ITEMS),
        _table(folder / USERS),
        scenarios,
        name=told["name"],
        facts=told["facts"],
    )


def _mapped(path: Path) -> dict[str, NDArray[Any]]:  # `Any`: as above
    return read_columns(pa.memory_map(str(path)))


def _table(path: Path) -> pl.DataFrame | None:
    return pl.read_ipc(path.read_bytes()) if path.is_file() else None
