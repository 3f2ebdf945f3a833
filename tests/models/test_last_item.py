import numpy as np
import polars as pl
import pytest

from penchant.core.types import Queries
from penchant.data import Dataset
from penchant.models.last_item import LastItem
from penchant.testing.data import everyday


def walks(*paths: str) -> Dataset:
    rows = [(str(user), item, step) for user, path in enumerate(paths) for step, item in enumerate(path)]
    return Dataset.from_events(pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row"))


def brute(dataset: Dataset, window: int) -> np.ndarray:
    counts = np.zeros((dataset.n_items, dataset.n_items))
    events = dataset.interactions
    for user in range(dataset.n_users):
        items = events.items[events.offsets[user] : events.offsets[user + 1]]
        for i, before in enumerate(items):
            for d, after in enumerate(items[i + 1 : i + 1 + window], start=1):
                counts[before, after] += 1 / d
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-300)


def scores_of(model: LastItem, dataset: Dataset, history: str) -> dict[str, float]:
    row = model.scores(Queries.of([dataset.items.encode(list(history))]))[0]
    return {item: round(float(row[code]), 5) for code, item in enumerate(dataset.items.ids)}


def test_with_window_one_a_score_is_the_share_of_next_items() -> None:
    dataset = walks("abc", "abd", "abd", "ba")
    assert scores_of(LastItem(window=1).fit(dataset), dataset, "ab") == {"a": 0.25, "b": 0, "c": 0.25, "d": 0.5}


def test_a_transition_over_distance_d_counts_as_one_dth() -> None:
    dataset = walks("abc")
    assert scores_of(LastItem(window=2).fit(dataset), dataset, "a") == {"a": 0, "b": 0.66667, "c": 0.33333}


def test_an_event_k_before_the_last_counts_as_one_kth_less() -> None:
    dataset = walks("ax", "by")
    assert scores_of(LastItem(window=2).fit(dataset), dataset, "ba") == {"a": 0, "x": 1, "b": 0, "y": 0.5}


def test_events_beyond_the_window_do_not_count() -> None:
    dataset = walks("ax", "by")
    assert scores_of(LastItem(window=1).fit(dataset), dataset, "ba") == {"a": 0, "x": 1, "b": 0, "y": 0}


@pytest.mark.parametrize("window", [1, 3, 10, 50])
def test_transitions_equal_brute_force(window: int) -> None:
    dataset = everyday(n_users=80)
    np.testing.assert_allclose(LastItem(window=window).fit(dataset)._weights.toarray(), brute(dataset, window), atol=1e-6)


def test_no_transition_crosses_from_one_user_to_the_next() -> None:
    dataset = walks("ab", "cd")
    assert scores_of(LastItem().fit(dataset), dataset, "b") == {"a": 0, "b": 0, "c": 0, "d": 0}


def test_what_never_followed_comes_by_popularity() -> None:
    dataset = walks("ab", "cd", "cd", "ef", "ef", "ef")
    found = LastItem().fit(dataset).recommend(Queries.of([dataset.items.encode(["a"])]), 5).row(0)
    assert dataset.items.decode(found) == ["b", "e", "f", "c", "d"]
