"""Trains a small `auto` and saves it, unless somebody kills this process: argv = folder of checkpoints, folder of the result.

Says "begun" when everything is imported, then what the training logs, for that tells where it goes on.
"""

import json
import logging
import os
import sys
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from penchant.data import Dataset
from penchant.models import Auto, learning
from penchant.models.base import FitOptions

MEMBERS = {
    "sasrec": {"epochs": 3, "embedding_dim": 16, "n_layers": 1, "n_heads": 1, "max_len": 20, "dropout": 0.2, "ema": 0.9},
    "tifu-knn": {"own": 1.0},
    "als": {"factors": 8},
    "popular": {},
}


def walks(users: int = 600, items: int = 60, length: int = 14) -> Dataset:
    """People who take the next item of the catalogue, or the one they always like: a member knows the former, another the latter."""
    rng = np.random.default_rng(0)
    codes = (rng.integers(0, items, (users, 1)) + np.arange(length)) % items
    codes = np.where(rng.random((users, length)) < 0.4, rng.integers(0, items, (users, 1)), codes)
    names = {"user_id": [f"u{u}" for u in range(users) for _ in range(length)], "item_id": [f"i{code}" for code in codes.ravel()]}
    return Dataset.from_events(pl.DataFrame({**names, "timestamp": np.arange(users * length)}), name="walks")


if __name__ == "__main__":
    checkpoints, result = (Path(argument) for argument in sys.argv[1:])
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s", force=True)
    learning.Run = partial(learning.Run, checkpoint_every_s=0.1)  # type: ignore[assignment, misc]
    dataset = walks()
    logging.info("begun")
    model = Auto(members=MEMBERS).fit(dataset, FitOptions(quiet=True, checkpoint=checkpoints, threads=1))
    curve = [(point["loss"], point["ndcg@10"]) for point in model.facts["curve"]]
    model.save(result)
    (result / "curve.new").write_text(json.dumps(curve))
    os.replace(result / "curve.new", result / "curve.json")
