import warnings

import numpy as np
import pytest
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
from implicit.utils import ParameterWarning
from scipy import sparse

from penchant.core.clock import DAY
from penchant.core.errors import ConfigError
from penchant.core.types import Queries
from penchant.data import Dataset
from penchant.models.item_knn import ItemKNN
from penchant.models.sparse import met
from penchant.testing.data import everyday

PEERS = {"cosine": CosineRecommender, "tfidf": TFIDFRecommender, "bm25": BM25Recommender}


def theirs(similarity: str, dataset: Dataset, neighbours: int) -> np.ndarray:
    """implicit's similarities without those of an item to itself; it counts that one among the neighbours."""
    peer = PEERS[similarity](K=neighbours + 1, num_threads=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ParameterWarning)  # about the kind of matrix that it makes itself
        peer.fit(sparse.csr_matrix(met(dataset).astype(np.float64)), show_progress=False)
    dense = peer.similarity.toarray()
    np.fill_diagonal(dense, 0)
    return dense


def ours(model: ItemKNN) -> np.ndarray:
    return model._weights.toarray()


def cosines(dataset: Dataset) -> np.ndarray:
    matrix = met(dataset).toarray().astype(np.float64)
    norms = np.maximum(np.linalg.norm(matrix, axis=0), 1e-300)
    result = matrix.T @ matrix / norms / norms[:, None]
    np.fill_diagonal(result, 0)
    return result


@pytest.mark.parametrize("similarity", list(PEERS))
def test_similarities_equal_implicits(similarity: str) -> None:
    dataset = everyday(n_users=300, n_items=120)
    model = ItemKNN(similarity=similarity, neighbours=dataset.n_items, shrinkage=0).fit(dataset)
    np.testing.assert_allclose(ours(model), theirs(similarity, dataset, dataset.n_items), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("similarity", list(PEERS))
def test_similarities_equal_implicits_on_ml_100k(similarity: str, ml_100k: Dataset) -> None:
    model = ItemKNN(similarity=similarity, neighbours=ml_100k.n_items, shrinkage=0).fit(ml_100k)
    np.testing.assert_allclose(ours(model), theirs(similarity, ml_100k, ml_100k.n_items), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("similarity", list(PEERS))
def test_the_nearest_fifty_are_as_similar_as_implicits_on_ml_100k(similarity: str, ml_100k: Dataset) -> None:
    model = ItemKNN(similarity=similarity, neighbours=50, shrinkage=0).fit(ml_100k)
    expected = theirs(similarity, ml_100k, 50)
    np.testing.assert_allclose(np.sort(ours(model), axis=1), np.sort(expected, axis=1), rtol=1e-6, atol=1e-6)  # equal but for ties


def test_only_the_nearest_neighbours_are_kept_and_ties_go_to_the_lower_code() -> None:
    dataset = everyday()
    kept, every = ours(ItemKNN(similarity="cosine", neighbours=4, shrinkage=0).fit(dataset)), cosines(dataset).astype(np.float32)
    for row, candidates in zip(kept, every, strict=True):
        best = np.lexsort((np.arange(len(candidates)), -candidates.round(6)))[:4]
        np.testing.assert_allclose(row[best], candidates[best], atol=1e-6)
        assert set(np.flatnonzero(row)) <= set(best)


def test_a_score_is_the_sum_over_the_history_each_item_once() -> None:
    dataset = everyday()
    model = ItemKNN(similarity="cosine", neighbours=dataset.n_items, shrinkage=0).fit(dataset)
    expected = cosines(dataset)[[3, 5]].sum(axis=0)
    np.testing.assert_allclose(model.scores(Queries.of([[3, 5, 3, 3]]))[0], expected, atol=2e-6)  # popularity adds up to 1e-6


def test_shrinkage_multiplies_by_the_share_of_common_users() -> None:
    dataset = everyday()
    matrix = met(dataset).toarray()
    together = matrix.T @ matrix
    model = ItemKNN(similarity="cosine", neighbours=dataset.n_items, shrinkage=7).fit(dataset)
    np.testing.assert_allclose(ours(model), cosines(dataset) * together / (together + 7), atol=1e-6)


def test_recency_lets_older_events_count_less() -> None:
    dataset = everyday()
    model = ItemKNN(similarity="cosine", neighbours=dataset.n_items, shrinkage=0, recency=1).fit(dataset)
    every = cosines(dataset)
    expected = every[4] / 4 + every[5] / 2 + every[3]  # 3 counts by its latest event only
    np.testing.assert_allclose(model.scores(Queries.of([[4, 3, 5, 3]]))[0], expected, atol=2e-6)


def test_what_no_neighbour_speaks_for_comes_by_popularity() -> None:
    dataset = everyday()
    model = ItemKNN(neighbours=1).fit(dataset)
    found = model.recommend(Queries.of([[3]]), dataset.n_items).row(0)[1:]
    counts = np.bincount(dataset.interactions.items, minlength=dataset.n_items)
    assert (np.diff(counts[found]) <= 0).all() and len(found) == dataset.n_items - 2


@pytest.mark.parametrize("similarity", list(PEERS))
def test_the_size_of_blocks_changes_nothing(similarity: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = everyday(n_users=100, n_items=60)
    whole = ItemKNN(similarity=similarity, neighbours=5).fit(dataset)
    monkeypatch.setattr("penchant.models.sparse.BLOCK", 100)
    np.testing.assert_array_equal(ours(ItemKNN(similarity=similarity, neighbours=5).fit(dataset)), ours(whole))


def test_an_unknown_similarity_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"item-knn\.similarity: .*'cosine', 'tfidf' or 'bm25'; received: 'jaccard'"):
        ItemKNN(similarity="jaccard")


def test_with_a_half_life_an_event_that_much_older_votes_half() -> None:
    model = ItemKNN(neighbours=25, half_life_days=2).fit(everyday())
    asked = Queries.of([[3, 5]], timestamps=[[DAY, 5 * DAY]], at=7 * DAY)
    expected = 2.0**-3 * ours(model)[3] + 2.0**-1 * ours(model)[5]
    np.testing.assert_allclose(model.scores(asked)[0], expected + model._popularity, rtol=1e-5)


def test_with_a_half_life_the_oldest_event_still_has_a_vote() -> None:
    model = ItemKNN(half_life_days=0.01).fit(everyday())
    years_ago = Queries.of([[3]], timestamps=[[0]], at=10_000 * DAY)
    assert (model.scores(years_ago) >= model._popularity).all()
    assert np.isfinite(model.scores(years_ago)).all()
