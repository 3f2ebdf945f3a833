import logging
import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from penchant.core.artifact import Artifact
from penchant.core.errors import ArtifactError, ArtifactNotFound, ConfigError, DataError, StoreUnavailable
from penchant.core.events import EventBatch
from penchant.core.types import FloatArray, Queries
from penchant.jobs import publish as publishing
from penchant.jobs.checkpoints import begin, left_at
from penchant.jobs.train import CHECKPOINTS_FOLDER, train
from penchant.models import ItemKNN
from penchant.scenarios import Engine, Project, Request
from penchant.scenarios.project import CURSOR
from penchant.stores.files import FileArtifactStore

CONFIG = """
[models.item-knn]
[models.popular]
[scenarios.home]
kind = "for-you"
retrievers = ["item-knn"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "penchant.toml").write_text(CONFIG, encoding="utf-8")
    opened = Project.open(tmp_path)
    rows = [(f"u{user}", f"i{(user + step) % 9}", 1_000 * user + step) for user in range(9) for step in range(4)]
    opened.events.append(EventBatch.of(pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")))
    return opened


def forged(project: Project, number: float) -> Artifact:
    artifact = ItemKNN().fit(project.dataset()).artifact()
    arrays = {name: np.full_like(array, number) if array.dtype == np.float32 else array for name, array in artifact.arrays.items()}
    return replace(artifact, arrays=arrays)


def test_every_configured_model_is_trained_on_all_events_and_published(project: Project) -> None:
    trained = train(project, quiet=True)
    assert [each.name for each in trained] == ["item-knn", "popular"]
    for each in trained:
        assert each.published
        assert project.artifacts.live(each.name) == each.version
        facts = project.artifacts.get(each.version).facts
        assert (facts["n_events"], facts["n_users"], facts["n_items"], facts[CURSOR]) == (36, 9, 9, 36)
        assert facts["seconds"] == each.seconds >= 0
    assert not list((project.dir / CHECKPOINTS_FOLDER).glob("*/*"))


def test_one_model_can_be_trained_alone(project: Project) -> None:
    assert [each.name for each in train(project, "popular", quiet=True)] == ["popular"]
    assert project.artifacts.live("item-knn") is None


def test_a_person_who_is_erased_during_a_training_is_in_no_later_one(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = ItemKNN._fit

    def erased_meanwhile(self: ItemKNN, *arguments: Any) -> None:
        project.store.erase("u3")
        fit(self, *arguments)

    monkeypatch.setattr(ItemKNN, "_fit", erased_meanwhile)
    first = train(project, quiet=True)
    monkeypatch.undo()
    assert all(each.published for each in first)
    assert {each.version: project.artifacts.get(each.version).facts["n_users"] for each in first} == {each.version: 9 for each in first}
    for each in train(project, quiet=True):
        assert project.artifacts.get(each.version).facts["n_users"] == 8


def test_without_publishing_a_version_is_saved_and_not_live(project: Project) -> None:
    (trained,) = train(project, "popular", quiet=True, publish=False)
    assert not trained.published
    assert project.artifacts.versions("popular") == [trained.version]
    assert project.artifacts.live("popular") is None


def test_wrong_settings_of_all_models_are_reported_before_any_training(tmp_path: Path) -> None:
    text = CONFIG.replace("[models.item-knn]", "[models.item-knn]\nneighbors = 3\nb = 9.0").replace(
        "[models.popular]", "[models.popular]\nhalflife = 1"
    )
    (tmp_path / "penchant.toml").write_text(text, encoding="utf-8")
    with Project.open(tmp_path) as project, pytest.raises(ConfigError) as caught:
        train(project, quiet=True)
    where = f"{tmp_path / 'penchant.toml'}: "
    assert all(problem.startswith(where) for problem in caught.value.problems)
    problems = [problem.removeprefix(where) for problem in caught.value.problems]
    assert any(problem.startswith("models.item-knn.neighbors: no such setting; did you mean 'neighbours'?") for problem in problems)
    assert any(problem.startswith("models.item-knn.b: ") for problem in problems)
    assert any(problem.startswith("models.popular.halflife: no such setting") for problem in problems)


def test_an_unknown_name_is_told_the_nearest(project: Project) -> None:
    with pytest.raises(ConfigError, match="no model 'poplar'; did you mean 'popular'"):
        train(project, "poplar", quiet=True)


def test_without_events_there_is_nothing_to_learn_from(tmp_path: Path) -> None:
    (tmp_path / "penchant.toml").write_text(CONFIG, encoding="utf-8")
    with Project.open(tmp_path) as project, pytest.raises(DataError, match="no events to learn from; run `penchant import`"):
        train(project, quiet=True)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_model_with_numbers_that_are_not_finite_never_goes_live(project: Project, number: float) -> None:
    (before,) = train(project, "item-knn", quiet=True)
    version = project.artifacts.put("item-knn", forged(project, number))
    with pytest.raises(ArtifactError, match=r"not published: .* holds numbers that are not finite; what was live stays live"):
        publishing.publish(project, version)
    assert project.artifacts.live("item-knn") == before.version


def test_a_model_without_answers_never_goes_live(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (before,) = train(project, "item-knn", quiet=True)
    monkeypatch.setattr(ItemKNN, "_scores", lambda self, queries: np.full((len(queries), self.n_items), -np.inf, np.float32))
    (trained,) = train(project, "item-knn", quiet=True)
    assert not trained.published
    assert trained.problem == "it has no answer for 9 of 9 users"
    assert project.artifacts.live("item-knn") == before.version


def shop(folder: Path, users: int, items: int, more: int) -> Project:
    """Each of `users` people had four of `items` things, each thing as often as another; and `more` events with the first."""
    (folder / "penchant.toml").write_text(CONFIG, encoding="utf-8")
    rows = [(f"u{user}", f"i{(user + step) % items}", 1_000 * user + step) for user in range(users) for step in range(4)]
    rows += [(f"u{user}", "i0", 1_000 * user + 10) for user in range(more)]
    opened = Project.open(folder)
    opened.events.append(EventBatch.of(pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")))
    return opened


def indifferent(self: ItemKNN, queries: Queries) -> FloatArray:
    return np.full((len(queries), self.n_items), 0.5, np.float32)


def test_a_model_to_which_all_items_are_the_same_never_goes_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with shop(tmp_path, users=12, items=12, more=3) as project:
        (before,) = train(project, "item-knn", quiet=True)
        assert before.published
        monkeypatch.setattr(ItemKNN, "_scores", indifferent)
        (trained,) = train(project, "item-knn", quiet=True)
        assert trained.problem.startswith("to each user with a history all items are worth the same")
        assert project.artifacts.live("item-knn") == before.version
        (popular,) = train(project, "popular", quiet=True)  # the same for all, but not of all
        assert popular.published


@pytest.mark.parametrize(
    ("users", "items", "more", "name"),
    [
        pytest.param(12, 2, 3, "item-knn", id="two items"),
        pytest.param(12, 10, 3, "item-knn", id="items of one answer"),
        pytest.param(9, 12, 3, "item-knn", id="few users"),
        pytest.param(12, 12, 0, "popular", id="all equally popular"),
    ],
)
def test_a_model_that_has_an_excuse_for_equal_scores_goes_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, users: int, items: int, more: int, name: str
) -> None:
    monkeypatch.setattr(ItemKNN, "_scores", indifferent)
    with shop(tmp_path, users, items, more) as project:
        (trained,) = train(project, name, quiet=True)
    assert trained.published, trained.problem


def test_publish_and_rollback_change_what_answers(project: Project) -> None:
    (first,), (second,) = (train(project, "item-knn", quiet=True) for _ in range(2))
    engine = Engine(project)
    request = Request("home", user_id="u1")
    assert engine.recommend(request).model_version == second.version
    assert publishing.rollback(project, "item-knn") == first.version
    engine.refresh()
    assert engine.recommend(request).model_version == first.version
    publishing.publish(project, second.version)
    engine.refresh()
    assert engine.recommend(request).model_version == second.version


def test_comparing_shows_facts_and_how_far_answers_agree(project: Project) -> None:
    train(project, quiet=True)
    same = publishing.compare(project, "item-knn", "item-knn")
    assert (same.overlap, same.n_users) == (1.0, 9)
    other = publishing.compare(project, "item-knn", project.artifacts.versions("popular")[0])
    assert 0 <= other.overlap <= 1
    assert other.second["model"] == "popular"
    assert other.as_json()["overlap@10"] == other.overlap


def test_comparing_what_nobody_published_says_so(project: Project) -> None:
    with pytest.raises(ArtifactNotFound, match="no version of 'item-knn' is published"):
        publishing.compare(project, "item-knn", "popular")


def test_an_interrupted_training_keeps_what_was_finished(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: object, dataset: object, options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("penchant.models.popular.Popular._fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(project, quiet=True)
    assert project.artifacts.live("item-knn") is not None
    assert project.artifacts.live("popular") is None


def test_a_model_that_the_disk_does_not_take_is_not_lost(
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    no_larger: Callable[[int], AbstractContextManager[None]],
) -> None:
    learning = pytest.importorskip("penchant.models.learning", reason="only what learns by steps has checkpoints")
    monkeypatch.setattr(learning, "Run", partial(learning.Run, checkpoint_every_s=0.0))
    table = '[models.main]\nmodel = "sasrec"\nmax_len = 8\nembedding_dim = 8\nn_layers = 1\nepochs = 2\n'
    (tmp_path / "penchant.toml").write_text(CONFIG + table, encoding="utf-8")
    put = FileArtifactStore.put

    def put_on_a_full_disk(self: FileArtifactStore, name: str, artifact: Artifact) -> str:
        with no_larger(100):
            return put(self, name, artifact)

    with Project.open(tmp_path) as again, caplog.at_level(logging.INFO, "penchant"):
        monkeypatch.setattr(FileArtifactStore, "put", put_on_a_full_disk)
        with pytest.raises(StoreUnavailable, match="the model was not saved"):
            train(again, "main", quiet=True)
        monkeypatch.setattr(FileArtifactStore, "put", put)
        (trained,) = train(again, "main", quiet=True)
    assert "goes on from epoch 2" in caplog.text
    assert trained.published
    assert not (tmp_path / CHECKPOINTS_FOLDER / "main").exists()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ("nothing", None),
        ("newer events", None),
        ("settings", r"main: an interrupted training was left and this one begins anew, for they differ: config\.epochs: 2 → 3$"),
        ("events", r"begins anew, for they differ: the events are others$"),
        ("version", r"begins anew, for they differ: version: '[\d.]+' → '0\.0\.1'$"),
        ("damaged", r"begins anew, for they differ: what it was of cannot be read"),
    ],
)
def test_an_interrupted_training_of_something_else_is_told_and_begun_anew(
    tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, changed: str, told: str | None
) -> None:
    learning = pytest.importorskip("penchant.models.learning", reason="only what learns by steps has checkpoints")
    monkeypatch.setattr(learning, "Run", partial(learning.Run, checkpoint_every_s=0.0))
    table = '[models.main]\nmodel = "sasrec"\nmax_len = 8\nembedding_dim = 8\nn_layers = 1\nepochs = 2\n'
    config, home = tmp_path / "penchant.toml", tmp_path / CHECKPOINTS_FOLDER / "main"
    config.write_text(CONFIG + table, encoding="utf-8")

    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    with Project.open(tmp_path) as again, monkeypatch.context() as patch:
        patch.setattr(FileArtifactStore, "put", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(again, "main", quiet=True)
    (identity,) = home.glob("*/identity.json")
    if changed in ("events", "newer events"):  # an item that nobody has met yet changes what the others are compared with
        item = "i1" if changed == "newer events" else "never met"
        project.events.append(EventBatch.of([{"user_id": "new", "item_id": item, "timestamp": 99_000}]))
    elif changed == "version":
        monkeypatch.setattr("penchant.models.identity.version", lambda _: "0.0.1")
    elif changed != "nothing":
        config.write_text(CONFIG + table.replace("epochs = 2", "epochs = 3"), encoding="utf-8")
    if changed == "damaged":
        identity.write_text("{")
    caplog.clear()
    with Project.open(tmp_path) as again, caplog.at_level(logging.INFO, "penchant"):
        assert train(again, "main", quiet=True)[0].published
    said = [record.getMessage() for record in caplog.records]
    assert [line for line in said if "goes on from" in line] == (["sasrec: goes on from epoch 2, batch 2"] if told is None else [])
    assert [bool(told and re.search(told, line)) for line in said if "anew" in line] == ([] if told is None else [True])
    assert ("train: goes on with the events that it had begun with; 1 newer ones are for the next training" in said) == (
        changed == "newer events"
    )
    assert not home.exists()


def test_a_training_that_was_left_long_ago_does_not_go_on(tmp_path: Path) -> None:
    settings, folder = {"model": "sasrec"}, tmp_path / "main/one"
    begin(folder, {**settings, "data": {}}, 7)
    kept = folder / "checkpoint.safetensors"
    kept.touch()
    assert left_at(folder.parent, settings) == 7
    assert left_at(folder.parent, {"model": "hstu"}) is None
    os.utime(kept, (0, 0))
    assert left_at(folder.parent, settings) is None


def test_a_student_is_trained_after_its_teacher_and_from_it(project: Project, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="a student needs torch")
    small = "max_len = 8\nembedding_dim = 8\nn_layers = 1\nepochs = 1\n"
    tables = f'[models.fast]\nmodel = "student"\nteacher = "main"\n{small}[models.main]\nmodel = "hstu"\n{small}'
    (tmp_path / "penchant.toml").write_text(CONFIG + tables, encoding="utf-8")
    with Project.open(tmp_path) as again:
        trained = train(again, quiet=True)
        assert [each.name for each in trained] == ["item-knn", "popular", "main", "fast"]
        assert all(each.published for each in trained)
        assert again.artifacts.get(trained[-1].version).facts["teacher"]["model"] == "hstu"
