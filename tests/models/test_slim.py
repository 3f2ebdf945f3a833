import numpy as np
import pytest

from penchant.core.types import Queries
from penchant.data import Dataset
from penchant.models import slim
from penchant.models.ease import EASE
from penchant.models.slim import SLIM
from penchant.models.sparse import met
from penchant.testing.data import everyday


def brute(dataset: Dataset, neighbours: int, l2: float, scaling: float) -> np.ndarray:
    """One item after the other."""
    matrix = met(dataset).toarray().astype(np.float64)
    together = matrix.T @ matrix
    counts = np.diag(together)
    weights = np.zeros_like(together)
    for item in range(dataset.n_items):
        cosines = (together[item] / np.sqrt(np.maximum(1, counts * counts[item]))).astype(np.float32)  # equal where they are equal
        cosines[item] = 0
        best = np.lexsort((np.arange(dataset.n_items), -cosines))[:neighbours]
        best = best[cosines[best] > 0]
        system = together[np.ix_(best, best)] + np.diag(l2 * counts[best] ** scaling)
        weights[best, item] = np.linalg.solve(system, together[best, item])
    return weights


@pytest.mark.parametrize(("neighbours", "l2", "scaling"), [(1, 1.0, 0.0), (7, 1.0, 0.0), (7, 20.0, 0.5), (40, 100.0, 1.0)])
def test_weights_equal_a_brute_force_solve_of_each_item(neighbours: int, l2: float, scaling: float) -> None:
    dataset = everyday(n_users=300, n_items=90)
    model = SLIM(neighbours=neighbours, l2=l2, scaling=scaling).fit(dataset)
    np.testing.assert_allclose(model._weights.toarray(), brute(dataset, neighbours, l2, scaling), atol=1e-5)


@pytest.mark.parametrize("l2", [1.0, 100.0])
def test_with_all_neighbours_it_is_ease(l2: float) -> None:
    dataset = everyday(n_users=300, n_items=90)
    weights = SLIM(neighbours=dataset.n_items - 1, l2=l2).fit(dataset)._weights.toarray()
    np.testing.assert_allclose(weights, EASE(l2=l2).fit(dataset)._weights, atol=1e-4)


def test_an_item_is_not_its_own_neighbour() -> None:
    assert not SLIM(neighbours=10).fit(everyday())._weights.diagonal().any()


def test_the_size_of_blocks_changes_only_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = everyday(n_users=100, n_items=60)
    whole = SLIM(neighbours=10).fit(dataset)._weights.toarray()
    monkeypatch.setattr(slim, "BLOCK", 150)
    monkeypatch.setattr(slim, "SYSTEMS", 700)
    np.testing.assert_allclose(SLIM(neighbours=10).fit(dataset)._weights.toarray(), whole, atol=1e-6)


def test_a_score_is_the_sum_of_the_historys_weights_the_older_the_less() -> None:
    model = SLIM(recency=1.0, neighbours=10).fit(everyday())
    weights = model._weights.toarray()
    np.testing.assert_allclose(model.scores(Queries.of([[3, 5]]))[0], weights[5] + weights[3] / 2, atol=1e-5)
