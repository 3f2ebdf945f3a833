"""What each of the named classics is expected to do beyond the contract that all models pass."""

from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from penchant.core.errors import ConfigError
from penchant.core.types import Queries
from penchant.data import Dataset
from penchant.models import MODELS
from penchant.models.base import FitOptions, Model
from penchant.models.bert4rec import BERT4Rec
from penchant.models.gru4rec import GRU4Rec
from penchant.models.item2vec import Item2Vec
from penchant.models.lstm import LSTM
from penchant.models.masked_item import masked
from penchant.models.two_tower import TwoTower
from penchant.training.loader import WindowLoader

QUIET = FitOptions(quiet=True)
SMALL: dict[str, Any] = {"max_len": 12, "embedding_dim": 16, "epochs": 40, "batch_size": 8, "learning_rate": 0.01, "dropout": 0.0}
SMOKE: dict[str, dict[str, Any]] = {  # short trainings that already beat popularity on MovieLens-100K
    "bert4rec": {"epochs": 30},
    "gru4rec": {"epochs": 5},
    "lstm": {"epochs": 5},
    "caser": {"epochs": 5},
    "mlp": {"epochs": 10},
    "ncf": {"epochs": 5},
    "two-tower": {"epochs": 5},
    "item2vec": {"epochs": 30},
}


def cycle(n_users: int = 40, n_items: int = 12) -> Dataset:
    """Each user walks the circle from another place; nobody has been everywhere."""
    rows = [(f"u{u}", str((u + step) % n_items), step) for u in range(n_users) for step in range(7 + u % 3)]
    return Dataset.from_events(pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row"))


def cliques(n_users: int = 40) -> Dataset:
    """Everybody stays among one of two sets of six items."""
    rng = np.random.default_rng(0)
    rows = [(f"u{u}", str(6 * (u % 2) + rng.integers(6)), step) for u in range(n_users) for step in range(10)]
    return Dataset.from_events(pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row"))


def codes(model: Model, *ids: int) -> list[int]:
    assert model.items is not None
    return [model.items.code(str(id_)) for id_ in ids]


@pytest.mark.parametrize("name", ["bert4rec", "gru4rec", "lstm", "caser"])
def test_what_follows_in_order_is_learned(name: str) -> None:
    settings = {**SMALL, "epochs": 100, "n_layers": 1} if name == "bert4rec" else SMALL  # few of its positions are targets
    model = MODELS.load(name)(**settings).fit(cycle(), QUIET)
    for start in range(12):
        walk = codes(model, *[(start + step) % 12 for step in range(5)])
        assert model.recommend(Queries.of([walk]), 1).items.tolist() == codes(model, (start + 5) % 12)


@pytest.mark.parametrize("name", ["mlp", "ncf", "two-tower", "item2vec"])
def test_what_is_met_together_comes_together(name: str) -> None:
    settings = {key: value for key, value in SMALL.items() if name != "item2vec" or key != "dropout"}
    model = MODELS.load(name)(**settings).fit(cliques(), QUIET)
    for first in (0, 6):
        mine = codes(model, *range(first, first + 6))
        found = model.recommend(Queries.of([mine[:3]]), 3)
        assert set(found.items.tolist()) == set(mine[3:])


@pytest.mark.parametrize("name", ["mlp", "ncf", "two-tower"])
def test_a_bag_has_no_order(name: str) -> None:
    model = MODELS.load(name)(**{**SMALL, "epochs": 2}).fit(cliques(), QUIET)
    np.testing.assert_allclose(*model.scores(Queries.of([[0, 1, 2], [2, 0, 1]])), rtol=1e-4, atol=1e-4)


def test_an_lstm_is_gru4rec_with_another_cell() -> None:
    settings = {**SMALL, "epochs": 2}
    ours, theirs = LSTM(**settings).fit(cycle(), QUIET), GRU4Rec(**settings, body="lstm").fit(cycle(), QUIET)
    queries = cycle().queries()
    np.testing.assert_array_equal(ours.scores(queries), theirs.scores(queries))
    assert not np.allclose(ours.scores(queries), GRU4Rec(**settings).fit(cycle(), QUIET).scores(queries))


def test_gaps_are_of_the_share_asked_for_and_each_history_has_one() -> None:
    torch.manual_seed(0)
    data, start, chosen, total, gone = cycle(400), 12, 0, 0, 0
    for batch in WindowLoader(data.interactions, start=start, max_len=5, batch_events=200, seed=0).epoch(0):
        found = masked(batch, share=0.3, start=start, mask=start + 1)
        assert ((found.codes == start + 1).sum(1) > 0).all()
        assert torch.equal(found.codes.view(-1)[found.places], torch.full_like(found.places, start + 1))
        whole = found.codes.clone()
        whole.view(-1)[found.places] = found.items
        read = whole.view(-1)[batch.real]
        assert ((read == batch.targets) | (read == start)).all()  # nothing else was changed, but some were cut
        cut = (whole.view(-1)[batch.real] == start).sum()
        chosen, total, gone = chosen + len(found.places), total + len(batch.targets), gone + int(cut)
    assert 0 < gone < 0.3 * total
    assert 0.2 < chosen / total < 0.45


def test_bert4rec_reads_no_event_types() -> None:
    with pytest.raises(ConfigError, match=r"bert4rec\.inputs"):
        BERT4Rec(inputs=("event_type",))


def test_the_latest_item_weighs_most_in_item2vec() -> None:
    model = Item2Vec(**{key: value for key, value in SMALL.items() if key != "dropout"}).fit(cliques(), QUIET)
    one, other = codes(model, 0, 1), codes(model, 6, 7)
    scores = model.scores(Queries.of([[*one, other[0]], [other[0], *one], one]))
    assert scores[0, other[1]] > scores[1, other[1]]
    assert np.abs(scores).max() <= 1 + 1e-5
    plain = Item2Vec(decay=1.0, recent=3)
    plain.items, plain._vectors = model.items, model._vectors
    np.testing.assert_allclose(*plain.scores(Queries.of([[*one, other[0]], [other[0], *one]])), atol=1e-5)


def test_a_new_item_has_a_place_in_the_item_tower_by_its_content() -> None:
    rows = [(f"u{u}", f"{('red', 'blue')[u % 2]}-{(u + step) % 3}", step) for u in range(40) for step in range(3)]
    events = pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")
    names = [f"{colour}-{n}" for colour in ("red", "blue") for n in range(4)]  # nobody met the fourth of each
    data = Dataset.from_events(events, items=pl.DataFrame({"item_id": names, "colour": [name.split("-")[0] for name in names]}))
    model = TwoTower(**SMALL, inputs=("content",), weight_decay=0.0).fit(data, QUIET)
    mine, new, not_mine = (data.items.code(name) for name in ("red-0", "red-3", "blue-3"))
    scores = model.scores(Queries.of([[mine]]))[0]
    assert scores[new] > scores[not_mine]


@pytest.mark.long
@pytest.mark.parametrize("name", SMOKE)
def test_it_beats_popularity_on_movielens(name: str, last_out: tuple[Dataset, np.ndarray]) -> None:
    train, wanted = last_out
    hits = []
    for model in (MODELS.load(name)(**SMOKE[name]), MODELS.load("popular")()):
        found = model.fit(train, QUIET).recommend(train.queries(), 10)
        hits.append(float(np.mean([item in found.row(user) for user, item in enumerate(wanted)])))
    assert hits[0] > hits[1]
