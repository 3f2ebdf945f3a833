import warnings
from typing import Any

import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares, least_squares
from scipy import sparse

from penchant.core.types import Queries
from penchant.data import Dataset
from penchant.models.als import ALS, Side, padded
from penchant.models.sparse import met
from penchant.testing.data import everyday

ALPHA, L2 = 5.0, 0.5


def start(n_items: int, factors: int, dtype: str) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, (n_items, factors)).astype(dtype)


def brute(matrix: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Each row's weighted ridge regression, written out."""
    solved = np.zeros((len(matrix), items.shape[1]))
    for row, met_items in enumerate(matrix):
        weight = np.diag(1 + ALPHA * met_items)
        solved[row] = np.linalg.solve(items.T @ weight @ items + L2 * np.eye(items.shape[1]), items.T @ weight @ met_items)
    return solved


@pytest.mark.parametrize("factors", [3, 8, 40])  # rows longer than that are solved directly, shorter ones in their dual
@pytest.mark.parametrize(("dtype", "within"), [("float64", 1e-10), ("float32", 1e-5)])
def test_a_half_step_equals_a_brute_force_solve_of_each_row(factors: int, dtype: str, within: float) -> None:
    matrix = met(everyday(n_users=200, n_items=60))
    items = start(60, factors, dtype)
    solved = Side(items, ALPHA, L2).solve(matrix)
    assert solved.dtype == items.dtype
    np.testing.assert_allclose(solved, brute(matrix.toarray(), items.astype(np.float64)), rtol=0, atol=within)


def test_a_half_step_equals_implicits(ml_100k: Dataset) -> None:
    matrix, items = met(ml_100k), start(ml_100k.n_items, 64, "float64")
    theirs = np.zeros((ml_100k.n_users, 64))
    least_squares(sparse.csr_matrix(matrix * (1 + ALPHA)).astype(np.float64), theirs, items, L2, num_threads=1)
    np.testing.assert_allclose(Side(items, ALPHA, L2).solve(matrix), theirs, rtol=0, atol=1e-6)


def test_the_size_of_blocks_changes_only_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix, items = met(everyday(n_users=100)), start(25, 8, "float64")
    whole = Side(items, ALPHA, L2).solve(matrix)
    monkeypatch.setattr("penchant.models.als.BLOCK", 64)
    np.testing.assert_allclose(Side(items, ALPHA, L2).solve(matrix), whole, atol=1e-12)


def test_the_order_and_number_of_times_in_a_history_are_irrelevant() -> None:
    scores = ALS().fit(everyday()).scores(Queries.of([[1, 2, 3], [3, 1, 2, 1, 1]]))
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-6)


def test_another_seed_gives_other_factors() -> None:
    assert not np.array_equal(ALS().fit(everyday())._items.factors, ALS(seed=1).fit(everyday())._items.factors)


def ndcg(lists: np.ndarray, wanted: np.ndarray) -> float:
    rows, ranks = np.nonzero(lists == wanted[:, None])
    return float((1 / np.log2(ranks + 2)).sum() / len(wanted)) if len(rows) else 0.0


def test_ndcg_on_ml_100k_is_on_par_with_implicits(last_out: tuple[Dataset, np.ndarray]) -> None:
    train, wanted = last_out
    ours, matrix = [], sparse.csr_matrix(met(train))
    theirs = []
    for seed in (0, 1, 2):
        model = ALS(seed=seed).fit(train)
        ours.append(ndcg(model.recommend(train.queries(), 10).items.reshape(-1, 10), wanted))
        config = model.config
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # it advises on BLAS threads
            peer = AlternatingLeastSquares(
                factors=config.factors,
                alpha=1 + config.alpha,
                regularization=config.l2,
                iterations=config.iterations,
                random_state=seed,
                num_threads=1,
            )
        peer.fit(matrix, show_progress=False)
        theirs.append(ndcg(peer.recommend(np.arange(train.n_users), matrix, 10)[0], wanted))
    assert np.mean(ours) > np.mean(theirs) - 0.004, (ours, theirs)


@pytest.mark.parametrize("factors", [3, 8, 40])
def test_many_small_steps_arrive_where_an_exact_solve_is(factors: int) -> None:
    matrix = met(everyday(n_users=200, n_items=60))
    side = Side(start(60, factors, "float64"), ALPHA, L2)
    improved = side.improve(np.zeros((200, factors)), padded(matrix, 64), steps=2 * factors)
    np.testing.assert_allclose(improved, side.solve(matrix), rtol=0, atol=1e-8)


def loss(dataset: Dataset, **settings: Any) -> float:
    """What the model minimises, with each user's best factors."""
    model, wanted = ALS(factors=4, **settings).fit(dataset), met(dataset).toarray()
    users, items = model._items.solve(met(dataset)), model._items.factors
    error = (1 + model.config.alpha * wanted) * (wanted - users @ items.T) ** 2
    return float(error.sum() + model.config.l2 * ((users**2).sum() + (items**2).sum()))


def test_each_iteration_lowers_the_loss() -> None:
    losses = [loss(everyday(), iterations=iterations) for iterations in (1, 2, 4, 8)]
    assert losses == sorted(losses, reverse=True)


def test_steps_lower_the_loss_as_far_as_exact_solving() -> None:
    assert loss(everyday(), iterations=15, steps=3) == pytest.approx(loss(everyday(), iterations=15, steps=None), rel=0.01)
