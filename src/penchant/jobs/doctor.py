"""What this machine is and can do: versions, memory, disk; and what a data set of a given size would need, before anything is loaded.

Predictions are formulas over users, items and events with rates measured here in about two seconds. They aim to be right within a
factor of two or three, which is what deciding needs; each names its formula.
"""

import csv
import os
import platform
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy import sparse

from penchant.core.errors import how_to_install
from penchant.core.memory import free_memory
from penchant.core.random import generator
from penchant.data.options import ReadOptions
from penchant.jobs.ingest import ingest
from penchant.models.ease import LIMIT
from penchant.models.encoder_config import WHOLE, EncoderConfig
from penchant.stores import open_store
from penchant.stores.sqlite.database import loses_pages

# Bytes on disk for an event: 138 measured over 491,177 of them, indexes included.
EVENT_DISK = 140
# Bytes in memory: an event while a data set is made (mapped files included: 0.5 GB for 10 million), one while files are read, an id in
# a dictionary.
EVENT_LOADING = 32
EVENT_READING = 180
ID_MEMORY = 250
FLOOR = 180 << 20  # an interpreter with polars, numpy and scipy

# Mean of squared history lengths over the square of their mean: 2.4 for MovieLens-1M.
SKEW = 2.5

ALS_FACTORS, ALS_ITERATIONS = 64, 15
SEQUENCE = EncoderConfig.model_validate({})  # the sequence model that is predicted
TOUCHED = 40 / 5e9  # seconds in which a step reads and writes a weight, its gradient and its moments: bytes over bytes a second
BLEND = ("popular", "last-item", "item-knn", "ease", "als", "sasrec")  # the members of `auto` that are predicted


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    value: str
    fine: bool = True
    advice: str = ""


@dataclass(frozen=True)
class Rates:
    """What this machine does in a second, measured."""

    flops: float  # float32 matrix product
    sparse_products: float  # multiplications of a sparse matrix product
    imports: float  # events from a CSV file into the store


@dataclass(frozen=True)
class Prediction:
    """What one job would need at its peak."""

    job: str
    memory_bytes: float
    disk_bytes: float
    minutes: float
    formula: str


def diagnose(folder: Path) -> list[Check]:
    """Everything that matters about this machine; `folder` is where a project would live."""
    return [
        _check("python", platform.python_version(), sys.version_info >= (3, 11), "Python 3.11 or later is needed"),
        Check("platform", f"{platform.system()} {platform.release()} {platform.machine()}"),
        Check("cores", str(cores())),
        _memory(),
        _disk(folder),
        _sqlite(),
        *_torch(),
    ]


def _check(name: str, value: str, fine: bool, advice: str) -> Check:  # noqa: FBT001 - the third field of a Check
    return Check(name, value, fine, "" if fine else advice)


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> Check:
    free = free_memory()
    value = "unknown" if free is None else in_bytes(free)
    return _check("memory available", value, free is None or free > (1 << 30), "even small sets are tight")


def _disk(folder: Path) -> Check:
    place = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    free = shutil.disk_usage(place).free
    return _check("disk free", f"{in_bytes(free)} at {place}", free > (1 << 30), "an import may not fit")


def _sqlite() -> Check:
    affected = loses_pages(sqlite3.sqlite_version_info)
    advice = "two writing connections can lose pages in this version (fixed in 3.51.3, 3.50.7, 3.44.6); penchant uses one"
    return Check("sqlite", sqlite3.sqlite_version + (" (one writer only)" if affected else ""), True, advice if affected else "")


def _torch() -> list[Check]:
    try:
        found = version("torch")
    except PackageNotFoundError:
        return [Check("torch", "not installed", True, f"the sequence models need it: {how_to_install('torch')}")]
    import torch  # seconds to load, and an extra

    capabilities = torch.cpu.get_capabilities()
    bf16 = any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "amx_tile"))
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none"
    return [Check("torch", found), Check("bfloat16 on the CPU", "yes" if bf16 else "no, float32 is used"), Check("gpu", gpu)]


def measure() -> Rates:
    """The rates of this machine, each from a fraction of a second of work."""
    random = generator(0, "doctor")
    dense = random.standard_normal((1024, 1024), dtype=np.float32)
    flops = 2 * 1024**3 / _seconds(lambda: dense @ dense)
    pairs = random.integers(0, 2_000, (2, 80_000))
    rows = sparse.csr_array((np.ones(80_000, np.float32), (pairs[0], pairs[1])), shape=(2_000, 2_000))
    products = 40 * 80_000 / _seconds(lambda: rows @ rows)  # each entry meets the 40 of a row
    return Rates(flops, products, _import_rate(20_000))


def _seconds(work: Callable[[], object]) -> float:
    """The best of three runs."""
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


def _import_rate(n_events: int) -> float:
    """Events a second of a real import of generated events into a temporary store."""
    random = generator(0, "doctor-import")
    users, items = random.integers(0, 2_000, n_events), random.integers(0, 1_000, n_events)
    with tempfile.TemporaryDirectory(prefix="penchant-doctor-") as work:
        folder = Path(work)
        with (folder / "events.csv").open("w", newline="", encoding="ascii") as file:
            writer = csv.writer(file)
            writer.writerow(("user_id", "item_id", "timestamp"))
            writer.writerows(zip(users.tolist(), items.tolist(), range(1_000_000_000, 1_000_000_000 + n_events), strict=True))
        store = open_store("sqlite:///doctor.db", folder=folder)
        try:
            target = SimpleNamespace(dir=folder, events=store.events, features=store.features)
            started = time.perf_counter()
            ingest(target, events=folder / "events.csv", options=ReadOptions(robots="keep"))
            return n_events / (time.perf_counter() - started)
        finally:
            store.close()


