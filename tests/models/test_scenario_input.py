"""The place of events as an input: `inputs = ("scenario",)`."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

pytest.importorskip("torch", reason="the sequence models need torch")

import torch

from penchant.core.errors import DataError
from penchant.core.types import Queries
from penchant.data import Dataset
from penchant.models import Auto, ItemKNN, load
from penchant.models.base import FitOptions
from penchant.models.inputs import EventFacts, Inputs, event_facts
from penchant.models.next_item import NextItem
from penchant.models.sasrec import SASRec
from penchant.models.student import Student

SMALL: dict[str, Any] = {
    "max_len": 12,
    "embedding_dim": 16,
    "n_layers": 1,
    "epochs": 40,
    "batch_size": 4,
    "learning_rate": 0.01,
    "dropout": 0.0,
    "precision": "float32",
}
QUIET = FitOptions(quiet=True)
N_ITEMS, LENGTH = 12, 9
STEPS = {"home": 1, "cart": 5}  # what follows an item, by the place where it is looked for


def circle(n_users: int = 80, *, named: bool = True) -> Dataset:
    """At home people go on to the next item around the circle, in the cart to the fifth after it; where they will be next, nobody knows."""
    rng, rows = np.random.default_rng(0), []
    for user in range(n_users):
        item = int(rng.integers(N_ITEMS))
        for step in range(LENGTH):
            place = ("home", "cart")[int(rng.integers(2))]
            item = (item + STEPS[place]) % N_ITEMS
            rows.append((f"u{user}", f"i{item}", step, place if named else None))
    schema = {"user_id": pl.String, "item_id": pl.String, "timestamp": pl.Int64, "scenario": pl.String}
    items = pl.DataFrame({"item_id": [f"i{n}" for n in range(N_ITEMS)]})
    return Dataset.from_events(pl.DataFrame(rows, schema=schema, orient="row"), items=items)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return circle()


@pytest.fixture(scope="module")
def told(data: Dataset) -> SASRec:
    return SASRec(**SMALL, inputs=("scenario",)).fit(data, QUIET)


def hit_rate(model: SASRec, data: Dataset, *, wanted: str, asked: str) -> float:
    """How often the first item is what follows the last one in the place `wanted`, where `asked` is named."""
    queries = replace(data.queries(at=LENGTH - 2), scenario=asked)
    first = model.recommend(queries, 1, exclude_seen=False).items
    ends = [int(data.items.id(int(queries.history(user)[LENGTH - 2]))[1:]) for user in range(data.n_users)]
    right = data.items.encode([f"i{(end + STEPS[wanted]) % N_ITEMS}" for end in ends])
    return float((first == right).mean())


@pytest.mark.parametrize("place", list(STEPS))
def test_what_is_met_in_a_place_is_found_there(place: str, told: SASRec, data: Dataset) -> None:
    assert hit_rate(told, data, wanted=place, asked=place) > 0.95


def test_without_the_input_no_model_can_tell_places_apart(data: Dataset) -> None:
    plain = SASRec(**SMALL).fit(data, QUIET)
    rates = [hit_rate(plain, data, wanted=place, asked=place) for place in STEPS]
    assert 0.9 < sum(rates) <= 1  # one of both is right, it does not know which


@pytest.mark.parametrize("asked", ["", "a place that nobody ever named"])
def test_where_the_place_is_not_known_both_are_likely(asked: str, told: SASRec, data: Dataset) -> None:
    assert sum(hit_rate(told, data, wanted=place, asked=asked) for place in STEPS) > 0.95
    assert 0.1 < hit_rate(told, data, wanted="cart", asked=asked) < 0.9


def test_a_new_visitor_is_told_apart_by_place_alone(told: SASRec) -> None:
    home, cart = (told.scores(Queries.of([[]], scenario=place)) for place in STEPS)
    assert not np.allclose(home, cart)


def test_no_place_changes_an_earlier_state(told: SASRec) -> None:
    rng = np.random.default_rng(0)
    codes = torch.from_numpy(rng.integers(0, N_ITEMS, (1, 6)))
    types, values, of_events, asked = torch.zeros(1, 6), torch.full((1, 6), torch.nan), torch.zeros(1, 6).int(), torch.ones(1, 6).int()
    with torch.inference_mode():
        before = told._encoder(codes, None, None, types, values, of_events, asked)
        for position in range(6):
            for which in (2, 3):
                changed = [types, values, of_events.clone(), asked.clone()]
                changed[which][0, position] ^= 1
                after = told._encoder(codes, None, None, *changed)
                torch.testing.assert_close(after[:, :position], before[:, :position], rtol=0, atol=0)
                assert not torch.equal(after[:, position], before[:, position])


def test_in_training_a_position_is_told_two_places_and_no_more_of_its_target(data: Dataset) -> None:
    task = NextItem(SASRec(**SMALL, inputs=("scenario",)).fit(data, FitOptions(quiet=True)), data, QUIET, torch.float32)
    events = data.interactions
    for batch in task.batches(0):
        types, values, of_events, asked = (fact.flatten()[batch.real].numpy() for fact in task._facts(batch))
        read, wanted = (each.flatten()[batch.real].numpy() for each in (batch.read, batch.wanted))
        assert asked.tolist() == events.places[wanted].tolist()
        assert of_events.tolist() == [events.places[event] if event >= 0 else -1 for event in read]
        assert types.tolist() == [events.event_types[event] if event >= 0 else -1 for event in read]
        assert np.isnan(values).all()


def test_an_answer_reads_what_was_read_in_training(data: Dataset, told: SASRec) -> None:
    """A request for the last event of a history is told what the last position of the history was told in training."""
    task = NextItem(told, data, QUIET, torch.float32)
    batch = task.batches(0)[0]
    trained = EventFacts(*(fact.numpy() for fact in task._facts(batch)))
    ends = batch.wanted.numpy().max(axis=1)
    users = data.interactions.users[ends]
    for row, user in enumerate(users.tolist()):
        place = data.scenarios.id(int(data.interactions.places[ends[row]]))
        queries = data.queries([user], at=LENGTH - 2).visible(N_ITEMS)
        given = Inputs.of(queries, longest=LENGTH, start=told._encoder.start)
        facts = event_facts(queries, longest=LENGTH, scenario=data.scenarios.code(place))
        assert given.codes[0].tolist() == batch.codes[row].tolist()
        for ours, theirs in zip(facts, trained, strict=True):
            np.testing.assert_array_equal(ours[0], theirs[row])


def test_a_request_of_unknown_place_tells_no_position_where_the_next_was(data: Dataset) -> None:
    facts = event_facts(data.queries(), longest=5, scenario=-1)
    assert (facts.asked_scenarios == -1).all()
    np.testing.assert_array_equal(facts.scenarios[:, 0], data.interactions.places.reshape(-1, LENGTH)[:, -5])


@pytest.mark.parametrize(("share", "learns"), [(0.0, True), (1.0, False)])
def test_windows_that_are_not_told_learn_nothing_of_the_place_asked_for(data: Dataset, share: float, *, learns: bool) -> None:
    model = SASRec(**{**SMALL, "epochs": 1}, inputs=("scenario",), context_dropout=share).fit(data, QUIET)
    events = model._encoder.events
    assert events is not None and events.scenarios is not None and events.asked_scenarios is not None
    assert bool(torch.count_nonzero(events.asked_scenarios.weight)) == learns
    assert torch.count_nonzero(events.scenarios.weight)


def test_data_without_places_are_refused_with_what_to_do() -> None:
    with pytest.raises(DataError, match="'scenario' needs events that say where they happened; none of 'dataset' does; send or import"):
        SASRec(**SMALL, inputs=("scenario",)).fit(circle(5, named=False), QUIET)


def test_a_blend_tells_its_members_the_place(data: Dataset, tmp_path: Path) -> None:
    blend = Auto(members={"sasrec": {**SMALL, "inputs": ["scenario"]}, "popular": {}}, worth=0.0).fit(data, QUIET)
    home, cart = (replace(data.queries(), scenario=place) for place in STEPS)
    assert not np.allclose(blend.scores(home), blend.scores(cart))
    blend.save(tmp_path / "blend")
    np.testing.assert_array_equal(load(tmp_path / "blend").scores(cart), blend.scores(cart))


def test_a_student_learns_places_from_its_teacher(data: Dataset) -> None:
    teacher = {"model": "sasrec", **SMALL, "inputs": ["scenario"]}
    student = Student(**{**SMALL, "position": "learned", "time": "none"}, teacher=teacher, inputs=("scenario",)).fit(data, QUIET)
    home, cart = (replace(data.queries(), scenario=place) for place in STEPS)
    assert not np.allclose(student.scores(home), student.scores(cart))


def test_a_model_of_data_without_places_is_saved_as_ever(tmp_path: Path) -> None:
    ItemKNN().fit(circle(5, named=False)).save(tmp_path / "m")
    assert set(json.loads((tmp_path / "m" / "vocabulary.json").read_text())) == {"items", "event_types"}
    assert len(ItemKNN.load(tmp_path / "m").scenarios) == 0
