import numpy as np
import polars as pl
import pytest

from penchant.core.types import Candidates, Jagged
from penchant.data import Dataset
from penchant.training.validation import holdout, mean_ndcg


def dataset() -> Dataset:
    rows = [("a", "x"), ("a", "y"), ("a", "z"), ("b", "x"), ("b", "y"), ("c", "z")]
    frame = pl.DataFrame(rows, schema=["user_id", "item_id"], orient="row").with_columns(timestamp=pl.int_range(len(rows), dtype=pl.Int64))
    return Dataset.from_events(frame).marked(np.array([False, True, True, False, True, False]))


def test_a_request_holds_what_came_before_its_first_target() -> None:
    requests, targets = holdout(dataset(), limit=10, seed=0)
    assert requests.users.tolist() == [0, 1]
    assert [requests.history(b).tolist() for b in range(2)] == [[0], [0]]
    assert [targets.row(b).tolist() for b in range(2)] == [[1, 2], [1]]
    assert requests.at.tolist() == [1, 4]  # when the first target happened: a model that reads time is asked as in training


def test_at_most_limit_users_are_drawn() -> None:
    requests, targets = holdout(dataset(), limit=1, seed=0)
    assert len(requests) == len(targets) == 1


def test_without_targets_there_is_no_request() -> None:
    requests, targets = holdout(dataset().marked(np.zeros(6, bool)), limit=10, seed=0)
    assert len(requests) == len(targets) == 0
    assert mean_ndcg(Candidates.of(Jagged.of([])), targets, at=10) == 0.0


@pytest.mark.parametrize(
    ("answer", "wanted", "expected"),
    [
        ([5, 6, 7], [5], 1.0),
        ([6, 5, 7], [5], 1 / np.log2(3)),
        ([6, 7, 8], [5], 0.0),
        ([5, 6, 7], [5, 7], (1 + 0.5) / (1 + 1 / np.log2(3))),
        ([1, 2, 3, 5], [5], 0.0),
    ],
)
def test_ndcg_is_that_of_the_textbook(answer: list[int], wanted: list[int], expected: float) -> None:
    assert mean_ndcg(Candidates.of(Jagged.of([answer])), Jagged.of([wanted]), at=3) == pytest.approx(expected)
