"""init, import, datasets and doctor as they are typed."""

import gzip
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from penchant.cli import datasets, doctor, import_, init
from penchant.core.errors import ConfigError, DataError


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    for group in (init, import_, datasets, doctor):
        group.register(app)
    return app


@pytest.fixture
def project(app: typer.Typer, tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    result = CliRunner().invoke(app, ["init", str(folder)], catch_exceptions=False)
    assert result.exit_code == 0 and result.stdout.strip() == str(folder / "penchant.toml")
    return folder


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "events.csv.gz"
    rows = "".join(f"u{n % 7},i{n % 11},{1_500_000_000 + n}\n" for n in range(100))
    path.write_bytes(gzip.compress(f"buyer;thing;moment\n{rows}".replace(",", ";").encode()))
    return path


COLUMNS = ["--user-column", "buyer", "--item-column", "thing", "--time-column", "moment"]


def test_an_import_prints_decisions_steps_and_what_was_stored(app: typer.Typer, project: Path, events: Path) -> None:
    result = CliRunner().invoke(app, ["import", "--dir", str(project), "--events", str(events), *COLUMNS], catch_exceptions=False)
    assert result.exit_code == 0
    for part in ("timestamp: epoch seconds", "missing ids", "robots", "100 events stored, 0 were known"):
        assert part in result.stdout


def test_an_import_ends_with_what_there_is_and_tells_of_given_files_only(
    app: typer.Typer, project: Path, events: Path, tmp_path: Path
) -> None:
    items = tmp_path / "items.csv"
    items.write_text("item_id,title\n" + "".join(f"i{n},Thing {n}\n" for n in range(9)), encoding="ascii")
    given = ["import", "--dir", str(project), "--events", str(events), *COLUMNS]
    dry = CliRunner().invoke(app, [*given, "--dry-run"], catch_exceptions=False).stdout
    assert "dry run: 100 events are usable; nothing was written\nthe events are of 7 users and 11 items\n" in dry
    assert "the catalogue" not in dry
    told = CliRunner().invoke(app, ["import", "--dir", str(project), "--items", str(items)], catch_exceptions=False).stdout
    assert "9 items listed, 9 new, 0 brought up to date" in told
    told = CliRunner().invoke(app, given, catch_exceptions=False).stdout
    assert "events name 2 items that the catalogue does not have; they can be recommended, with their id only" in " ".join(told.split())


def test_an_import_as_json_is_one_document(app: typer.Typer, project: Path, events: Path) -> None:
    arguments = ["import", "--dir", str(project), "--events", str(events), *COLUMNS, "--json"]
    result = CliRunner().invoke(app, [*arguments, "--dry-run"], catch_exceptions=False)
    assert json.loads(result.stdout)["usable"] == 100
    assert json.loads(CliRunner().invoke(app, arguments, catch_exceptions=False).stdout)["stored"] == 100
    assert json.loads(CliRunner().invoke(app, arguments, catch_exceptions=False).stdout)["known"] == 100


def test_bad_rows_are_shown_as_text_whatever_they_hold(app: typer.Typer, project: Path, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("user,item,rating\nu,i,[red]x[/nothing]\nu,j,3\nu,k,4\n", encoding="ascii")
    result = CliRunner().invoke(app, ["import", "--dir", str(project), "--events", str(path)], catch_exceptions=False)
    assert "[red]x[/nothing]" in result.stdout


def test_a_strict_import_fails_with_the_rows(app: typer.Typer, project: Path, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("user,item\nu,i\n,j\n", encoding="ascii")
    with pytest.raises(DataError, match="row 3"):
        CliRunner().invoke(app, ["import", "--dir", str(project), "--events", str(path), "--strict"], catch_exceptions=False)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--robots", "shoot"], "robots: Input should be 'remove' or 'keep'"),
        (["--format", "exel"], "no source 'exel'"),
        (["--time-format", "minutes"], "neither a unit"),
        (["--user-column", "byer"], "did you mean 'buyer'"),
    ],
)
def test_a_wrong_flag_says_what_is_allowed(app: typer.Typer, project: Path, events: Path, arguments: list[str], part: str) -> None:
    with pytest.raises((ConfigError, DataError), match=part.replace("?", r"\?")):
        CliRunner().invoke(app, ["import", "--dir", str(project), "--events", str(events), *COLUMNS, *arguments], catch_exceptions=False)


def test_a_tab_can_be_typed(app: typer.Typer, project: Path, tmp_path: Path) -> None:
    path = tmp_path / "events.txt"
    path.write_text("user\titem\nu\ti\n", encoding="ascii")
    result = CliRunner().invoke(
        app, ["import", "--dir", str(project), "--events", str(path), "--delimiter", "\\t", "--json"], catch_exceptions=False
    )
    assert json.loads(result.stdout)["stored"] == 1


def test_data_sets_are_listed_with_licence_and_home_page(app: typer.Typer) -> None:
    found = json.loads(CliRunner().invoke(app, ["datasets", "list", "--json"], catch_exceptions=False).stdout)
    assert {"ml-100k", "ml-1m", "online-retail"} <= {each["name"] for each in found}
    assert all(each["licence"] and each["home"] for each in found)
    assert "ml-100k" in CliRunner().invoke(app, ["datasets", "list"], catch_exceptions=False).stdout


def test_a_data_set_that_is_there_is_named_on_standard_output(app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from penchant.data import library

    monkeypatch.setattr(library, "fetch", lambda name, into, source: into / name)
    result = CliRunner().invoke(app, ["datasets", "get", "ml-100k", "--into", str(tmp_path)], catch_exceptions=False)
    assert result.stdout.strip() == str(tmp_path / "ml-100k")
    assert "licence" in result.stderr


def test_the_doctor_answers_in_words_and_in_json(app: typer.Typer) -> None:
    assert "sqlite" in CliRunner().invoke(app, ["doctor"], catch_exceptions=False).stdout
    sizes = ["--users", "10", "--items", "10", "--events", "100"]
    found = json.loads(CliRunner().invoke(app, ["doctor", *sizes, "--json"], catch_exceptions=False).stdout)
    assert found["predictions"][-1]["job"] == "auto"
    with pytest.raises(ConfigError, match="all three"):
        CliRunner().invoke(app, ["doctor", "--users", "10"], catch_exceptions=False)


@pytest.mark.parametrize("command", [["init"], ["import"], ["datasets", "list"], ["datasets", "get"], ["doctor"]])
def test_help_shows_an_example(app: typer.Typer, command: list[str]) -> None:
    assert "Example: penchant" in CliRunner().invoke(app, [*command, "--help"]).stdout
