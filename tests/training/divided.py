"""What each process does in `test_shards`: it looks rows up, or trains models one after the other, and writes down what it found.

torchrun … divided.py lookup FOLDER
torchrun … divided.py train FOLDER CASES        the names of some of `CASES`
"""

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from penchant.core.processes import processes
from penchant.data import Dataset
from penchant.data.split import leave_one_out
from penchant.models import MODELS, item2vec, learning
from penchant.models.base import FitOptions, Model
from penchant.nn.sharded import is_sharded, own, whole
from penchant.testing.data import everyday
from penchant.training import loop
from penchant.training.loop import Run
from penchant.training.shards import shard

CPU = torch.device("cpu")
SIZES = (1, 5, 8)  # rows of the tables that are looked up in
ASKED = ([[0, 4, 4], [2, 0, 1]], [])  # codes that each process asks for, where there are so many rows

SETTINGS = {"dropout": 0.0, "precision": "float32", "epochs": 2, "embedding_dim": 16, "max_len": 8, "batch_size": 8}
CASES: dict[str, dict[str, Any]] = {
    "sampled": {"loss": "sampled"},
    "gbce": {"loss": "gbce", "ema": 0.9},
    "bce": {"loss": "bce", "batch_size": 1, "n_items": 24},  # some batches have one row: a process has no share
    "bpr": {"loss": "bpr", "optimizer": "momentum"},
    "mixture": {"loss": "sampled", "head": "mixture", "inputs": ["content"]},
    "softmax": {"loss": "softmax"},
    "masked": {"model": "bert4rec", "loss": "sampled"},
    "skip-gram": {"model": "item2vec"},
}


def data(n_items: int = 25) -> Dataset:
    """With something to say of each item."""
    found = everyday(n_items=n_items)
    features = pl.DataFrame({"item_id": found.items.ids, "kind": [f"kind {code % 3}" for code in range(n_items)]})
    return Dataset(found.interactions, found.users, found.items, found.event_types, features, name="divided")


def fitted(case: str, checkpoint: Path | None = None) -> Model:
    """The model of a case, trained. As many negatives as items are every item once, so that nothing is left to chance."""
    split = leave_one_out(data(CASES[case].get("n_items", 25)))
    kind = MODELS.load(CASES[case].get("model", "sasrec"))
    settings = {"negatives": split.train.n_items, **SETTINGS, **CASES[case]}
    settings = {name: value for name, value in settings.items() if name in kind.Config.model_fields}
    options = FitOptions(quiet=True, threads=1, checkpoint=checkpoint, validation=split.validation if "ema" in settings else None)
    return kind(**settings).fit(split.train, options)


def codes(number: int, rows: int) -> torch.Tensor:
    """What process `number` asks for."""
    return torch.tensor(ASKED[number] if rows > 1 else [0] * number, dtype=torch.int64) % rows


def table(rows: int) -> torch.nn.Embedding:
    return torch.nn.Embedding(rows, 3, _weight=torch.arange(3.0 * rows).view(rows, 3))


def look_up(folder: Path) -> None:
    """Values of two lookups, and the gradient of a weighed sum of them."""
    me = processes()
    found = {}
    for rows in SIZES:
        divided = shard(table(rows), CPU)
        first, second = divided(codes(me.number, rows)), divided(codes(1 - me.number, rows))
        ((1 + me.number) * first.pow(2).sum() + second.sum()).backward()
        assert divided.weight.grad is not None
        again = whole(divided.weight, everywhere=True)
        assert again is not None and torch.equal(again, table(rows).weight)
        assert (whole(divided.weight, everywhere=False) is None) == (not me.first)
        found |= {f"{rows} first": first.detach(), f"{rows} second": second.detach(), f"{rows} gradient": own(divided.weight.grad)}
    np.savez(folder / f"{me.number}.npz", **{name: tensor.numpy() for name, tensor in found.items()})


def train(folder: Path, cases: list[str]) -> None:
    """Each case: the model, and how many rows of each table there were in this process after the last step."""
    step, rows = loop._Trainer._step, {}

    def watched(self: Any, *arguments: Any, **more: Any) -> None:
        step(self, *arguments, **more)
        for name, weight in self.task.module.named_parameters():
            if is_sharded(weight):
                memory = self.plan.optimizer.state[weight].values()
                kept = [weight, weight.grad, *(value for value in memory if value.ndim), *self.best.values()]
                kept += [] if self.average is None else [self.average.tensors[name]]
                rows[name] = [len(own(value)) for value in kept if value.shape == weight.shape]

    loop._Trainer._step = watched  # type: ignore[method-assign]
    item2vec.WHOLE = 0
    for case in cases:
        rows.clear()
        place = folder / case
        model = fitted(case, checkpoint=place / "checkpoint")
        model.save(place / str(processes().number))
        (place / f"{processes().number}.json").write_text(json.dumps(rows))


def keep(put: Callable[[Any, str, Any], None]) -> None:
    """Write a checkpoint after each step."""
    put(learning, "Run", functools.partial(Run, checkpoint_every_s=0.0))


if __name__ == "__main__":
    what, folder, *cases = sys.argv[1:]
    if what == "lookup":
        look_up(Path(folder))
    if what == "keep":
        keep(setattr)
    if what != "lookup":
        train(Path(folder), cases)
