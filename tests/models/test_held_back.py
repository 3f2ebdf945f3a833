from dataclasses import replace

import numpy as np
import polars as pl

from penchant.core.types import Queries
from penchant.data import Dataset
from penchant.models.held_back import FEW, PARTS, SHARE, SMALL_SHARE, hold_back, sittings

HOUR = 3_600_000_000


def people(users: int, length: int, *, gap: int = HOUR) -> Dataset:
    """Each does as many different things, `gap` µs after one another; later codes later."""
    events = users * length
    frame = pl.DataFrame(
        {
            "user_id": [f"u{event // length}" for event in range(events)],
            "item_id": [f"i{event % length}" for event in range(events)],
            "timestamp": [event // length * length * HOUR + event % length * gap for event in range(events)],
        }
    )
    return Dataset.from_events(frame)


def held_of(dataset: Dataset, limit: int) -> np.ndarray:
    """[U] events held back of each person."""
    held = hold_back(dataset, limit)
    assert held.targets is not None
    return np.bincount(held.interactions.users[held.targets], minlength=dataset.n_users)


def test_it_is_the_last_thing_of_those_last_seen() -> None:
    dataset = people(100, 12)
    held = hold_back(dataset, 7)
    assert held.targets is not None
    assert np.flatnonzero(held.targets).tolist() == (dataset.interactions.offsets[-7:] - 1).tolist()


def test_at_most_a_twentieth() -> None:
    assert 0 < held_of(people(1_000, 4), 1_000).sum() <= SHARE * 4_000


def test_of_few_events_more_but_not_too_many() -> None:
    assert held_of(people(200, 4), 1_000).sum() == FEW
    assert held_of(people(50, 4), 1_000).sum() == SMALL_SHARE * 200


def test_by_turns_a_whole_basket_and_the_last_of_one() -> None:
    dataset = people(100, 12)
    times = dataset.interactions.timestamps.copy()
    times[np.arange(len(times)) % 12 >= 10] = 10**18  # everybody's last two things, at once
    baskets = replace(dataset, interactions=replace(dataset.interactions, timestamps=times))
    assert held_of(baskets, 6).tolist() == [2, 1, 2, 1, 2, 1] + [0] * 94


def test_somebody_whose_only_basket_it_is_loses_its_last_item_alone() -> None:
    assert held_of(people(100, 12, gap=0), 6)[-6:].tolist() == [1] * 6


def test_one_bulk_order_does_not_take_it_all() -> None:
    dataset = people(300, 10)
    events = dataset.interactions
    times = events.timestamps.copy()
    times[events.offsets[-2] + 1 :] = times.max()  # the last of all buys nine things at once
    crowd = people(1, 1_000)  # and somebody still later buys 999
    both = Dataset.from_events(
        pl.DataFrame(
            {
                "user_id": [f"u{user}" for user in events.users] + ["bulk"] * 1_000,
                "item_id": [f"i{item}" for item in events.items] + [f"j{item}" for item in crowd.interactions.items],
                "timestamp": [*times.tolist(), 0, *[int(times.max()) + 1] * 999],
            }
        )
    )
    held = held_of(both, 1_000)
    assert held[-1] == 1
    assert held.max() <= SHARE * both.n_events / PARTS
    assert (held > 0).sum() > 100


def test_a_sitting_goes_on_while_times_are_the_same() -> None:
    requests = Queries.of([[1, 2], [1, 2], []], timestamps=[[0, 4 * HOUR], [0, 8 * HOUR], []], at=[4 * HOUR, 9 * HOUR, 0])
    within, between = sittings(requests)
    assert within.tolist() == [1, 0, 0]
    assert between == 3 * HOUR  # half of the median of four and eight hours
