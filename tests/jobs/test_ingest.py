"""An import is whole or not at all, repeatable, and says in its report everything that it did."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from penchant.core.errors import ConfigError, DataError
from penchant.core.protocols import EventStore, FeatureStore
from penchant.data.options import ReadOptions
from penchant.jobs.ingest import ingest
from penchant.stores import open_store

EVENTS = "user_id,item_id,rating,timestamp\n" + "".join(f"u{n % 7},i{n % 11},{n % 5 + 1},{1_500_000_000 + n}\n" for n in range(200))
ITEMS = "item_id,title,genres\n" + "".join(f"i{n},Thing {n},a|b\n" for n in range(11))
USERS = "user_id,age\n" + "".join(f"u{n},{20 + n}\n" for n in range(7))


@dataclass
class Target:
    dir: Path
    events: EventStore
    features: FeatureStore


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    store = open_store("sqlite:///penchant.db", folder=tmp_path)
    yield Target(tmp_path, store.events, store.features)
    store.close()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    found = {}
    for name, text in (("events", EVENTS), ("items", ITEMS), ("users", USERS)):
        found[name] = tmp_path / f"{name}.csv"
        found[name].write_text(text, encoding="utf-8")
    return found


def test_events_items_and_users_arrive(target: Target, files: dict[str, Path]) -> None:
    report = ingest(target, events=files["events"], items=files["items"], users=files["users"])
    assert (report.usable, report.stored, report.known) == (200, 200, 0)
    assert (report.items, report.new_items, report.users, report.new_users) == (11, 11, 7, 7)
    assert target.events.stats()["n_events"] == 200
    assert target.features.get("items", ["i3"]) == {"i3": {"title": "Thing 3", "categories": ["a", "b"]}}
    assert target.features.get("users", ["u3"]) == {"u3": {"age": 23}}
    history = target.events.history("u3").frame
    assert history["item_id"][0] == "i3" and history["value"][0] == 4.0 and history["timestamp"][0] == 1_500_000_003_000_000


def test_importing_the_same_file_twice_adds_nothing(target: Target, files: dict[str, Path]) -> None:
    ingest(target, events=files["events"], items=files["items"])
    again = ingest(target, events=files["events"], items=files["items"])
    assert (again.stored, again.known, again.new_items) == (0, 200, 0)
    assert target.events.stats()["n_events"] == 200


def test_a_file_without_times_can_be_imported_twice_too(target: Target, tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("user,item\nu,a\nu,b\nu,a\n", encoding="ascii")
    assert ingest(target, events=path).stored == 3
    assert ingest(target, events=path).stored == 0


def test_sequences_with_repeats_lose_none_of_them(target: Target, tmp_path: Path) -> None:
    path = tmp_path / "Yelp.txt"
    path.write_text("".join(f"{user} " + " ".join(["1", "2", "1"] * (user % 3 + 1)) + "\n" for user in range(1, 21)), encoding="ascii")
    assert ingest(target, events=path).stored == sum(3 * (user % 3 + 1) for user in range(1, 21))
    assert target.events.history("2").frame["item_id"].to_list() == ["1", "2", "1"] * 3


def test_a_dry_run_writes_nothing_at_all(target: Target, files: dict[str, Path]) -> None:
    files["events"].write_text(EVENTS + ",missing user,1,1500000000\n", encoding="utf-8")
    before = sorted(path.name for path in target.dir.iterdir())
    report = ingest(target, events=files["events"], items=files["items"], dry_run=True)
    assert (report.usable, report.stored, report.items, report.new_items) == (200, 0, 11, 0)
    assert report.rejects["count"] == 1 and report.rejects["file"] is None
    assert target.events.stats()["n_events"] == 0
    assert sorted(path.name for path in target.dir.iterdir()) == before


def test_a_strict_import_that_fails_has_stored_nothing(target: Target, files: dict[str, Path]) -> None:
    files["items"].write_text(ITEMS + ",no id,a\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"items\.csv row 13"):
        ingest(target, events=files["events"], items=files["items"], strict=True)
    assert target.events.stats()["n_events"] == 0
    assert list(target.features.scan("items")) == []


def test_the_report_lies_in_the_project_and_reports_are_numbered(target: Target, files: dict[str, Path]) -> None:
    files["events"].write_text(EVENTS + ",missing user,1,1500000000\n", encoding="utf-8")
    ingest(target, events=files["events"])
    report = ingest(target, users=files["users"])
    folder = target.dir / "reports"
    assert sorted(path.name for path in folder.iterdir()) == ["ingest-1-rejects.csv", "ingest-1.json", "ingest-2.json"]
    first = json.loads((folder / "ingest-1.json").read_text(encoding="utf-8"))
    assert first["stored"] == 200 and first["dry_run"] is False and first["files"]["events"].endswith("events.csv")
    assert {"step", "why", "rows_in", "touched", "removed"} == set(first["steps"][0])
    assert first["rejects"]["count"] == 1 and first["rejects"]["file"].endswith("ingest-1-rejects.csv")
    assert json.loads((folder / "ingest-2.json").read_text(encoding="utf-8")) == report.to_json()


def test_the_steps_of_all_tables_are_in_the_report_in_order(target: Target, files: dict[str, Path]) -> None:
    steps = [step["step"] for step in ingest(target, events=files["events"], items=files["items"]).steps]
    assert steps.index("missing ids") < steps.index("duplicates") < steps.index("robots") < steps.index("items: missing ids")


def test_rejects_go_where_the_user_wants_them(target: Target, files: dict[str, Path], tmp_path: Path) -> None:
    files["events"].write_text(EVENTS + ",missing user,1,1500000000\n", encoding="utf-8")
    ingest(target, events=files["events"], options=ReadOptions(rejects=tmp_path / "bad.csv"))
    assert "missing user" not in (tmp_path / "bad.csv").read_text(encoding="utf-8")
    assert "user_id" in (tmp_path / "bad.csv").read_text(encoding="utf-8")


def test_an_import_of_nothing_is_a_mistake(target: Target) -> None:
    with pytest.raises(ConfigError, match="--events"):
        ingest(target)


def test_columns_of_an_export_come_back(target: Target, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(
        "user_id,item_id,event_type,value,timestamp,session_id,scenario,event_id,recommendation_id,position,propensity\n"
        "u,i,click,2,1500000000000000,s,home,e-1,r-1,3,0.25\n",
        encoding="ascii",
    )
    ingest(target, events=path)
    row = target.events.history("u").frame.row(0, named=True)
    expected = {"event_type": "click", "session_id": "s", "scenario": "home", "event_id": "e-1", "recommendation_id": "r-1"}
    assert {name: row[name] for name in expected} == expected
    assert (row["timestamp"], row["position"], row["propensity"]) == (1_500_000_000_000_000, 3, 0.25)


def test_the_users_and_items_of_events_are_counted(target: Target, files: dict[str, Path]) -> None:
    report = ingest(target, events=files["events"], dry_run=True)
    assert (report.event_users, report.event_items, report.uncatalogued) == (7, 11, None)


def test_items_of_events_that_no_catalogue_has_are_counted_where_there_is_one(target: Target, files: dict[str, Path]) -> None:
    files["items"].write_text("".join(ITEMS.splitlines(keepends=True)[:9]), encoding="utf-8")  # i0 … i7 of i0 … i10
    assert ingest(target, events=files["events"], items=files["items"], dry_run=True).uncatalogued == 3
    assert ingest(target, events=files["events"], items=files["items"]).uncatalogued == 3
    assert ingest(target, events=files["events"]).uncatalogued == 3  # by the catalogue of the project
    assert ingest(target, items=files["items"]).uncatalogued is None


def test_columns_of_items_are_told_whether_they_are_kept_or_not(target: Target, files: dict[str, Path]) -> None:
    files["items"].write_text("item_id,title,price,brand\n" + "".join(f"i{n},Thing {n},3,x\n" for n in range(11)), encoding="utf-8")
    assert "items: kept as properties: price, brand" in ingest(target, items=files["items"]).decisions
    report = ingest(target, items=files["events"])
    assert "items: columns not used: user_id, rating, timestamp" in report.decisions
    (why,) = [step["why"] for step in report.steps if step["step"] == "items: repeated ids"]
    assert why == "many rows an id: each id is taken once, other columns belong to events"
