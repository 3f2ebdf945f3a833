from pathlib import Path

import polars as pl
import pytest

from penchant.core.errors import ConfigError, DataError
from penchant.core.events import EventBatch
from penchant.models import EASE, MODELS, ItemKNN
from penchant.models.base import FitOptions
from penchant.models.space import OneOf, Real, Whole
from penchant.scenarios import Project

pytest.importorskip("optuna", reason="tuning needs penchant[tune]")

from penchant.jobs import tune as tuning
from penchant.jobs.tune import STUDIES_FILE, Budget, tune

CONFIG = """
[models.steps]  # what comes next
model = "item-knn"
recency = 0.0  # as if nothing came before another

[models.popular]

[scenarios.home]
kind = "for-you"
retrievers = ["steps"]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Everybody walks round the catalogue, so what was met last counts most; each leaves out every fifth item."""
    monkeypatch.setattr(ItemKNN.Config, "space", {"recency": Real(0.1, 4)})
    (tmp_path / "penchant.toml").write_text(CONFIG, encoding="utf-8")
    opened = Project.open(tmp_path)
    rows = [
        (f"u{user}", f"i{(3 * user + step) % 40}", 1_000 * user + step) for user in range(40) for step in range(12) if (user + step) % 5
    ]
    opened.events.append(EventBatch.of(pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")))
    return opened


def test_better_settings_are_found_and_only_what_differs_is_told(project: Project) -> None:
    tuned = tune(project, "steps", Budget(5, trials=8), quiet=True)
    assert tuned.ndcg > tuned.before
    assert set(tuned.settings) == {"recency"}
    assert (tuned.name, tuned.model, tuned.n_trials) == ("steps", "item-knn", 8)


def test_the_result_is_never_worse_than_what_was(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ItemKNN.Config, "space", {"recency": OneOf((0.0, 1e-9))})
    tuned = tune(project, "steps", Budget(5, trials=2), quiet=True)
    assert tuned.ndcg >= tuned.before
    assert tuned.settings in ({}, {"recency": 1e-9})


def test_the_next_call_goes_on_where_the_last_ended(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    first = tune(project, "steps", Budget(5, trials=3), quiet=True)
    fitted: list[object] = []
    fit = ItemKNN.fit
    monkeypatch.setattr(ItemKNN, "fit", lambda self, *args: (fitted.append(self), fit(self, *args))[1])
    second = tune(project, "steps", Budget(5, trials=2), quiet=True)
    assert (project.dir / STUDIES_FILE).is_file()
    assert second.n_trials == 5
    assert len(fitted) == 2  # what was before is not judged again
    assert second.ndcg >= first.ndcg


def test_other_data_are_searched_anew(project: Project) -> None:
    tune(project, "steps", Budget(5, trials=2), quiet=True)
    project.events.append(EventBatch.of(pl.DataFrame({"user_id": ["u1"], "item_id": ["i1"], "timestamp": [10**6]})))
    assert tune(project, "steps", Budget(5, trials=1), quiet=True).n_trials == 1


def test_a_class_that_has_no_table_is_searched_from_its_defaults(project: Project) -> None:
    tuned = tune(project, "ease", Budget(5, trials=2), quiet=True)
    assert tuned.model == "ease"
    before = (project.dir / "penchant.toml").read_text()
    tuning.write(project, tuned)
    after = (project.dir / "penchant.toml").read_text()
    assert after.startswith(before.partition("[scenarios")[0].rstrip())
    with Project.open(project.dir) as again:
        assert again.config.models["ease"].settings == tuned.settings


def test_writing_keeps_comments_and_changes_one_value(project: Project) -> None:
    tuned = tune(project, "steps", Budget(5, trials=8), quiet=True)
    tuning.write(project, tuned)
    written = (project.dir / "penchant.toml").read_text()
    assert written == CONFIG.replace("recency = 0.0", f"recency = {tuned.settings['recency']}")


def test_an_interruption_keeps_the_best_so_far(project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    calls, fit = [0], ItemKNN.fit

    def interrupted(self: ItemKNN, *args: object) -> ItemKNN:
        calls[0] += 1
        if calls[0] == 4:
            raise KeyboardInterrupt
        return fit(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(ItemKNN, "fit", interrupted)
    tuned = tune(project, "steps", Budget(5), quiet=True)
    assert tuned.ndcg >= tuned.before > 0
    assert "interrupted; the best so far is kept" in caplog.text


def test_an_interruption_before_anything_is_known_is_the_callers(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: object, *args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ItemKNN, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tune(project, "steps", Budget(5), quiet=True)


def reporting(scores: dict[int, list[float]], told: list[int]) -> object:
    """A `_fit` that tells the scores of the trial whose number it is, and notes how many epochs it was let to do."""

    def fit(self: EASE, dataset: object, options: FitOptions) -> None:
        told.append(0)
        self._weights, self._learned = None, None
        for epoch, score in enumerate(scores.get(len(told) - 1, [0.5] * 9), 1):
            told[-1] = epoch
            if options.report is not None:
                options.report(epoch, score)

    return fit


def test_a_trial_that_is_far_behind_ends_early(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr(EASE, "_fit", reporting({7: [0.1] * 9}, told))
    monkeypatch.setattr(tuning, "mean_ndcg", lambda *args, **settings: 0.5)
    monkeypatch.setattr(EASE, "recommend", lambda *args: None)
    tune(project, "ease", Budget(5, trials=7), quiet=True)
    assert told == [9] * 7 + [3]


def test_time_that_runs_out_in_a_training_keeps_its_best_epoch(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    now = [0.0]
    monkeypatch.setattr(EASE, "_fit", reporting({1: [0.4, 0.7, 0.6]}, told))
    monkeypatch.setattr(tuning, "mean_ndcg", lambda *args, **settings: 0.5)
    monkeypatch.setattr(EASE, "recommend", lambda *args: None)
    monkeypatch.setattr(tuning.time, "monotonic", lambda: now[0] if sum(told) < 12 else 1_000.0)
    tuned = tune(project, "ease", Budget(1), quiet=True)
    assert told == [9, 3]
    assert (tuned.before, tuned.ndcg) == (0.5, 0.7)


def test_a_budget_below_one_training_says_so(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EASE, "_fit", reporting({}, []))
    with pytest.raises(ConfigError, match="minutes: one training of 'ease' takes longer"):
        tune(project, "ease", Budget(0), quiet=True)


def test_trials_that_fail_are_told_and_end_the_search_when_none_works(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ItemKNN.Config, "space", {"recency": Whole(-9, -1)})
    with pytest.raises(DataError, match=r"the last 10 trials failed; the last one: item-knn\.recency"):
        tune(project, "steps", Budget(5), quiet=True)
    assert "tune: trial 0 failed: item-knn.recency" in caplog.text


def test_what_cannot_be_searched_says_so(project: Project, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no model 'stepps'; did you mean 'steps'"):
        tune(project, "stepps", Budget(1), quiet=True)
    with pytest.raises(ConfigError, match="nothing of 'auto' is searched"):
        tune(project, "auto", Budget(1), quiet=True)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "penchant.toml").write_text(CONFIG)
    with Project.open(tmp_path / "empty") as empty, pytest.raises(DataError, match="there are no events"):
        tune(empty, "steps", Budget(1), quiet=True)


@pytest.mark.parametrize("name", MODELS)
def test_what_may_be_tried_is_a_setting_and_allowed(name: str) -> None:
    pytest.importorskip("torch", reason="some models need torch")
    kind = MODELS.load(name)
    for setting, knob in kind.Config.space.items():
        assert setting in kind.Config.model_fields
        for value in knob.values if isinstance(knob, OneOf) else (knob.low, knob.high):
            single = {"n_heads": 1} if setting == "embedding_dim" and "n_heads" in kind.Config.model_fields else {}
            kind(**{setting: value, **single})
        assert isinstance(knob, OneOf) or (knob.low < knob.high and (knob.low > 0 or not knob.log))
        assert isinstance(knob, Real | Whole | OneOf)
