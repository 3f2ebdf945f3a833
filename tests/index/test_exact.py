import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from penchant.index.exact import top_n


def brute(scores: np.ndarray, n: int) -> list[list[int]]:
    """Every row sorted in full, best first, ties by column, without what is −inf or NaN."""
    rows = []
    for row in scores:
        real = [column for column in range(len(row)) if row[column] > -np.inf]
        rows.append(sorted(real, key=lambda column: (-row[column], column))[: max(0, n)])
    return rows


def found(scores: np.ndarray, n: int) -> list[list[int]]:
    items, values = top_n(scores, n)
    assert len(items) == len(scores)
    picked = np.concatenate([scores[b, items.row(b)] for b in range(len(scores))]) if len(scores) else np.zeros(0)
    np.testing.assert_array_equal(values, picked.astype(np.float32))
    return [items.row(b).tolist() for b in range(len(scores))]


@pytest.mark.parametrize("n", [1, 2, 10, 99, 100, 101, 10**9])
def test_it_equals_a_full_sort(n: int) -> None:
    scores = np.random.default_rng(0).normal(size=(20, 100)).astype(np.float32)
    assert found(scores, n) == brute(scores, n)


@pytest.mark.parametrize("n", [1, 3, 10, 30, 50])
def test_ties_go_to_the_lower_column(n: int) -> None:
    scores = np.random.default_rng(1).integers(0, 4, (50, 50)).astype(np.float32)
    assert found(scores, n) == brute(scores, n)


@settings(deadline=None, derandomize=True)
@given(
    hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12),
        elements=st.sampled_from([-np.inf, np.nan, -1.0, -0.0, 0.0, 1e-30, 1.0, 3e38, np.inf]),
    ),
    st.integers(0, 14),
)
def test_infinities_and_nan_sink_wherever_they_are(scores: np.ndarray, n: int) -> None:
    assert found(scores, n) == brute(scores, n)


def test_a_row_of_nothing_gives_an_empty_list() -> None:
    scores = np.array([[-np.inf, -np.inf], [np.nan, np.nan], [-np.inf, 1]], dtype=np.float32)
    assert found(scores, 2) == [[], [], [1]]


def test_it_does_not_change_the_scores() -> None:
    scores = np.array([[np.nan, 2, -np.inf, 2]], dtype=np.float32)
    before = scores.copy()
    top_n(scores, 2)
    np.testing.assert_array_equal(scores, before)


@pytest.mark.parametrize(("shape", "n"), [((0, 5), 3), ((3, 0), 3), ((3, 5), 0), ((3, 5), -1)])
def test_nothing_asked_or_nothing_there_gives_nothing(shape: tuple[int, int], n: int) -> None:
    items, values = top_n(np.zeros(shape, dtype=np.float32), n)
    assert (len(items), len(items.values), len(values)) == (shape[0], 0, 0)


def test_float64_scores_are_ordered_by_all_their_digits() -> None:
    assert found(np.array([[1.0, 1.0 + 1e-12]]), 1) == [[1]]
