"""What the arrays of events give, against plain loops, and what they take while they do: bytes an event, as numpy reports them."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from penchant.data import Interactions

LENGTHS, N_ITEMS = np.tile([0, 3, 250, 1, 0], 1_000), 40
N_EVENTS = int(LENGTHS.sum())


@pytest.fixture
def events() -> Interactions:
    random = np.random.default_rng(0)
    return Interactions(
        offsets=np.concatenate([[0], np.cumsum(LENGTHS)]),
        items=random.integers(0, N_ITEMS, N_EVENTS, dtype=np.int32),
        event_types=np.zeros(N_EVENTS, np.int16),
        values=np.full(N_EVENTS, np.nan, np.float32),
        timestamps=np.arange(N_EVENTS),
    )


def peak(work: Callable[[], object]) -> float:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / N_EVENTS
    finally:
        tracemalloc.stop()


def test_the_matrix_counts_every_meeting(events: Interactions) -> None:
    expected = np.zeros((len(LENGTHS), N_ITEMS), np.float32)
    np.add.at(expected, (events.users, events.items), 1)
    before, matrix = events.items.copy(), events.matrix(N_ITEMS)
    np.testing.assert_array_equal(matrix.toarray(), expected)
    assert matrix.has_canonical_format
    assert (matrix.data.dtype, matrix.indices.dtype, matrix.indptr.dtype) == (np.float32, np.int32, np.int32)
    np.testing.assert_array_equal(events.items, before)


def test_the_kept_events_stay_with_their_users(events: Interactions) -> None:
    keep = np.arange(N_EVENTS) % 3 == 1
    kept = events.keep(keep)
    np.testing.assert_array_equal(kept.users, events.users[keep])
    np.testing.assert_array_equal(kept.timestamps, events.timestamps[keep])


@pytest.mark.parametrize(("most", "name"), [(9.5, "matrix"), (5, "users"), (4, "keep")])
def test_no_step_takes_more_than_it_gives(most: float, name: str, events: Interactions) -> None:
    rarely = np.arange(N_EVENTS) % 50 == 0
    steps = {"matrix": lambda: events.matrix(N_ITEMS), "users": lambda: events.users, "keep": lambda: events.keep(rarely)}
    assert peak(steps[name]) < most
