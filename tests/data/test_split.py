"""Splits: nothing of the future in the past, nothing lost, and the order of events untouched."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.core.errors import ConfigError, DataError
from penchant.data import Dataset
from penchant.data.split import Split, leave_one_out, ratio, temporal
from penchant.data.split import given as given_split


def dataset_of(rows: list[tuple[str, str, int]], **rest: pl.DataFrame) -> Dataset:
    frame = pl.DataFrame(rows, schema={"user_id": pl.String, "item_id": pl.String, "timestamp": pl.Int64}, orient="row")
    return Dataset.from_events(frame, **rest)


def events_of(dataset: Dataset, mask: np.ndarray | None = None) -> list[tuple[str, str, int]]:
    events = dataset.interactions
    rows = range(len(events)) if mask is None else np.flatnonzero(mask)
    return [(dataset.users.id(int(events.users[e])), dataset.items.id(int(events.items[e])), int(events.timestamps[e])) for e in rows]


def targets_of(part: Dataset) -> list[tuple[str, str, int]]:
    assert part.targets is not None
    return events_of(part, part.targets)


HISTORY = (
    [("ann", f"i{n}", n) for n in range(6)] + [("bob", "i1", 1), ("bob", "i2", 2)] + [("cy", "i0", 0), ("cy", "i5", 3), ("cy", "i0", 4)]
)

events = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from("uvwxyz"), st.integers(0, 20)),
    min_size=12,
    max_size=60,
)


def any_split(protocol: str, dataset: Dataset) -> Split | None:
    make = {"leave-one-out": leave_one_out, "ratio": ratio, "temporal": lambda d: temporal(d, test=0.3, validation=0.2)}[protocol]
    try:
        return make(dataset)
    except DataError:
        return None


@pytest.mark.parametrize("protocol", ["leave-one-out", "ratio", "temporal"])
@settings(max_examples=60, deadline=None)
@given(rows=events)
def test_every_event_is_in_one_part_and_in_its_old_order(protocol: str, rows: list[tuple[str, str, int]]) -> None:
    dataset = dataset_of(rows)
    split = any_split(protocol, dataset)
    if split is None:
        return
    assert split.train.targets is None
    assert events_of(split.test) == events_of(dataset)
    for part, rest in ((split.test, split.validation), (split.validation, split.train)):
        assert part.targets is not None
        assert events_of(rest) == events_of(part, ~part.targets)
    assert events_of(split.known) == events_of(split.validation)
    assert split.train.items == split.test.items == dataset.items


@pytest.mark.parametrize("protocol", ["leave-one-out", "ratio", "temporal"])
@settings(max_examples=60, deadline=None)
@given(rows=events)
def test_no_user_has_history_after_the_first_target(protocol: str, rows: list[tuple[str, str, int]]) -> None:
    split = any_split(protocol, dataset_of(rows))
    if split is None:
        return
    for part in (split.validation, split.test):
        assert part.targets is not None
        for user in range(part.n_users):
            mine = part.targets[part.interactions.offsets[user] : part.interactions.offsets[user + 1]]
            assert not np.any(np.diff(mine.astype(int)) < 0)


def test_leave_one_out_takes_the_last_event_and_the_one_before() -> None:
    split = leave_one_out(dataset_of(HISTORY))
    assert targets_of(split.test) == [("ann", "i5", 5), ("cy", "i0", 4)]
    assert targets_of(split.validation) == [("ann", "i4", 4), ("cy", "i5", 3)]
    assert ("bob", "i2", 2) in events_of(split.train)
    assert split.facts["users_without_test"] == 1


def test_leave_one_out_at_equal_times_takes_what_arrived_last() -> None:
    split = leave_one_out(dataset_of([("ann", item, 7) for item in ("c", "a", "d", "b")]))
    assert targets_of(split.test) == [("ann", "b", 7)]
    assert targets_of(split.validation) == [("ann", "d", 7)]


def test_ratio_takes_the_last_share_of_each_history() -> None:
    split = ratio(dataset_of([("ann", f"i{n}", n) for n in range(10)] + [("cy", f"i{n}", n) for n in range(3)]), test=0.3, validation=0.1)
    assert [time for user, _, time in targets_of(split.test) if user == "ann"] == [7, 8, 9]
    assert [time for user, _, time in targets_of(split.validation) if user == "ann"] == [6]
    assert [time for user, _, time in events_of(split.train) if user == "cy"] == [0]


def test_ratio_without_validation_leaves_all_the_rest_to_training() -> None:
    split = ratio(dataset_of(HISTORY), validation=0)
    assert split.validation.targets is not None and not split.validation.targets.any()
    assert split.train.n_events == len(HISTORY) - split.facts["test_events"]


def test_temporal_cuts_everybody_at_one_moment() -> None:
    split = temporal(dataset_of([(user, f"i{n}", n) for n in range(10) for user in ("ann", "cy")]), test=0.2, validation=0.1)
    assert {time for _, _, time in targets_of(split.test)} == {8, 9}
    assert {time for _, _, time in targets_of(split.validation)} == {7}
    assert max(time for _, _, time in events_of(split.train)) == 6


def test_temporal_keeps_equal_times_on_one_side() -> None:
    split = temporal(dataset_of([(f"u{n}", "i", 0 if n < 7 else 5) for n in range(10)]), test=0.1, validation=0)
    assert len(targets_of(split.test)) == 3


def test_temporal_takes_instants() -> None:
    split = temporal(dataset_of(HISTORY), validation_from=3, test_from=4)
    assert {time for _, _, time in targets_of(split.test)} == {4, 5}
    assert {time for _, _, time in targets_of(split.validation)} == {3}


def test_temporal_counts_users_without_history() -> None:
    split = temporal(dataset_of([*HISTORY, ("new", "i1", 9)]), validation_from=3, test_from=4)
    assert split.facts["cold_users"] == 1


def test_temporal_without_different_times_says_what_to_do() -> None:
    with pytest.raises(DataError, match="leave-one-out or ratio"):
        temporal(dataset_of([("ann", f"i{n}", 5) for n in range(9)]))


def test_histories_too_short_are_a_data_error_with_the_numbers() -> None:
    with pytest.raises(DataError, match="longest of 2 histories has 2"):
        leave_one_out(dataset_of([("ann", "a", 1), ("ann", "b", 2), ("bob", "a", 1)]))


@pytest.mark.parametrize(("test", "validation"), [(0.0, 0.1), (1.5, 0.1), (0.1, -0.1), (0.6, 0.5), (float("nan"), 0.1)])
def test_shares_that_make_no_sense_are_config_errors(test: float, validation: float) -> None:
    for split in (ratio, temporal):
        with pytest.raises(ConfigError, match="received"):
            split(dataset_of(HISTORY), test=test, validation=validation)


def test_a_given_test_set_follows_the_training_whatever_its_times() -> None:
    train = dataset_of(HISTORY, items=pl.DataFrame({"item_id": ["i0"], "title": ["nought"]}))
    test = dataset_of(
        [("cy", "i9", 0), ("dee", "i1", 1), ("ann", "i9", 2)], items=pl.DataFrame({"item_id": ["i9"], "title": ["nine"], "x": [1]})
    )
    split = given_split(train, test, validation=0.2)
    assert [(user, item) for user, item, _ in targets_of(split.test)] == [("ann", "i9"), ("cy", "i9"), ("dee", "i1")]
    assert min(time for _, _, time in targets_of(split.test)) > max(time for _, _, time in events_of(split.known))
    assert sorted(events_of(split.known)) == sorted(HISTORY)
    assert targets_of(split.validation) == [("ann", "i5", 5), ("cy", "i0", 4)]
    features = split.test.item_features
    assert features is not None and features["item_id"].to_list() == list(split.test.items.ids)
    assert features.filter(pl.col("item_id") == "i9")["title"].to_list() == ["nine"]


def test_validation_beside_a_given_test_cuts_no_basket_in_two() -> None:
    baskets = [("ann", "u", 1), ("ann", "v", 2), ("ann", "w", 2), ("ann", "x", 2), ("bob", "u", 1), ("bob", "v", 1), ("bob", "w", 1)]
    split = given_split(dataset_of(baskets), dataset_of([("ann", "y", 3)]), validation=0.1)
    assert targets_of(split.validation) == [("ann", "v", 2), ("ann", "w", 2), ("ann", "x", 2), ("bob", "w", 1)]
    assert events_of(split.train) == [("ann", "u", 1), ("bob", "u", 1), ("bob", "v", 1)]
