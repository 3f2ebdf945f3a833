"""Events sorted on disk equal events sorted in memory."""

import os
from pathlib import Path

import numpy as np
import pytest

from penchant.core.errors import DataError
from penchant.data import Interactions
from penchant.data.spool import Spool


@pytest.mark.parametrize(
    ("n_events", "n_users", "block"),
    [
        (0, 3, 10),
        (1, 3, 10),
        (500, 7, 10),  # users with more events than a block
        (3_000, 300, 64),
        (3_000, 2, 64),
        (900, 900, 1),
        (900, 90, 1_000),  # one block
    ],
)
def test_it_sorts_as_in_memory(tmp_path: Path, n_events: int, n_users: int, block: int) -> None:
    rng = np.random.default_rng(n_events + n_users)
    users, items = rng.integers(0, n_users, n_events).astype(np.int32), rng.integers(0, 50, n_events).astype(np.int32)
    times = rng.integers(0, 20, n_events)  # many equal: arrival decides
    types, values = rng.integers(0, 3, n_events).astype(np.int16), rng.random(n_events).astype(np.float32)
    values[::3] = np.nan
    spool = Spool(tmp_path, block=block)
    for first in range(0, n_events, 97):
        part = slice(first, first + 97)
        spool.add(users[part], items[part], times[part], event_types=types[part], values=values[part])
    found = spool.interactions(n_users + 2)
    wanted = Interactions.sort(users, items, times, event_types=types, values=values, n_users=n_users + 2)
    for name in ("offsets", "items", "event_types", "values", "timestamps"):
        ours, theirs = getattr(found, name), getattr(wanted, name)
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    assert not os.listdir(tmp_path)  # nothing is left, whatever happens


def test_the_events_are_mapped_not_held(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.add(
        np.zeros(1_000, np.int32),
        np.arange(1_000, dtype=np.int32),
        np.arange(1_000, dtype=np.int64),
        event_types=np.zeros(1_000, np.int16),
        values=np.zeros(1_000, np.float32),
    )
    items = spool.interactions(1).items
    assert not items.flags.owndata
    assert not items.flags.writeable


def test_a_folder_that_takes_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: the events cannot be put in order here \(No such file"):
        Spool(tmp_path / "nowhere")
