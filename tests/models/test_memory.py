"""What models take while they learn, as numpy reports it, in bytes a number that they cannot do without."""

import tracemalloc

import numpy as np
import pytest

from penchant.data import Dataset, Interactions, Vocabulary
from penchant.models import MODELS, last_item, slim, sparse
from penchant.models.base import Model

N_USERS, N_ITEMS = 300, 1_000


@pytest.fixture(scope="module")
def dense() -> Dataset:
    """Nearly everything is met together with everything."""
    random, length = np.random.default_rng(0), 100
    interactions = Interactions(
        offsets=np.arange(N_USERS + 1) * length,
        items=np.concatenate([random.permutation(N_ITEMS)[:length] for _ in range(N_USERS)]).astype(np.int32),
        event_types=np.zeros(N_USERS * length, np.int16),
        values=np.full(N_USERS * length, np.nan, np.float32),
        timestamps=np.tile(np.arange(length), N_USERS),
    )
    users, items = (Vocabulary(map(str, range(size))) for size in (N_USERS, N_ITEMS))
    return Dataset(interactions, users, items, Vocabulary(["view"]))


def peak(model: Model, dataset: Dataset) -> int:
    model.fit(dataset)  # what is loaded and kept by the first use
    tracemalloc.start()
    try:
        model.fit(dataset)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_slim_keeps_four_bytes_a_pair_of_items(dense: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((sparse, "BLOCK"), (slim, "BLOCK"), (slim, "SYSTEMS"), (slim, "CACHED")):
        monkeypatch.setattr(module, name, 2**14)
    matrix = sparse.met(dense)
    assert peak(MODELS.load("slim")(neighbours=5), dense) < 8 * (matrix.T @ matrix).nnz


def test_transitions_exist_once(dense: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_item, "SLAB", 2**14)
    model = MODELS.load("last-item")().fit(dense)
    assert peak(model, dense) < 12 * model._weights.nnz


@pytest.mark.parametrize("name", ["item-knn", "graph-filter"])
def test_weights_exist_once(name: str, dense: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("sparse", "graph_filter"):
        monkeypatch.setattr(f"penchant.models.{module}.BLOCK", 2**14)
    model = MODELS.load(name)(neighbours=N_ITEMS).fit(dense)
    assert peak(model, dense) < 13 * model._weights.nnz
