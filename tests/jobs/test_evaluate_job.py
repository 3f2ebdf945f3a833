"""`evaluate_models` and `penchant evaluate`: from data or files to a report, whatever one of the models does."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from penchant.cli import evaluate as command
from penchant.core.errors import ConfigError, DataError
from penchant.data import Dataset
from penchant.evaluation.protocol import Protocol
from penchant.jobs.evaluate import BASELINES, evaluate_models
from penchant.models.base import FitOptions, Model

QUIET = FitOptions(quiet=True)
TINY = {"sasrec": {"epochs": 2, "embedding_dim": 8, "n_layers": 1, "n_heads": 1, "max_len": 10}}


def events(seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "user_id": [f"u{n}" for n in rng.integers(0, 40, 500)],
            "item_id": [f"i{n}" for n in np.minimum(rng.geometric(0.08, 500), 40)],
            "timestamp": rng.integers(10**9, 10**9 + 10**6, 500) * 10**6,
        }
    )


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return Dataset.from_events(events())


@pytest.mark.parametrize("protocol", ["leave-one-out", "temporal", "ratio"])
def test_every_protocol_makes_a_report(dataset: Dataset, protocol: str) -> None:
    report = evaluate_models(dataset, ["popular", "ease"], Protocol(name=protocol, at=5), options=QUIET)
    assert [result["model"] for result in report["results"]] == ["popular", "ease"]
    assert report["protocol"]["name"] == protocol
    assert all(0 <= result["metrics"]["ndcg@5"] <= 1 for result in report["results"])
    assert report["protocol"]["words"]
    json.dumps(report, allow_nan=False)


def test_the_same_seed_gives_the_same_report(dataset: Dataset) -> None:
    def numbers(seed: int) -> list[Any]:
        report = evaluate_models(dataset, ["popular", "als"], Protocol(seed=seed), options=QUIET)
        return [(result["metrics"], result["confidence"], result["buckets"]) for result in report["results"]]

    assert numbers(3) == numbers(3)
    assert numbers(3) != numbers(4)


def test_a_large_model_is_set_beside_the_simple_baselines(dataset: Dataset) -> None:
    pytest.importorskip("torch")
    report = evaluate_models(dataset, ["sasrec"], settings=TINY, options=QUIET)
    assert [result["model"] for result in report["results"]] == ["sasrec", *BASELINES]
    assert report["results"][0]["kind"] == "large"
    assert [point["epoch"] for point in report["results"][0]["curve"]] == [1, 2]
    assert report["verdict"]["large"] == "sasrec"
    assert report["verdict"]["simple"] in BASELINES


def test_a_student_with_nothing_to_learn_is_set_beside_the_simple_baselines(dataset: Dataset) -> None:
    pytest.importorskip("torch")
    student = {"student": {"teacher": {"model": "sasrec", **TINY["sasrec"]}, "read_len": 5}}
    report = evaluate_models(dataset, ["student"], settings=student, options=QUIET)
    assert "curve" not in report["results"][0]
    assert [result["model"] for result in report["results"]] == ["student", *BASELINES]
    assert report["verdict"]["large"] == "student"


def test_a_blend_is_set_beside_its_members_trained_once(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted: list[str] = []
    fit = Model.fit
    monkeypatch.setattr(Model, "fit", lambda self, *args: fitted.append(self.name) or fit(self, *args))  # type: ignore[func-returns-value]
    settings = {"auto": {"members": {"last-item": {}, "ease": {}}}}
    report = evaluate_models(dataset, ["auto", "last-item", "ease"], settings=settings, options=QUIET)
    assert sorted(fitted) == ["auto", "ease", "last-item"]
    assert [result["kind"] for result in report["results"]] == ["blend", "simple", "simple"]
    assert report["verdict"]["blend"]["model"] == "auto"
    assert report["verdict"]["blend"]["best"] in ("last-item", "ease")
    assert report["verdict"]["simple"] in ("last-item", "ease")


def test_the_large_member_of_a_blend_is_judged_alone_too(dataset: Dataset) -> None:
    pytest.importorskip("torch")
    settings = {"auto": {"members": {**TINY, "popular": {}}}}
    report = evaluate_models(dataset, ["auto"], settings=settings, options=QUIET)
    assert [result["model"] for result in report["results"]][:2] == ["auto", "sasrec"]
    assert report["results"][1]["config"]["epochs"] == TINY["sasrec"]["epochs"]


def test_a_model_that_cannot_run_is_named_and_does_not_stop_the_others(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penchant.models.ease.LIMIT", 3)
    report = evaluate_models(dataset, ["ease", "popular"], options=QUIET)
    assert [result["model"] for result in report["results"]] == ["popular"]
    (skipped,) = report["protocol"]["skipped"]
    assert skipped["model"] == "ease"
    assert "max_items" in skipped["reason"]


def test_when_no_model_can_run_the_reasons_are_the_error(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penchant.models.ease.LIMIT", 3)
    with pytest.raises(DataError, match="max_items"):
        evaluate_models(dataset, ["ease"], options=QUIET)


def test_wrong_names_and_settings_are_all_reported_before_anything_runs(dataset: Dataset) -> None:
    with pytest.raises(ConfigError) as caught:
        evaluate_models(dataset, ["popular", "eas"], settings={"ease": {"l3": 1}, "als": {"factors": "many"}}, options=QUIET)
    text = str(caught.value)
    assert "did you mean 'ease'" in text and "models.ease.l3" in text and "models.als.factors" in text


def test_refit_learns_from_everything_before_the_test(dataset: Dataset) -> None:
    plain = evaluate_models(dataset, ["popular"], Protocol(), options=QUIET)
    again = evaluate_models(dataset, ["popular"], Protocol(refit=True), options=QUIET)
    assert plain["results"][0]["metrics"] != again["results"][0]["metrics"]
    assert "trained again" in " ".join(again["protocol"]["words"])


def test_refit_trains_a_large_model_for_its_best_number_of_epochs(dataset: Dataset) -> None:
    pytest.importorskip("torch")
    report = evaluate_models(dataset, ["sasrec", "popular"], Protocol(refit=True), settings=TINY, options=QUIET)
    best = max(report["results"][0]["curve"], key=lambda point: point["ndcg@10"])
    assert report["results"][0]["config"]["epochs"] == best["epoch"]


@pytest.mark.parametrize("share", [{"test": 0.2}, {"validation": 0.2}])
def test_leave_one_out_refuses_shares(share: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="takes no shares"):
        Protocol(**share)


# ---- the command


def run(*words: str) -> Any:
    app = typer.Typer()
    command.register(app)
    app.command("other")(lambda: None)
    return CliRunner().invoke(app, ["evaluate", *words], catch_exceptions=True)


@pytest.fixture
def events_file(tmp_path: Path) -> Path:
    path = tmp_path / "clicks.csv"
    events().with_columns(pl.col("timestamp") // 10**6).write_csv(path)
    return path


def test_json_alone_prints_one_document(events_file: Path) -> None:
    result = run("--events", str(events_file), "--models", "popular,ease", "--quiet", "--json")
    assert result.exit_code == 0, result.output
    assert list(json.loads(result.stdout)) == ["dataset", "protocol", "results", "verdict"]


def test_json_and_report_go_to_files_and_the_table_to_the_screen(events_file: Path, tmp_path: Path) -> None:
    out, page = tmp_path / "out.json", tmp_path / "out.html"
    result = run(
        "--events", str(events_file), "--models", "popular, ease", "--at", "5", "--json", str(out), "--report", str(page), "--quiet"
    )
    assert result.exit_code == 0, result.output
    assert "ndcg@5" in json.loads(out.read_text())["results"][0]["metrics"]
    assert page.read_text().startswith("<!doctype html>")
    assert "NDCG@5" in result.stdout and "popular" in result.stdout and "Only simple models" in result.stdout


def test_settings_and_switches_reach_the_models(events_file: Path) -> None:
    flags = ("--set", "ease.l2=7", "--keep-seen", "--time-known", "--seed", "9", "--protocol", "ratio", "--test-share", "0.3")
    report = json.loads(run("--events", str(events_file), "--models", "ease", *flags, "--quiet", "--json", "-").stdout)
    assert report["results"][0]["config"]["l2"] == 7
    rules = report["protocol"]
    assert (rules["name"], rules["test"], rules["exclude_seen"], rules["time_known"], rules["seed"]) == ("ratio", 0.3, False, True, 9)
    assert rules["targets_seen_before"] == 0


def test_a_test_file_is_predicted_from_the_other(events_file: Path, tmp_path: Path) -> None:
    test = tmp_path / "later.csv"
    events(1).head(80).with_columns(pl.col("timestamp") // 10**6).write_csv(test)
    report = json.loads(run("--events", str(events_file), "--test-events", str(test), "--models", "popular", "--quiet", "--json").stdout)
    assert report["protocol"]["name"] == "given"
    assert report["protocol"]["test_events"] == 80


def test_a_project_gets_its_reports(events_file: Path, tmp_path: Path) -> None:
    from penchant.jobs.ingest import ingest
    from penchant.scenarios.project import Project

    with Project.create(tmp_path / "shop") as project:
        ingest(project, events=events_file)
    result = run("--dir", str(tmp_path / "shop"), "--models", "popular,ease", "--quiet", "--json")
    assert result.exit_code == 0, result.output
    written = tmp_path / "shop" / "reports"
    assert json.loads((written / "evaluation.json").read_text()) == json.loads(result.stdout)
    assert (written / "report.html").is_file()
    assert "replaces" not in result.stderr
    again = run("--dir", str(tmp_path / "shop"), "--models", "popular", "--quiet")
    assert f"replaces the report on popular, ease in {written}" in again.stderr


def test_a_project_s_models_go_by_their_own_names(events_file: Path, tmp_path: Path) -> None:
    from penchant.jobs.ingest import ingest
    from penchant.scenarios.project import CONFIG_FILE, Project

    with Project.create(tmp_path / "shop") as project:
        ingest(project, events=events_file)
    config = tmp_path / "shop" / CONFIG_FILE
    more = '[models.near]\nmodel = "item-knn"\nneighbours = 3\n\n[models.far]\nmodel = "item-knn"\nneighbours = 30\n\n'
    config.write_text(config.read_text(encoding="utf-8").replace("[models.auto]", f"{more}[models.auto]", 1), encoding="utf-8")
    words = ("--dir", str(tmp_path / "shop"), "--models", "near,far,item-knn", "--set", "far.neighbours=20", "--quiet", "--json")
    report = json.loads(run(*words).stdout)
    assert {each["model"]: each["config"]["neighbours"] for each in report["results"]} == {"near": 3, "far": 20, "item-knn": 100}
    wrong = run("--dir", str(tmp_path / "shop"), "--models", "near,middle", "--quiet").exception
    assert isinstance(wrong, ConfigError)
    assert "no model 'middle'" in str(wrong)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "either --events FILE or --dir PROJECT"),
        (("--dir", "x", "--events", "y"), "not both"),
        (("--dir", "x", "--items", "y"), "a project has its own catalogue"),
        (("--events", "x", "--protocol", "tmporal"), "did you mean 'temporal'"),
        (("--events", "x", "--models", "popular,eas"), "did you mean 'ease'"),
        (("--events", "x", "--set", "ease"), "MODEL.SETTING=VALUE"),
        (("--events", "x", "--at", "0"), "evaluate.at"),
    ],
)
def test_a_caller_s_mistake_is_named_before_anything_is_read(words: tuple[str, ...], message: str) -> None:
    error = run(*words).exception
    assert isinstance(error, ConfigError)
    assert message in str(error)
