from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scenario_parts import DAY_ONE, N_ITEMS, TITLES, events_of

from penchant.core.errors import ConfigError
from penchant.scenarios import Project
from penchant.scenarios.config import ProjectConfig
from penchant.scenarios.project import CURSOR, UNTIL


def test_a_new_project_opens_with_the_settings_of_its_template(tmp_path: Path) -> None:
    with Project.create(tmp_path / "new" / "shop", "shop") as project:
        template = ProjectConfig.of_template("shop")
        assert project.config == template.model_copy(update={"project": template.project.model_copy(update={"name": "shop"})})
    with Project.open(tmp_path / "new" / "shop") as project:
        assert project.events.stats()["n_events"] == 0
        assert project.dataset().n_events == 0


def test_a_project_is_not_made_twice(tmp_path: Path) -> None:
    Project.create(tmp_path).close()
    with pytest.raises(ConfigError, match="is there already"):
        Project.create(tmp_path)


def test_a_folder_without_a_project_is_told_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no penchant\.toml here; make a project with `penchant init"):
        Project.open(tmp_path / "nowhere")


def test_the_data_set_holds_every_event_in_order(project: Project) -> None:
    dataset = project.dataset()
    assert dataset.n_events == project.events.stats()["n_events"]
    assert dataset.n_items == N_ITEMS
    user = dataset.users.code("u3")
    events = dataset.interactions
    items = dataset.items.decode(events.items[events.offsets[user] : events.offsets[user + 1]])
    assert items == ["i1", "i5", "i7", "i9"]
    assert dataset.event_types.ids == ("view",)
    assert dataset.facts[UNTIL] == int(events.timestamps.max())


def test_item_codes_are_those_of_the_store_s_list_and_never_move(project: Project) -> None:
    before = project.dataset().items.ids
    assert list(before) == project.store.listing.items()[1]
    project.events.append(events_of([("u1", "fresh", DAY_ONE - 5)]))
    after = project.dataset().items.ids
    assert after[: len(before)] == before
    assert after[-1] == "fresh"


def test_the_cursor_is_where_later_events_begin(project: Project) -> None:
    cursor = project.dataset().facts[CURSOR]
    assert list(project.events.scan(after=cursor)) == []
    project.events.append(events_of([("u1", "i4", DAY_ONE)]))
    assert [len(batch) for _, batch in project.events.scan(after=cursor)] == [1]


def test_features_stand_in_code_order_with_typed_columns(project: Project) -> None:
    project.features.upsert("items", [("odd", {"price": 3, "tags": ["a"], "mixed": 1}), ("other", {"mixed": "x", "sale": True})])
    dataset = project.dataset()
    features = dataset.item_features
    assert features is not None
    assert features["item_id"].to_list() == list(dataset.items.ids)
    rows = {row["item_id"]: row for row in features.to_dicts()}
    assert rows["i3"]["title"] == TITLES["i3"]
    assert rows["i3"]["categories"] == ["odd"]
    assert rows["odd"]["price"] == 3.0
    assert rows["odd"]["tags"] == ["a"]
    assert (rows["odd"]["mixed"], rows["other"]["mixed"]) == ("1", '"x"')
    assert rows["other"]["sale"] is True
    assert rows["i3"]["price"] is None


def test_unavailable_items_stay_known(project: Project) -> None:
    project.features.upsert("items", [("i4", {"available": False})])
    project.features.delete("items", ["i5"])
    assert {"i4", "i5"} <= set(project.dataset().items.ids)


def test_an_event_s_value_arrives(project: Project) -> None:
    batch = events_of([("rater", "i1", DAY_ONE)])
    project.events.append(type(batch)(batch.frame.with_columns(value=3.5)))
    dataset = project.dataset()
    events = dataset.interactions
    assert events.values[events.offsets[dataset.users.code("rater")]] == np.float32(3.5)


def test_an_event_s_place_arrives(project: Project) -> None:
    assert project.dataset().interactions.scenarios is None  # nobody said where anything happened
    batch = events_of([("guest", f"i{n}", DAY_ONE + n) for n in range(3)])
    project.events.append(type(batch)(batch.frame.with_columns(scenario=pl.Series(["cart", None, "home"]))))
    dataset = project.dataset()
    events = dataset.interactions
    assert dataset.scenarios.ids == ("cart", "home")
    assert events.places[events.offsets[dataset.users.code("guest")] :].tolist() == [0, -1, 1]
    assert (events.places[:-3] == -1).all()


def test_a_new_project_is_called_like_its_folder(tmp_path: Path) -> None:
    with Project.create(tmp_path / '花店 "1"') as project:
        assert project.name == '花店 "1"'