def predict(users: int, items: int, events: int, rates: Rates, room: int | None = None) -> list[Prediction]:
    """Peak memory, disk and minutes of each job for that many users, items and events. Training includes loading the data.

    `room`: bytes that may be taken, None = any number. `auto` goes on without members that need more.
    """
    loaded = FLOOR + events * EVENT_LOADING + (users + items) * ID_MEMORY
    loading = events / 500_000  # seconds; 1.8 s for a million on two cores
    pairs = SKEW * events**2 / max(users, 1)  # sum over users of (items of the user)²
    table: list[tuple[str, float, float, float, str]] = [
        ("import", FLOOR + 500_000 * EVENT_READING + 17 * events, events * EVENT_DISK, events / rates.imports, "events ÷ measured rate"),
        ("load for training", loaded, 0, loading, f"{EVENT_LOADING} bytes an event"),
        ("popular", loaded, 4 * items, loading, "4 bytes an item"),
        ("last-item", loaded + 200 * events, 8 * min(10 * events, items**2), loading + 10 * events / 2e7, "10 transitions an event"),
        ("item-knn", loaded + 800 * items + (128 << 20), 800 * items, loading + pairs / rates.sparse_products, "Σ length² products"),
        ("user-knn", loaded + 12 * events, 8 * events, loading, "no training"),
        (
            "ease",
            loaded + 12 * items**2,
            4 * items**2,
            loading + pairs / rates.sparse_products + 2 * items**3 / rates.flops * 2,
            "12 bytes · items², items³ operations",
        ),
        (
            "als",
            loaded + 4 * ALS_FACTORS * (users + items) + 8 * events,
            4 * ALS_FACTORS * items,
            loading + ALS_ITERATIONS * (4 * events * ALS_FACTORS**2 + (users + items) * ALS_FACTORS**3) / (0.05 * rates.flops),
            f"{ALS_ITERATIONS} iterations of {ALS_FACTORS} factors",
        ),
        (
            "sasrec",
            *_sequence_model(items, events, rates, loaded, loading),
            f"{SEQUENCE.epochs_for(events)} epochs, dim {SEQUENCE.embedding_dim}, on the CPU",
        ),
    ]
    jobs = [Prediction(job, memory, disk, seconds / 60, formula) for job, memory, disk, seconds, formula in table]
    fitting = [job for job in jobs if (room is None or job.memory_bytes <= room) and (job.job != "ease" or items <= LIMIT)]
    return [*jobs, _blend([job for job in fitting if job.job in BLEND], loading / 60)]


def _blend(members: list[Prediction], loading: float) -> Prediction:
    """The default model: its members one after the other on data that are loaded once, those that count once more over all of it.

    Of those without a prediction (trending, habits, SLIM and graph-filter where EASE is refused) nothing is known here.
    """
    minutes = loading + sum((1 if member.job == "sasrec" else 2) * (member.minutes - loading) for member in members)
    kept = sum(member.disk_bytes for member in members)  # in memory, too, until all are weighed
    memory = max((member.memory_bytes + kept - member.disk_bytes for member in members), default=0.0)
    names = ", ".join("sasrec or hstu" if member.job == "sasrec" else member.job for member in members)
    return Prediction("auto", memory, kept, minutes, f"one after the other: {names}")


def _sequence_model(items: int, events: int, rates: Rates, loaded: float, loading: float) -> tuple[float, float, float]:
    """Memory, disk and seconds: six operations a weight and event, at 40 % of the measured product rate, and the weights themselves."""
    dim, layers, step_events = SEQUENCE.embedding_dim, SEQUENCE.n_layers, SEQUENCE.batch_events_for(events)
    weights = items * dim + layers * 12 * dim**2
    compared = items if items <= WHOLE else SEQUENCE.negatives
    per_event = (
        6 * (layers * (12 * dim**2 + SEQUENCE.max_len * dim) + compared * dim) / (0.4 * rates.flops) + TOUCHED * weights / step_events
    )
    activations = step_events * (40 * layers * dim + min(compared, 20_000)) * 4
    torch_floor = 500 << 20  # its library, the kernels it compiles, and a block of scores while it validates
    seconds = loading + SEQUENCE.epochs_for(events) * events * per_event
    return loaded + torch_floor + 16 * weights + activations, 4 * weights, seconds


def in_bytes(size: float) -> str:
    """A size for people, in binary units."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit in ("B", "KiB") else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def in_time(minutes: float) -> str:
    """A duration for people."""
    if minutes < 0.1:
        return "seconds"
    if minutes < 120:
        return f"{minutes:.1f} min"
    return f"{minutes / 60:,.1f} h" if minutes < 60 * 72 else f"{minutes / 60 / 24:,.0f} days"


def report(folder: Path, *, users: int | None = None, items: int | None = None, events: int | None = None) -> dict[str, Any]:
    """Checks, and predictions where all three sizes are given. `Any`: JSON."""
    result: dict[str, Any] = {"checks": [asdict(check) for check in diagnose(folder)]}
    if users is not None and items is not None and events is not None:
        rates = measure()
        result["sizes"] = {"users": users, "items": items, "events": events}
        result["rates"] = asdict(rates)
        result["available_memory"] = room = free_memory()
        result["predictions"] = [asdict(each) for each in predict(users, items, events, rates, room)]
    return result
