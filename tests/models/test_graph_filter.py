import numpy as np
import pytest
from scipy import sparse

from penchant.core.types import Queries
from penchant.data import Dataset
from penchant.models import graph_filter
from penchant.models.graph_filter import GraphFilter, leading
from penchant.models.sparse import met
from penchant.testing.data import everyday


def brute(dataset: Dataset, components: int, *, damping: float = 0.25, rarity: float = 0.25, frequency: float = 0.35) -> np.ndarray:
    """The filter by a whole eigendecomposition."""
    people = met(dataset).toarray().astype(np.float64)
    counts = np.maximum(1, people.sum(axis=0))
    graph = np.maximum(1, people.sum(axis=1))[:, None] ** -damping * people * counts**-0.5
    values, vectors = np.linalg.eigh(graph.T @ graph)
    weights = vectors * np.minimum(values, np.sort(values)[-components]) @ vectors.T
    weights = counts[:, None] ** -rarity * weights * counts**frequency
    np.fill_diagonal(weights, 0)
    result: np.ndarray = weights
    return result


@pytest.mark.parametrize("components", [1, 5, 10])
@pytest.mark.parametrize("exponents", [{}, {"damping": 0.5, "rarity": 0.5, "frequency": 0.5}])
def test_weights_equal_a_whole_eigendecomposition(components: int, exponents: dict[str, float]) -> None:
    dataset = everyday(n_users=300, n_items=90)
    model = GraphFilter(components=components, neighbours=None, **exponents).fit(dataset)
    np.testing.assert_allclose(model._weights.toarray(), brute(dataset, components, **exponents), atol=2e-5)


def test_one_component_leaves_the_common_people_as_they_are() -> None:
    dataset = everyday()
    plain = GraphFilter(components=1, neighbours=None, damping=0, rarity=0.5, frequency=0.5).fit(dataset)
    people = met(dataset).toarray()
    together = people.T @ people / np.maximum(1, people.sum(axis=0))[:, None]
    np.fill_diagonal(together, 0)
    np.testing.assert_allclose(plain._weights.toarray(), together, atol=1e-5)


def test_only_the_greatest_weights_of_each_item_are_kept() -> None:
    dataset = everyday(n_users=300, n_items=90)
    kept = GraphFilter(components=5, neighbours=7).fit(dataset)._weights.toarray()
    whole = GraphFilter(components=5, neighbours=None).fit(dataset)._weights.toarray()
    assert not (kept < 0).any()
    for row, every in zip(kept, whole, strict=True):
        np.testing.assert_array_equal(np.sort(row[row > 0]), np.sort(every[every > 0])[-7:])


def test_the_leading_eigenvectors_are_those_of_a_singular_value_decomposition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_filter, "SMALL", 0)
    random = np.random.default_rng(0)
    strengths = np.concatenate([np.linspace(9, 5, 20), np.full(280, 0.5)])
    left, right = (np.linalg.qr(random.normal(size=(400, 300)))[0], np.linalg.qr(random.normal(size=(300, 300)))[0])
    matrix = sparse.csr_array((left * strengths @ right.T).astype(np.float32))
    values, vectors = leading(matrix, 20)
    np.testing.assert_allclose(values, strengths[:20] ** 2, rtol=1e-4)
    np.testing.assert_allclose(np.abs((vectors * right[:, :20]).sum(axis=0)), 1, atol=1e-3)


def test_the_size_of_blocks_changes_only_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = everyday(n_users=100, n_items=60)
    whole = GraphFilter().fit(dataset)._weights.toarray()
    monkeypatch.setattr(graph_filter, "BLOCK", 150)
    np.testing.assert_allclose(GraphFilter().fit(dataset)._weights.toarray(), whole, atol=1e-5)


def test_a_score_is_the_sum_of_the_historys_weights_the_older_the_less() -> None:
    model = GraphFilter(recency=1.0).fit(everyday())
    weights = model._weights.toarray()
    np.testing.assert_allclose(model.scores(Queries.of([[3, 5]]))[0], weights[5] + weights[3] / 2, atol=1e-5)
