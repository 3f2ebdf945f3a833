"""Us and a peer on the same task, alternating, each round in processes of their own; the last line is the ratio with its spread."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from penchant.core.clock import SECOND
from penchant.data.load import load_dataset
from penchant.data.split import leave_one_out

PEERS = Path(__file__).parent / "peers"


def arguments(what: str | None, peers: Sequence[str]) -> argparse.ArgumentParser:
    """The options that every comparison has."""
    parser = argparse.ArgumentParser(description=what, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=peers, default=peers[0])
    parser.add_argument("--peer-python", default=sys.executable, help="the interpreter of the environment that the peer is installed in")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", default=os.environ.get("PENCHANT_DATA"), help="the folder of the data sets, or PENCHANT_DATA")
    return parser


def measured(python: str, script: Path, *given: object) -> dict[str, Any]:
    """What `script` prints as its last line, JSON, hence `Any`. It runs in a folder of its own, for some peers leave files behind."""
    with tempfile.TemporaryDirectory() as folder:
        command = [python, str(script.resolve()), *map(str, given)]
        run = subprocess.run(command, capture_output=True, text=True, cwd=folder, env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"})
    if run.returncode:
        raise SystemExit(f"{script.name} failed in {python}:\n{run.stderr[-2_000:]}")
    found: dict[str, Any] = json.loads(run.stdout.strip().splitlines()[-1])
    return found


def events_of_movielens(asked: argparse.Namespace, file: Path, users: int | None = None) -> None:
    """Writes user_id, item_id, timestamp (seconds) of the first `users` people of MovieLens-1M, each one's last event left out."""
    if asked.data is None:
        raise SystemExit("name the folder of the data sets by --data or the variable PENCHANT_DATA")
    known = leave_one_out(load_dataset(Path(asked.data) / "ml-1m/ratings.dat.gz")).known.interactions
    stop = len(known) if users is None else int(known.offsets[min(users, known.n_users)])
    frame = {"user_id": known.users[:stop], "item_id": known.items[:stop], "timestamp": known.timestamps[:stop] // SECOND}
    pl.DataFrame(frame).write_csv(file)


def alternate(asked: argparse.Namespace, ours: Path, theirs: Path, unit: str, *given: object) -> None:
    """Rounds of both; each prints {"done": units, "seconds": s} and perhaps more, which is shown."""
    rates: list[tuple[float, float]] = []
    for n in range(asked.rounds):
        pair = [measured(sys.executable, ours, *given), measured(asked.peer_python, theirs, *given)]
        rates.append((pair[0]["done"] / pair[0]["seconds"], pair[1]["done"] / pair[1]["seconds"]))
        told = [", ".join(f"{name} {value}" for name, value in found.items() if name not in ("done", "seconds")) for found in pair]
        print(
            f"round {n + 1}: penchant {rates[-1][0]:,.0f} {unit}/s ({told[0]}); {asked.peer} {rates[-1][1]:,.0f} {unit}/s ({told[1]})",
            flush=True,
        )
    for name, values in zip(("penchant", asked.peer), zip(*rates, strict=True), strict=True):
        print(f"{name}: median {statistics.median(values):,.0f} {unit}/s")
    ratios = sorted(mine / other for mine, other in rates)
    print(f"ratio {statistics.median(ratios):.1f} ({ratios[0]:.1f}–{ratios[-1]:.1f})")
