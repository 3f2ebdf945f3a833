"""Each switch of the sequence encoder does what it says."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from penchant.core.errors import ArtifactIncompatible, ConfigError, DataError
from penchant.core.types import Queries
from penchant.data import Dataset
from penchant.models.assembly import Known, build
from penchant.models.base import FitOptions
from penchant.models.encoder_config import SIZES, WHOLE
from penchant.models.item_matrix import item_matrix
from penchant.models.sasrec import SASRec
from penchant.nn.heads import MixtureHead, NeuralHead

SMALL: dict[str, Any] = {
    "max_len": 12,
    "embedding_dim": 16,
    "n_layers": 1,
    "epochs": 8,
    "batch_size": 4,
    "learning_rate": 0.01,
    "dropout": 0.0,
    "precision": "float32",
}
QUIET = FitOptions(quiet=True)
INPUTS = ("event_type", "value", "content", "scenario")
SWITCHES: list[dict[str, Any]] = [
    {"position": "rotary"},
    {"position": "rotary", "attention": "pointwise"},
    {"body": "gru", "position": "none"},
    {"body": "lstm", "position": "none"},
    {"body": "convolution", "position": "none"},
    {"body": "mean", "position": "none"},
    {"head": "mixture"},
    {"head": "mixture", "temperature": None},
    {"head": "mixture", "loss": "sampled", "sampling": "mixed"},
    {"head": "mlp", "loss": "bce"},
    {"head": "neumf", "loss": "gbce"},
    {"item_tower": True},
    {"loss": "sampled", "sampling": "in-batch"},
    {"loss": "gbce"},
    {"loss": "bce", "sampling": "popularity"},
    {"loss": "bpr"},
    {"label_smoothing": 0.1},
    {"label_smoothing": 0.1, "head": "mixture"},
    {"inputs": ("event_type",)},
    {"inputs": ("value",)},
    {"inputs": ("content",)},
    {"inputs": ("scenario",)},
    {"inputs": INPUTS, "head": "mixture"},
    {"inputs": ("scenario",), "position": "relative", "time": "request"},
]


def name(settings: dict[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in settings.items())


def telling(n_users: int = 60) -> Dataset:
    """After a purchase comes what is next around the circle, after a view what is before; items of one colour are apart by four."""
    rng, rows = np.random.default_rng(0), []
    for user in range(n_users):
        at = int(rng.integers(8))
        for step in range(10):
            kind = int(rng.integers(2))
            rows.append((f"u{user}", f"i{at}", step, ("view", "purchase")[kind], (1.0, 5.0)[kind], ("home", "cart")[(user + step) % 2]))
            at = (at + (1 if kind else -1)) % 8
    events = pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp", "event_type", "value", "scenario"], orient="row")
    items = pl.DataFrame({"item_id": [f"i{n}" for n in range(8)], "colour": ["red", "blue", "green", "grey"] * 2, "price": range(8)})
    return Dataset.from_events(events, items=items)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return telling()


@pytest.mark.parametrize("settings", SWITCHES, ids=name)
def test_it_learns_and_answers_in_a_batch_as_alone(settings: dict[str, Any], data: Dataset) -> None:
    model = SASRec(**{**SMALL, **settings}).fit(data, QUIET)
    curve = model.facts["curve"]
    assert curve[-1]["loss"] < curve[0]["loss"]
    queries = data.queries(range(7), at=6)
    alone = np.concatenate([model.scores(queries.take(np.array([row]))) for row in range(7)])
    np.testing.assert_allclose(model.scores(queries), alone, atol=2e-4)


@pytest.mark.parametrize("settings", SWITCHES, ids=name)
def test_it_changes_what_the_model_says(settings: dict[str, Any], data: Dataset) -> None:
    with_it, without = (SASRec(**{**SMALL, "epochs": 2, **each}).fit(data, QUIET).scores(data.queries()) for each in (settings, {}))
    assert not np.allclose(with_it, without)


@pytest.mark.parametrize("settings", SWITCHES, ids=name)
def test_what_comes_later_changes_nothing(settings: dict[str, Any], data: Dataset) -> None:
    model = SASRec(**{**SMALL, "epochs": 1, **settings}).fit(data, QUIET)
    late = data.queries(at=5)
    np.testing.assert_array_equal(model.scores(late), model.scores(late.keep_events(late.timestamps <= 5)))


@pytest.mark.parametrize("what", ["event_type", "value"])
def test_what_is_known_of_events_is_used(what: str, data: Dataset) -> None:
    """Only the kind of the last event says which way it goes on."""
    told, plain = (SASRec(**{**SMALL, "epochs": 30, "inputs": inputs}).fit(data, QUIET) for inputs in ((what,), ()))
    events, right = data.interactions, {}
    for model in (told, plain):
        ends = np.array([5 + 10 * user for user in range(data.n_users)])
        queries = data.queries(at=4)
        first = model.recommend(queries, 1, exclude_seen=False).items
        right[model] = float((first == events.items[ends]).mean())
    assert right[told] > 0.95
    assert right[plain] < 0.8


@pytest.mark.parametrize(
    "inputs", [("event_type",), ("value",), ("content",), ("scenario",), ("event_type", "value", "content", "scenario")]
)
def test_one_more_input_starts_as_without_it(inputs: tuple[str, ...], data: Dataset) -> None:
    scores = []
    for each in ((), inputs):
        model = SASRec(**{**SMALL, "inputs": each})
        model.items, model.event_types, model.scenarios = data.items, data.event_types, data.scenarios
        torch.manual_seed(0)
        model._encoder = build(model.config, data.n_items, Known.of(model.config, data)).eval()
        model._encoder.longest.fill_(10)
        model._settle()
        scores.append(model.scores(replace(data.queries(), scenario="cart")))
    np.testing.assert_array_equal(*scores)


def test_inputs_come_back_from_disk(data: Dataset, tmp_path: Any) -> None:
    model = SASRec(**{**SMALL, "epochs": 2, "inputs": INPUTS}).fit(data, QUIET)
    model.save(tmp_path / "m")
    loaded, queries = SASRec.load(tmp_path / "m"), replace(data.queries(), scenario="cart")
    assert loaded.scenarios == data.scenarios
    np.testing.assert_array_equal(loaded.scores(queries), model.scores(queries))


def test_an_item_without_events_is_found_by_its_content() -> None:
    """Colours follow each other; nobody ever met the second red item."""
    rows = [(f"u{u}", ("red-1", "blue-1", "blue-2", "green-1")[(u + step) % 4], step) for u in range(40) for step in range(8)]
    events = pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")
    names = ["red-1", "red-2", "blue-1", "blue-2", "green-1", "green-2"]
    data = Dataset.from_events(events, items=pl.DataFrame({"item_id": names, "colour": [n.split("-")[0] for n in names]}))
    red, green = (np.array(data.items.encode([f"{colour}-1", f"{colour}-2"])) for colour in ("red", "green"))
    model = SASRec(**{**SMALL, "epochs": 60, "inputs": ("content",), "weight_decay": 0.0}).fit(data, QUIET)
    scores = model.scores(Queries.of([[green[0]]]))[0]  # red is next
    assert scores[red[1]] > scores[green[1]]


def test_content_needs_properties_that_items_share() -> None:
    frame = pl.DataFrame({"user_id": ["u", "u"], "item_id": ["a", "b"], "timestamp": [0, 1]})
    with pytest.raises(DataError, match="'content' needs properties of items"):
        SASRec(**SMALL, inputs=("content",)).fit(Dataset.from_events(frame), QUIET)


def test_a_catalogue_becomes_numbers(data: Dataset) -> None:
    genres = pl.Series("genres", [["a", "b"], ["a"], [], None, ["b"], ["rare"], [], []], dtype=pl.List(pl.String))
    features = data.item_features
    assert features is not None
    titled = features.with_columns(genres, pl.Series("title", [f"title {n}" for n in range(8)]))
    matrix = item_matrix(Dataset(data.interactions, data.users, data.items, data.event_types, titled))
    assert matrix.shape == (8, 4 + 1 + 2) and matrix.dtype == np.float32  # colours, price, two genres; titles and rare genres say nothing
    assert matrix[0, 5:].tolist() == [1, 1] and matrix[3, 5:].tolist() == [0, 0]
    np.testing.assert_allclose(matrix[:, 4].mean(), 0, atol=1e-6)


@pytest.mark.parametrize("size", list(SIZES))
def test_a_size_stands_for_its_settings_and_gives_way_to_those_given(size: str) -> None:
    model = SASRec(size=size)
    assert {key: getattr(model.config, key) for key in SIZES[size]} == SIZES[size]
    assert SASRec(size=size, n_layers=3).config.n_layers == 3
    assert SASRec(**model.config.model_dump(mode="json")).config == model.config


@pytest.mark.parametrize("size", list(SIZES))
def test_the_page_says_what_a_size_stands_for(size: str) -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/train.md").read_text(encoding="utf-8")
    columns = ["embedding_dim", "n_layers", "n_heads", "gated"]
    cells = [str(SIZES[size].get(column, "")).lower() for column in columns]
    assert f"| `{size}` | {' | '.join(cells)} |".replace("|  |", "| |") in page


def test_small_is_what_is_used_unasked() -> None:
    plain = SASRec().config
    assert SASRec(size="small").config.model_copy(update={"size": None}) == plain


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"head": "mlp"}, "head = 'mlp' costs too much for all items; set loss"),
        ({"position": "rotary", "embedding_dim": 6, "n_heads": 2}, "position = 'rotary' needs heads of even width; received: 6 / 2"),
        ({"position": "relative", "body": "gru"}, "position = 'relative' needs body = 'attention'"),
        ({"body": "lstm", "position": "none", "n_layers": 0}, "n_layers of at least 1"),
        ({"head": "mixture", "embedding_dim": 18}, "multiple of 4; received: 18"),
        ({"item_tower": True, "head": "mixture"}, "item_tower needs head = 'dot'"),
        ({"label_smoothing": 0.1, "loss": "bce"}, "label_smoothing needs loss = 'softmax'"),
        ({"size": "huge"}, "size"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SASRec(**settings)


def test_heads_are_what_they_are_called() -> None:
    assert isinstance(build(SASRec(head="mixture").config, 5).head, MixtureHead)
    assert isinstance(build(SASRec(head="neumf", loss="bce").config, 5).head, NeuralHead)


def test_a_catalogue_too_large_for_a_whole_softmax_is_sampled(monkeypatch: pytest.MonkeyPatch, data: Dataset) -> None:
    assert SASRec().config.loss_for(WHOLE) == "softmax"
    assert SASRec().config.loss_for(WHOLE + 1) == "sampled"
    assert SASRec(loss="softmax").config.loss_for(WHOLE + 1) == "softmax"
    whole = SASRec(**SMALL).fit(data, QUIET)
    monkeypatch.setattr("penchant.models.encoder_config.WHOLE", 1)
    sampled = SASRec(**SMALL).fit(data, QUIET)
    assert whole.facts["curve"][0]["loss"] != sampled.facts["curve"][0]["loss"]


def test_weights_of_another_version_say_so() -> None:
    artifact = SASRec(**{**SMALL, "epochs": 1}).fit(telling(), QUIET).artifact()
    renamed = {("old." + name if "qkv" in name else name): array for name, array in artifact.arrays.items()}
    with pytest.raises(ArtifactIncompatible, match=r"sasrec: the weights are those of another version; train again"):
        SASRec.from_artifact(replace(artifact, arrays=renamed))


def test_settings_of_another_version_say_so() -> None:
    artifact = SASRec(**{**SMALL, "epochs": 1}).fit(telling(), QUIET).artifact()
    said = r"sasrec: the settings are those of another version; train again \(sasrec\.place: no such setting\)"
    with pytest.raises(ArtifactIncompatible, match=said):
        SASRec.from_artifact(replace(artifact, config={**artifact.config, "place": "learned"}))
