import json
from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner, Result

from penchant.cli import models, recommend, train
from penchant.core.errors import ConfigError, RequestError
from penchant.core.events import EventBatch
from penchant.scenarios import Project

CONFIG = """
[models.item-knn]
[models.popular]
[models.trending]
model = "popular"
half_life_days = 7.0
[scenarios.home]
kind = "for-you"
retrievers = ["item-knn"]
n = 4
[scenarios.similar]
kind = "similar"
[scenarios.search]
kind = "search"
ranker = ""
[scenarios.rank]
kind = "rank"
ranker = "item-knn"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "penchant.toml").write_text(CONFIG, encoding="utf-8")
    with Project.open(tmp_path) as project:
        rows = [(f"u{user}", f"i{(user + step) % 9}", 1_000 * user + step) for user in range(9) for step in range(4)]
        project.events.append(EventBatch.of(pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")))
        project.features.upsert("items", [(f"i{item}", {"title": f"Thing {item}"}) for item in range(8)])
        project.features.upsert("items", [("i8", {"title": "evil \x1b[31m thing\n8"})])
    return tmp_path


@pytest.fixture
def trained(folder: Path) -> Path:
    assert run("train", "--dir", str(folder), "--quiet").exit_code == 0
    return folder


def run(*arguments: str) -> Result:
    app = typer.Typer()
    for group in (train, recommend, models):
        group.register(app)
    return CliRunner().invoke(app, arguments)


def document(result: Result) -> dict[str, object]:
    assert result.exit_code == 0, result.exception
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    "command",
    [
        ["train"],
        ["recommend"],
        ["similar"],
        ["search"],
        ["explain"],
        *(["models", name] for name in ("list", "publish", "rollback", "compare", "settings")),
    ],
    ids=" ".join,
)
def test_help_shows_an_example(command: list[str]) -> None:
    assert f"Example: penchant {' '.join(command)}" in run(*command, "--help").stdout


def test_training_says_what_is_live(folder: Path) -> None:
    result = run("train", "--dir", str(folder), "--quiet", "--json")
    assert [(each["name"], each["published"]) for each in document(result)["trained"]] == [
        ("item-knn", True),
        ("popular", True),
        ("trending", True),
    ]
    assert "live" in run("train", "popular", "--dir", str(folder)).stdout


def test_an_answer_is_one_json_document(trained: Path) -> None:
    answer = document(run("recommend", "--dir", str(trained), "--scenario", "home", "--user", "u1", "--json", "--explain", "-n", "3"))
    assert answer["scenario"] == "home"
    assert answer["fallback_reason"] is None
    items = answer["items"]
    assert isinstance(items, list)
    assert len(items) == 3
    assert all(item["reasons"] for item in items)
    assert not {item["item_id"] for item in items} & {"i1", "i2", "i3", "i4"}


def test_people_read_titles_and_what_stands_behind(trained: Path) -> None:
    result = run("recommend", "--dir", str(trained), "--user", "u1", "--explain")
    assert "Thing 5" in result.stdout
    assert "because of Thing" in result.stdout
    assert result.stderr.startswith("home  ·  item-knn/")


def test_without_a_model_the_fallback_is_named_on_standard_error(folder: Path) -> None:
    result = run("recommend", "--dir", str(folder), "--user", "u1")
    assert len(result.stdout.splitlines()) == 4
    assert "fallback: no model is trained" in result.stderr


def test_a_title_cannot_steer_the_terminal(trained: Path) -> None:
    result = run("search", "evil", "--dir", str(trained))
    assert "\x1b" not in result.stdout
    assert "evil \\x1b[31m thing\\n8" in result.stdout


def test_similar_takes_several_items(trained: Path) -> None:
    answer = document(run("similar", "i1", "i2", "--dir", str(trained), "--json"))
    found = [item["item_id"] for item in answer["items"]]
    assert found
    assert not set(found) & {"i1", "i2"}


def test_search_finds_words(trained: Path) -> None:
    answer = document(run("search", "thing 7", "--dir", str(trained), "--json"))
    assert answer["items"][0]["item_id"] == "i7"


def test_a_list_is_put_in_order(trained: Path) -> None:
    arguments = [part for item in ("i7", "i5") for part in ("--seed-item", item)]
    answer = document(run("recommend", "--dir", str(trained), "--scenario", "rank", "--user", "u1", "--json", *arguments))
    assert {item["item_id"] for item in answer["items"]} == {"i5", "i7"}


def test_what_nobody_knows_and_what_is_left_are_said(trained: Path) -> None:
    unknown = ["--seed-item", "i7", "--seed-item", "nope"]
    assert "unknown: nope" in run("recommend", "--dir", str(trained), "--scenario", "rank", "--user", "u1", *unknown).stderr
    with Project.open(trained) as project:
        rows = [("u1", f"i{item}", 90_000 + item) for item in range(9)]
        project.events.append(EventBatch.of(pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")))
    assert "home  ·  no items  ·" in run("recommend", "--dir", str(trained), "--user", "u1").stderr


def test_explain_says_why_and_why_not(trained: Path) -> None:
    why = document(run("explain", "i5", "--dir", str(trained), "--user", "u1", "--json"))
    assert why["reasons"]
    result = run("explain", "i2", "--dir", str(trained), "--user", "u1")
    assert result.stdout.startswith("i2: left out: seen: already in the history")
    assert "retrieve  item-knn" in result.stdout


def test_models_are_listed_published_compared_and_rolled_back(trained: Path) -> None:
    run("train", "item-knn", "--dir", str(trained), "--quiet")
    rows = document(run("models", "list", "--dir", str(trained), "--json"))["models"]
    assert isinstance(rows, list)
    versions = [(row["version"], row["live"]) for row in rows if row["model"] == "item-knn"]
    assert [live for _, live in versions] == [False, True]
    assert run("models", "rollback", "item-knn", "--dir", str(trained)).stdout == f"live: {versions[0][0]}\n"
    assert run("models", "publish", versions[1][0], "--dir", str(trained)).stdout == f"live: {versions[1][0]}\n"
    assert f"* {versions[1][0]}" in run("models", "list", "--dir", str(trained)).stdout
    assert "they share 100%" in run("models", "compare", "item-knn", versions[0][0], "--dir", str(trained)).stdout


def test_a_damaged_version_is_listed_as_such(trained: Path) -> None:
    version = document(run("models", "list", "--dir", str(trained), "--json"))["models"][0]["version"]
    (trained / "models" / version / "manifest.json").write_text("{", encoding="utf-8")
    assert "cannot be read" in run("models", "list", "--dir", str(trained)).stdout


def test_settings_are_a_table_that_can_be_copied() -> None:
    import tomllib

    from penchant.models import ItemKNN

    shown = run("models", "settings", "item-knn").stdout
    table = tomllib.loads(shown)["models"]["item-knn"]
    assert table.pop("model") == "item-knn"
    assert table == ItemKNN().config.model_dump(mode="json", exclude_none=True)
    assert "# half_life_days is not set" in shown


def test_mistakes_fly_to_the_entry_point(trained: Path) -> None:
    assert isinstance(run("recommend", "--dir", str(trained / "nowhere")).exception, ConfigError)
    assert isinstance(run("recommend", "--dir", str(trained), "--scenario", "hoem").exception, RequestError)
    assert isinstance(run("models", "settings", "item-nkk").exception, ConfigError)


def test_reading_commands_work_while_another_process_writes(trained: Path) -> None:
    with Project.open(trained) as writer:
        writer.events.append(EventBatch.of([{"user_id": "u1", "item_id": "i8", "timestamp": 10**9}]))
        assert run("recommend", "--dir", str(trained), "--user", "u1").exit_code == 0
        assert run("train", "popular", "--dir", str(trained), "--quiet").exit_code == 0


def test_without_a_scenario_the_first_place_for_a_user_answers_whatever_its_name(trained: Path) -> None:
    path = trained / "penchant.toml"
    path.write_text(CONFIG.replace("[scenarios.home]", "[scenarios.articles]"), encoding="utf-8")
    assert document(run("recommend", "--dir", str(trained), "--user", "u1", "--json"))["scenario"] == "articles"
    assert run("explain", "--dir", str(trained), "--user", "u1", "i7").exit_code == 0


def test_the_number_of_items_has_a_long_name_too(trained: Path) -> None:
    assert len(document(run("recommend", "--dir", str(trained), "--n", "2", "--json"))["items"]) == 2  # type: ignore[arg-type]  # a list


def test_similar_knows_the_user_and_search_can_explain(trained: Path) -> None:
    for words in (["similar", "i3"], ["search", "thing"]):
        found = document(run(*words, "--dir", str(trained), "--user", "u1", "--explain", "-n", "2", "--json"))
        assert found["items"]


def test_the_help_of_settings_loses_no_word() -> None:
    assert "that a model's table in penchant.toml may hold" in " ".join(run("models", "settings", "--help").stdout.split())
