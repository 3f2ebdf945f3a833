"""Tiny data sets whose right answers are known by reasoning, and one that holds everything odd at once."""

import numpy as np
import polars as pl

from penchant.core import columns
from penchant.core.random import generator
from penchant.core.types import IntArray
from penchant.data import Dataset


def checkerboard(size: int = 20) -> tuple[Dataset, IntArray]:
    """User u met all items of u's parity except item u, in the order u + 2, u + 4, … around the circle to u − 2.

    So item u [size], whose codes come second, is what must come first for user u: the only unmet item that users like u met,
    as well as what always came next. All items are equally popular. `size` must be even.
    """
    rows = [(str(u), str((u + step) % size), step) for u in range(size) for step in range(2, size, 2)]
    dataset = _dataset(rows, name="checkerboard")
    withheld = dataset.items.encode([str(u) for u in range(size)])
    return dataset, withheld


def everyday(seed: int = 0, *, n_users: int = 40, n_items: int = 25) -> Dataset:
    """Random, and all that occurs in real data: repeats, equal times, two event types, missing values, places that some events name,
    short and long histories.

    The last user has no event and the last item neither; both are known by the side tables only.
    """
    random = generator(seed, "everyday")
    popular = 1 / np.arange(1, n_items)
    lengths = random.integers(1, 16, n_users - 1)
    users = np.repeat(np.arange(n_users - 1), lengths)
    total = len(users)
    events = pl.DataFrame(
        {
            columns.USER_ID: [f"user-{user}" for user in users],
            columns.ITEM_ID: [f"item-{item}" for item in random.choice(n_items - 1, total, p=popular / popular.sum())],
            columns.TIMESTAMP: random.integers(0, 50, total),
            columns.EVENT_TYPE: [("view", "purchase")[kind] for kind in random.integers(0, 2, total)],
            columns.VALUE: [None if missing else 1.0 + missing for missing in random.random(total) < 0.3],
            columns.SCENARIO: [("home", "cart", None)[place] for place in random.integers(0, 3, total)],
        },
        schema_overrides={columns.TIMESTAMP: pl.Int64, columns.VALUE: pl.Float32},
    )
    items = pl.DataFrame({columns.ITEM_ID: [f"item-{item}" for item in range(n_items)]})
    people = pl.DataFrame({columns.USER_ID: [f"user-{user}" for user in range(n_users)]})
    return Dataset.from_events(events, items=items, users=people, name="everyday")


def ties(n_users: int = 6, n_items: int = 12) -> Dataset:
    """Everybody met one item first and then one other, each a different one: most items are alike to most users."""
    rows = [(str(u), item, step) for u in range(n_users) for step, item in enumerate(("first", str(u)))]
    rows += [("rare", str(item), 0) for item in range(n_users, n_items - 1)]
    return _dataset(rows, name="ties")


def _dataset(rows: list[tuple[str, str, int]], *, name: str) -> Dataset:
    frame = pl.DataFrame(rows, schema=[columns.USER_ID, columns.ITEM_ID, columns.TIMESTAMP], orient="row")
    return Dataset.from_events(frame, name=name)
