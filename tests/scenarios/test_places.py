"""One model, asked in two places: the answers are what is met there."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scenario_parts import DAY_ONE, write_config

pytest.importorskip("torch", reason="the sequence models need torch")

from penchant.core.clock import SECOND
from penchant.core.events import EventBatch
from penchant.jobs.train import train
from penchant.scenarios import Engine, Project, Request
from penchant.scenarios.project import _places

N_ITEMS, N_USERS, LENGTH = 12, 60, 9
COLUMNS = ["user_id", "item_id", "timestamp", "scenario"]
STEPS = {"home": 1, "cart": 5}  # what follows an item around the circle, by the place where people are

CONFIG = """
[models.walk]
model = "sasrec"
inputs = {inputs}
max_len = 12
embedding_dim = 16
n_layers = 1
epochs = 40
batch_size = 4
learning_rate = 0.01
dropout = 0.0
precision = "float32"

[models.popular]

[scenarios.home]
kind = "for-you"
retrievers = ["walk"]
exclude_seen = false

[scenarios.cart]
kind = "for-you"
retrievers = ["walk"]
exclude_seen = false
"""


def walks() -> list[tuple[str, str, int, str]]:
    """Everybody walks around the circle, here and there by chance."""
    rng, rows = np.random.default_rng(0), []
    for user in range(N_USERS):
        item = int(rng.integers(N_ITEMS))
        for step in range(LENGTH):
            place = ("home", "cart")[int(rng.integers(2))]
            item = (item + STEPS[place]) % N_ITEMS
            rows.append((f"u{user}", f"i{item}", DAY_ONE - (LENGTH - step) * SECOND, place))
    return rows


def engine(folder: Path, inputs: str) -> Iterator[Engine]:
    folder.mkdir()
    write_config(folder, CONFIG.format(inputs=inputs))
    with Project.open(folder, clock=lambda: DAY_ONE) as project:
        frame = pl.DataFrame(walks(), schema=COLUMNS, orient="row")
        project.events.append(EventBatch.of(frame))
        train(project, quiet=True)
        yield Engine(project, clock=lambda: DAY_ONE)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    yield from engine(tmp_path_factory.mktemp("told") / "shop", '["scenario"]')


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    yield from engine(tmp_path_factory.mktemp("plain") / "shop", "[]")


def hit_rate(engine: Engine, place: str) -> float:
    """How often the first item is what follows a user's last one in this place."""
    last = {user: int(item[1:]) for user, item, _, _ in walks()}  # a later event replaces an earlier one
    first = {user: engine.recommend(Request(place, user_id=user, n=1)).items[0].item_id for user in last}
    return float(np.mean([first[user] == f"i{(last[user] + STEPS[place]) % N_ITEMS}" for user in first]))


def test_each_place_is_answered_by_its_own_rule(told: Engine, plain: Engine) -> None:
    ours, theirs = ([hit_rate(engine, place) for place in STEPS] for engine in (told, plain))
    assert min(ours) > 0.9
    assert sum(theirs) <= 1  # the same answer in both places is wrong in one of them


def test_a_scenario_asked_for_by_its_kind_is_asked_in_its_name(told: Engine) -> None:
    by_kind, by_name = (told.recommend(Request(scenario, user_id="u3")) for scenario in ("for-you", "home"))
    assert by_kind.items == by_name.items


def test_a_visitor_s_session_is_asked_in_the_place_too(told: Engine) -> None:
    home, cart = (told.recommend(Request(place, session_items=("i3",), n=1)).items[0].item_id for place in STEPS)
    assert (home, cart) == ("i4", "i8")


def test_where_a_history_happened_counts(told: Engine) -> None:
    rows = [(f"only at {place}", f"i{item}", DAY_ONE - (9 - item) * SECOND, place) for place in STEPS for item in range(3)]
    told._project.events.append(EventBatch.of(pl.DataFrame(rows, schema=COLUMNS, orient="row")))
    one, other = (told.recommend(Request("home", user_id=f"only at {place}")).items for place in STEPS)
    assert {item.item_id: item.score for item in one} != {item.item_id: item.score for item in other}


def test_of_too_many_places_the_first_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penchant.scenarios.project.MOST_KINDS", 2)
    codes: dict[str, int] = {}
    first, later = (_places(pl.Series(given), codes) for given in (["home", None, "cart", "feed"], ["feed", "home", ""]))
    assert codes == {"home": 0, "cart": 1}
    assert first is not None and first.tolist() == [0, -1, 1, -1]
    assert later is not None and later.tolist() == [-1, 0, -1]
