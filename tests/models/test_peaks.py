"""What models take while they learn, as numpy reports it, in bytes a number that they cannot do without."""

import tracemalloc

import numpy as np
import pytest

from penchant.core.errors import DataError
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


def zipf() -> Dataset:
    random = np.random.default_rng(1)
    users, items = np.sort(random.integers(0, 2_000, 40_000)).astype(np.int32), (random.zipf(1.3, 40_000) % 3_000).astype(np.int32)
    nothing = {"event_types": np.zeros(40_000, np.int16), "values": np.full(40_000, np.nan, np.float32)}
    names = (Vocabulary(map(str, range(size))) for size in (2_000, 3_000))
    return Dataset(Interactions.sort(users, items, np.arange(40_000), **nothing, n_users=2_000), *names, Vocabulary(["view"]))


REFUSED = {"slim": "item-knn", "last-item": "smaller window", "graph-filter": "fewer components", "item-knn": "shrinkage = 0"}


@pytest.mark.parametrize(("name", "remedy"), REFUSED.items())
def test_what_cannot_fit_is_refused_with_the_remedy(name: str, remedy: str, dense: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penchant.core.memory.free_memory", lambda: 200_000)
    with pytest.raises(DataError, match=rf"^{name}: .* need at least .* GiB of memory to train, and .* are free; .*{remedy}"):
        MODELS.load(name)().fit(dense)


@pytest.mark.parametrize("kind", ["dense", "skewed"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_fits_is_not_refused(name: str, kind: str, dense: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = zipf() if kind == "skewed" else dense
    taken = peak(MODELS.load(name)(), dataset)
    monkeypatch.setattr("penchant.core.memory.free_memory", lambda: taken)
    MODELS.load(name)().fit(dataset)


@pytest.mark.parametrize("seed", range(5))
def test_few_long_rows_are_not_taken_for_many(seed: int) -> None:
    stored = np.random.default_rng(seed).zipf(1.5, 20_000).clip(max=20_000)
    assert sparse.at_least(stored[sparse.evenly(20_000)], 20_000) <= stored.sum()
