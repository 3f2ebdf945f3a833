"""What it saves that processes divide the rows of the item table: memory and time of a step, beside the same training with whole tables.

    python benchmarks/sharded.py [--items 1000000] [--dim 64] [--processes 2] [--rounds 3]

Histories are drawn at random; both trainings start from the same weights and take the same steps, in turn. Memory is what a process
has of its own (Linux) beyond what it had before: the median of a hundred samples a second, which is that of a step, and the most, which
is that of the start, when each process has the whole table drawn. The last line is how many times less memory a step takes.
"""

import argparse
import json
import statistics
import subprocess
import sys

import numpy as np
import polars as pl

from memory import Watched
from penchant.core.processes import processes
from penchant.data import Dataset
from penchant.models import SASRec, encoder
from penchant.models.base import FitOptions

USERS, EVENTS, BATCH = 2_000, 32, 64


def catalogue(n_items: int) -> Dataset:
    """Histories of `EVENTS` random items each."""
    random = np.random.default_rng(0)
    users = np.repeat(np.arange(USERS), EVENTS)
    frame = pl.DataFrame({"user_id": users, "item_id": random.integers(0, n_items, len(users)), "timestamp": np.arange(len(users))})
    ids = pl.DataFrame({"item_id": np.arange(n_items)}).cast(pl.String)
    return Dataset.from_events(frame.with_columns(pl.col("user_id", "item_id").cast(pl.String)), items=ids)


def train(asked: argparse.Namespace) -> None:
    """What each process does: train, and say what it took."""
    if asked.whole:
        encoder.shard = lambda table, _: table  # type: ignore[assignment]
    dataset = catalogue(asked.items)
    settings = {"embedding_dim": asked.dim, "max_len": EVENTS, "batch_size": BATCH, "epochs": 2, "loss": "sampled"}
    with Watched() as memory:
        model = SASRec(**settings).fit(dataset, FitOptions(quiet=True, threads=1))
    seen = memory.samples
    last = model.facts["curve"][-1]
    found = {"step": statistics.median(seen), "most": max(seen), "seconds": last["seconds"] / -(-USERS // BATCH), "loss": last["loss"]}
    print(json.dumps(found))


def measured(asked: argparse.Namespace, *, whole: bool) -> dict[str, float]:
    """The largest process's memory, the slowest's time of a step, and the loss."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(asked.processes), __file__]
    options = ["--items", str(asked.items), "--dim", str(asked.dim), *(["--whole"] if whole else [])]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: max(each[name] for each in found) for name in found[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--whole", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if processes().size > 1:
        train(asked)
        return
    ratios = []
    for _ in range(asked.rounds):
        rows, whole = measured(asked, whole=False), measured(asked, whole=True)
        ratios.append(whole["step"] / rows["step"])
        for name, each in (("rows", rows), ("whole", whole)):
            memory = f"{each['step'] / 2**20:,.0f} MiB a process while it steps, {each['most'] / 2**20:,.0f} at most"
            print(f"{name}: {memory}, {each['seconds'] * 1e3:,.0f} ms a step, loss {each['loss']:.4f}", flush=True)
    print(f"ratio {statistics.median(ratios):.1f} ({min(ratios):.1f}–{max(ratios):.1f})")


if __name__ == "__main__":
    main()
