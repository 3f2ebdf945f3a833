"""How near an epoch comes to the machine's limit: its floating-point operations ÷ time, against what matrix products alone reach here.

    PENCHANT_DATA=FOLDER python benchmarks/epoch.py [--rounds 3] [--threads 1] [--dim 64]

The floor counts the products of the model and no more: 6 operations a weight and position of the encoder, those of the attention over
real lengths, and 6·items·dim a target of the loss. The rate is that of bfloat16 products, taken in turn with the epochs: the best of
square matrices (`square`), and of the shapes of the model itself (`own shapes`), none of which can be as fast, for each reads and writes
more than it computes. The last line is the efficiency: floor at the square rate ÷ measured time.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from penchant.data import Dataset
from penchant.data.load import load_dataset
from penchant.data.split import leave_one_out
from penchant.models import SASRec
from penchant.models.base import FitOptions

LAYERS, LENGTH, EXPANSION = 2, 200, 4
SQUARES = (512, 1_024, 2_048)
POSITIONS = 3_200  # of a batch


def floor_of(dataset: Dataset, dim: int) -> float:
    """Operations of the products of one epoch, forward and backward."""
    lengths = dataset.interactions.lengths.astype(np.float64)
    windows = np.concatenate([np.full(int(n // LENGTH), LENGTH) for n in lengths] + [lengths % LENGTH])
    encoder = 6 * LAYERS * (4 + 2 * EXPANSION) * dim**2 * windows.sum()
    attention = 6 * LAYERS * dim * (windows**2).sum()  # q·k and weights·v, 2 operations each, three times, below the diagonal: half
    loss = 6 * dataset.n_items * dim * windows.sum()
    return float(encoder + attention + loss)


def rate(shapes: Iterable[tuple[int, int, int]]) -> Callable[[], float]:
    """Operations a second of the products [m, k] · [k, n] in bfloat16, all of them one after the other."""
    pairs = [(torch.randn(m, k).bfloat16(), torch.randn(k, n).bfloat16()) for m, k, n in shapes]
    operations = sum(2 * a.shape[0] * a.shape[1] * b.shape[1] for a, b in pairs)

    def measure() -> float:
        return operations / min(_timed(pairs) for _ in range(20))

    return measure


def _timed(pairs: list[tuple[Tensor, Tensor]]) -> float:
    begun = time.perf_counter()
    for a, b in pairs:
        torch.mm(a, b)
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--data", default=os.environ.get("PENCHANT_DATA"), help="the folder of the data sets, or PENCHANT_DATA")
    asked = parser.parse_args()
    if asked.data is None:
        parser.error("name the folder of the data sets by --data or the variable PENCHANT_DATA")
    torch.set_num_threads(asked.threads)
    dataset = leave_one_out(load_dataset(Path(asked.data) / "ml-1m/ratings.dat.gz")).train
    dim, wide = asked.dim, EXPANSION * asked.dim
    floor = floor_of(dataset, dim)
    squares = [rate([(size, size, size)]) for size in SQUARES]
    maps = [(dim, 3 * dim), (dim, dim), (dim, wide), (wide, dim)]
    own = rate([*((POSITIONS, *shape) for shape in maps), (1_024, dim, dataset.n_items)])
    found = []
    for _ in range(asked.rounds):
        square, shapes = max(measure() for measure in squares), own()
        model = SASRec(max_len=LENGTH, epochs=2, embedding_dim=dim).fit(dataset, FitOptions(quiet=True, threads=asked.threads))
        seconds = model.facts["curve"][-1]["seconds"]  # the first epoch compiles the kernels of each shape
        found.append((floor / square / seconds, floor / shapes / seconds))
        print(
            f"epoch {seconds:.1f} s, {dataset.n_events / seconds:,.0f} targets/s, {floor / seconds / 1e9:,.0f} GFLOP/s of products; "
            f"square {square / 1e9:,.0f}, own shapes {shapes / 1e9:,.0f}"
        )
    for name, values in zip(("square", "own shapes"), zip(*found, strict=True), strict=True):
        print(f"efficiency against {name}: {statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f}), {asked.threads} threads")
    print(f"efficiency {statistics.median(value for value, _ in found):.2f}")


if __name__ == "__main__":
    main()
