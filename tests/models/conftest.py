import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from penchant.data import Dataset

ML_100K = "ml-100k/u.data"


@pytest.fixture(scope="session")
def ml_100k() -> Dataset:
    """MovieLens-100K as its file is, sorted by user and time."""
    folder = os.environ.get("PENCHANT_DATA")
    if folder is None:
        pytest.skip("PENCHANT_DATA is not set; it names the folder that holds " + ML_100K)
    columns = ["user_id", "item_id", "value", "timestamp"]
    events = pl.read_csv(Path(folder) / ML_100K, separator="\t", has_header=False, new_columns=columns)
    return Dataset.from_events(events.cast({"user_id": pl.String, "item_id": pl.String}), name="ml-100k")


@pytest.fixture(scope="session")
def last_out(ml_100k: Dataset) -> tuple[Dataset, np.ndarray]:
    """ML-100K without everybody's last event, and those events' items."""
    last = ml_100k.interactions.offsets[1:] - 1
    keep = np.ones(ml_100k.n_events, dtype=bool)
    keep[last] = False
    return ml_100k.keep(keep), ml_100k.interactions.items[last]
