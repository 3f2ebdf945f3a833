"""Memory that training takes where events are sorted on disk and mapped from there, beside the same training with all of them in memory.

    python benchmarks/out_of_core.py [--events 10000000] [--rounds 3] [--only disk]

Events are drawn at random, fifty a person, 50,000 items; a SASRec of 50 positions then takes its first steps on them. Memory is
what the process has of its own (Linux), most of it at once, beyond what it had before the first event; pages of the mapped file,
which the system takes back when it needs them, are not in it. The last line is how many times less.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from memory import Watched
from penchant.data import Dataset, Interactions, Vocabulary
from penchant.data.spool import Spool
from penchant.models import SASRec
from penchant.models.base import FitOptions
from penchant.training import loop

EVENTS_EACH, ITEMS, PART, STEPS = 50, 50_000, 1_000_000, 50


def parts(n_events: int) -> Iterator[dict[str, Any]]:
    """Events in order of arrival, a million at a time. `Any`: arrays of several types."""
    random = np.random.default_rng(0)
    for start in range(0, n_events, PART):
        size = min(PART, n_events - start)
        yield {
            "users": random.integers(0, n_events // EVENTS_EACH, size, dtype=np.int32),
            "items": (ITEMS * random.random(size) ** 3).astype(np.int32),
            "timestamps": np.arange(start, start + size, dtype=np.int64) * 1_000,
            "event_types": np.zeros(size, np.int16),
            "values": np.full(size, np.nan, np.float32),
        }


def sorted_on_disk(n_events: int) -> Interactions:
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder))
        for part in parts(n_events):
            spool.add(**part)
        return spool.interactions(n_events // EVENTS_EACH)


def sorted_in_memory(n_events: int) -> Interactions:
    made = list(parts(n_events))
    whole = {name: np.concatenate([part[name] for part in made]) for name in made[0]}
    del made
    return Interactions.sort(**whole, n_users=n_events // EVENTS_EACH)


class Enough(Exception):
    """The steps that were to be seen are done."""


def few_steps() -> None:
    """Training stops by `Enough` after `STEPS`."""
    step, left = loop._Trainer._step, iter(range(STEPS))

    def counted(*given: Any, **named: Any) -> Any:  # `Any`: as the loop has them
        if next(left, None) is None:
            raise Enough
        return step(*given, **named)

    loop._Trainer._step = counted  # type: ignore[method-assign]


def train(asked: argparse.Namespace) -> None:
    few_steps()
    begun = time.perf_counter()
    with Watched() as memory:
        events = (sorted_on_disk if asked.only == "disk" else sorted_in_memory)(asked.events)
        ready, seconds = max(memory.samples), time.perf_counter() - begun
        users, items = (Vocabulary([f"{number}" for number in range(size)]) for size in (events.n_users, ITEMS))
        dataset = Dataset(events, users, items, Vocabulary(["view"]))
        with contextlib.suppress(Enough):
            SASRec(max_len=EVENTS_EACH, epochs=1, loss="sampled").fit(dataset, FitOptions(quiet=True, threads=1))
    print(json.dumps({"sorted": ready, "most": max(memory.samples), "seconds": seconds}))


def measured(asked: argparse.Namespace, where: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--events", str(asked.events), "--only", where, "--child"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    sizes = f"{found['sorted'] / 2**20:,.0f} MiB to sort in {found['seconds']:,.0f} s, {found['most'] / 2**20:,.0f} MiB at most"
    print(f"{asked.events:,} events, {where}: {sizes}", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("disk", "memory"), help="one of the two, once")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        train(asked)
    elif asked.only:
        measured(asked, asked.only)
    else:
        ratios = [measured(asked, "memory")["most"] / measured(asked, "disk")["most"] for _ in range(asked.rounds)]
        print(f"ratio {statistics.median(ratios):.1f} ({min(ratios):.1f}–{max(ratios):.1f})")


if __name__ == "__main__":
    main()
