import numpy as np
import pytest

from penchant.core.types import Queries
from penchant.data import Dataset
from penchant.models.sparse import met
from penchant.models.user_knn import UserKNN
from penchant.testing.data import everyday


def brute(dataset: Dataset, histories: list[list[int]], neighbours: int) -> np.ndarray:
    users = met(dataset).toarray().astype(np.float64)
    asked = np.zeros((len(histories), dataset.n_items))
    for row, history in enumerate(histories):
        asked[row, history] = 1
    norms = np.maximum(np.linalg.norm(users, axis=1), 1e-300)
    similarity = asked @ users.T / norms / np.maximum(np.linalg.norm(asked, axis=1), 1e-300)[:, None]
    result = np.zeros((len(histories), dataset.n_items))
    for row, similarities in enumerate(similarity):
        best = np.lexsort((np.arange(len(users)), -similarities.round(6)))[:neighbours]
        result[row] = similarities[best] @ users[best]
    return result


@pytest.mark.parametrize("neighbours", [1, 5, 20, 1000])
def test_scores_of_people_never_seen_equal_brute_force(neighbours: int) -> None:
    dataset = everyday(n_users=60)
    histories = [[3, 5, 3], [1], [2, 4, 6, 8, 10], [0, 1, 2, 3]]
    found = UserKNN(neighbours=neighbours).fit(dataset).scores(Queries.of(histories))
    np.testing.assert_allclose(found, brute(dataset, histories, neighbours), atol=3e-6)


def test_the_size_of_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = everyday(n_users=60)
    model = UserKNN(neighbours=7).fit(dataset)
    whole = model.scores(dataset.queries())
    monkeypatch.setattr("penchant.models.sparse.BLOCK", 50)
    np.testing.assert_array_equal(model.scores(dataset.queries()), whole)


def test_scores_equal_brute_force_on_ml_100k(ml_100k: Dataset) -> None:
    events = ml_100k.interactions
    histories = [events.items[events.offsets[u] : events.offsets[u + 1]][-9:].tolist() for u in range(5)]
    model = UserKNN(neighbours=943).fit(ml_100k)
    np.testing.assert_allclose(model.scores(Queries.of(histories)), brute(ml_100k, histories, 943), rtol=1e-5, atol=3e-6)
