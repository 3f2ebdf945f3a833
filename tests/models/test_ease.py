import numpy as np
import pytest

from penchant.core.errors import DataError, NotFittedError
from penchant.core.types import Queries
from penchant.data import Dataset
from penchant.models import ease
from penchant.models.ease import EASE
from penchant.models.sparse import met
from penchant.testing.data import everyday


def brute(dataset: Dataset, l2: float) -> np.ndarray:
    matrix = met(dataset).toarray().astype(np.float64)
    inverse = np.linalg.inv(matrix.T @ matrix + l2 * np.eye(dataset.n_items))
    weights = np.eye(dataset.n_items) - inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


@pytest.mark.parametrize("l2", [1.0, 100.0])
@pytest.mark.parametrize("n_items", [25, 600])
def test_weights_equal_the_brute_force_inverse(n_items: int, l2: float) -> None:
    dataset = everyday(n_users=300, n_items=n_items)
    np.testing.assert_allclose(EASE(l2=l2).fit(dataset)._weights, brute(dataset, l2), rtol=0, atol=1e-6)


@pytest.mark.parametrize("dense", [0.0, 1e12], ids=["looked up", "added up"])
def test_common_people_are_counted_exactly_either_way(dense: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ease, "DENSE", dense)
    dataset = everyday(n_users=300, n_items=200)
    matrix = met(dataset)
    counted = np.triu(ease._gram(matrix, EASE(l2=3).config))
    np.testing.assert_array_equal(counted, np.triu((matrix.T @ matrix).toarray() + 3 * np.eye(200)))


def test_weights_equal_the_brute_force_inverse_on_ml_100k(ml_100k: Dataset) -> None:
    np.testing.assert_allclose(EASE(l2=100).fit(ml_100k)._weights, brute(ml_100k, 100), rtol=0, atol=1e-6)


def test_a_score_is_the_sum_of_the_historys_weights_each_item_once() -> None:
    dataset = everyday()
    expected = brute(dataset, 10)[[3, 5]].sum(axis=0)
    np.testing.assert_allclose(EASE(l2=10).fit(dataset).scores(Queries.of([[3, 5, 3]]))[0], expected, atol=1e-6)


def test_float32_is_close() -> None:
    dataset = everyday(n_users=300, n_items=200)
    np.testing.assert_allclose(EASE(l2=1, precision="float32").fit(dataset)._weights, brute(dataset, 1), atol=1e-4)


def test_with_max_items_the_most_frequent_are_learned_and_the_others_not_scored() -> None:
    dataset = everyday()
    counts = np.bincount(dataset.interactions.items, minlength=dataset.n_items)
    best = np.sort(np.lexsort((np.arange(dataset.n_items), -counts))[:7])
    scores = EASE(max_items=7, l2=3).fit(dataset).scores(Queries.of([[*best[:3], *range(dataset.n_items)]]))[0]
    assert np.isneginf(np.delete(scores, best)).all()
    matrix = met(dataset).toarray()[:, best].astype(np.float64)
    inverse = np.linalg.inv(matrix.T @ matrix + 3 * np.eye(7))
    np.testing.assert_allclose(scores[best], (np.eye(7) - inverse / np.diag(inverse)).sum(axis=0), atol=1e-6)


def test_a_large_catalogue_is_refused_with_the_memory_and_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ease, "LIMIT", 24)
    with pytest.raises(DataError, match=r"25 items need .* GiB of memory.*set max_items, e\.g\. 24"):
        EASE().fit(everyday())
    assert EASE(max_items=25).fit(everyday()).n_items == 25


def test_a_model_whose_training_failed_is_not_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    model = EASE().fit(everyday())
    monkeypatch.setattr(ease, "LIMIT", 24)
    with pytest.raises(DataError):
        model.fit(everyday())
    with pytest.raises(NotFittedError):
        model.scores(Queries.of([[1]]))


def test_a_matrix_that_cannot_be_inverted_is_refused_with_the_remedy() -> None:
    with pytest.raises(DataError, match="use a larger l2"):
        EASE(l2=1e-12, precision="float32").fit(everyday(n_users=5, n_items=60))
