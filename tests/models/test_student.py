"""What a student promises beyond the contract that all models pass."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from penchant.core.errors import ConfigError
from penchant.core.types import Queries
from penchant.data import Dataset, Interactions, Vocabulary
from penchant.models.base import FitOptions
from penchant.testing.data import everyday

pytest.importorskip("torch", reason="a student needs torch")

from penchant.models import BERT4Rec, LastItem, SASRec, Student

QUIET = FitOptions(quiet=True)
SMALL: dict[str, Any] = {"max_len": 12, "embedding_dim": 16, "n_layers": 1, "epochs": 2, "batch_size": 4, "precision": "float32"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a saved teacher."""
    saved = tmp_path_factory.mktemp("models") / "teacher"
    SASRec(**{**SMALL, "epochs": 20}).fit(everyday(), QUIET).save(saved)
    return saved


def shares(model: Any, dataset: Dataset) -> np.ndarray:
    """[B, n_items] of the model's softmax. `Any`: of two kinds."""
    powers = np.exp(model.scores(dataset.queries()))
    found: np.ndarray = powers / powers.sum(1, keepdims=True)
    return found


def test_a_student_that_trusts_its_teacher_says_what_it_says(folder: Path) -> None:
    dataset, teacher = everyday(), SASRec.load(folder)
    own, told = (
        Student(**{**SMALL, "epochs": 20}, teacher=str(folder), distillation_weight=trust, dropout=0.0).fit(dataset, QUIET)
        for trust in (0.0, 1.0)
    )
    wanted = shares(teacher, dataset)
    apart = [float(np.abs(shares(model, dataset) - wanted).sum(1).mean()) for model in (own, told)]
    assert apart[1] < apart[0]


def test_without_trust_the_loss_is_that_of_a_model_alone(folder: Path) -> None:
    dataset = everyday()
    alike = {**SMALL, "attention": "softmax", "feed_forward": "gelu", "position": "learned", "time": "none"}
    student = Student(**alike, n_heads=2, teacher=str(folder), distillation_weight=0.0).fit(dataset, QUIET)
    alone = SASRec(**alike).fit(dataset, QUIET)
    np.testing.assert_array_equal(student.scores(dataset.queries()), alone.scores(dataset.queries()))


def test_a_teacher_is_found_by_its_name(folder: Path) -> None:
    student = Student(**SMALL, teacher="main").fit(everyday(), FitOptions(quiet=True, models={"main": folder}))
    assert student.facts["teacher"]["model"] == "sasrec"
    assert "teacher" not in vars(student)  # it is not kept


def test_items_that_are_newer_than_the_teacher_are_learned_from_the_data(folder: Path) -> None:
    old = everyday()
    events, fresh = old.interactions, old.n_items
    interactions = Interactions.sort(
        np.concatenate([events.users, np.repeat(np.int32(3), 4)]),
        np.concatenate([events.items, np.array([fresh, 0, fresh, 1], np.int32)]),
        np.concatenate([events.timestamps, events.timestamps.max() + np.arange(4)]),
        event_types=np.append(events.event_types, np.zeros(4, np.int16)),
        values=np.append(events.values, np.ones(4, np.float32)),
        n_users=old.n_users,
    )
    dataset = Dataset(interactions, old.users, Vocabulary((*old.items.ids, "fresh")), old.event_types)
    student = Student(**SMALL, teacher=str(folder)).fit(dataset, QUIET)
    assert np.isfinite(student.scores(dataset.queries())).all()


def test_what_cannot_teach_says_so(folder: Path, tmp_path: Path) -> None:
    dataset = everyday()
    with pytest.raises(ConfigError, match="no trained model 'mian', and no such folder; did you mean 'main'"):
        Student(**SMALL, teacher="mian").fit(dataset, FitOptions(quiet=True, models={"main": folder}))
    with pytest.raises(ConfigError, match="no such model; did you mean 'hstu'"):
        Student(teacher={"model": "hstuu"})
    with pytest.raises(ConfigError, match="n_layer: no such setting; did you mean 'n_layers'"):
        Student(teacher={"model": "hstu", "n_layer": 4})
    with pytest.raises(ConfigError, match="max_len: at most that of the teacher, 12; received: 13"):
        Student(**{**SMALL, "max_len": 13}, teacher=str(folder)).fit(dataset, QUIET)
    other = dataset.keep(np.ones(dataset.n_events, dtype=bool))
    LastItem().fit(other, QUIET).save(tmp_path / "last")
    BERT4Rec(**SMALL).fit(other, QUIET).save(tmp_path / "bert")
    for name in ("last", "bert"):
        with pytest.raises(ConfigError, match="does not say what comes next at every place"):
            Student(**SMALL, teacher=str(tmp_path / name)).fit(dataset, QUIET)
    strangers = Dataset.from_events(pl.DataFrame({"user_id": ["a"] * 3, "item_id": ["x", "y", "z"], "timestamp": [1, 2, 3]}))
    with pytest.raises(ConfigError, match="learned from other items; train it on these data first"):
        Student(**SMALL, teacher=str(folder)).fit(strangers, QUIET)


def test_a_student_is_built_as_its_teacher_and_reads_less(folder: Path, tmp_path: Path) -> None:
    dataset, teacher = everyday(), SASRec.load(folder)
    student = Student(teacher=str(folder), read_len=2, epochs=1).fit(dataset, QUIET)
    for name in ("max_len", "embedding_dim", "n_layers", "attention", "position", "time", "temperature"):
        assert getattr(student.config, name) == getattr(teacher.config, name)
    assert Student(teacher=str(folder), n_layers=0, epochs=1).fit(dataset, QUIET).config.n_layers == 0
    queries = Queries.of([[1, 2, 3, 4], [9, 3, 4]])
    student.save(tmp_path / "student")
    for each in (student, Student.load(tmp_path / "student")):
        scores = each.scores(queries)
        np.testing.assert_allclose(scores[0], scores[1], rtol=1e-5)  # the latest two are the same


def test_a_student_that_only_reads_less_is_its_teacher(folder: Path) -> None:
    dataset, teacher = everyday(), SASRec.load(folder)
    student = Student(teacher=str(folder), read_len=3).fit(dataset, QUIET)
    assert "curve" not in student.facts  # it learned nothing
    teacher._encoder.longest.fill_(3)
    queries = dataset.queries()
    np.testing.assert_allclose(student.scores(queries), teacher.scores(queries), rtol=1e-4, atol=1e-4)
    assert "curve" in Student(teacher=str(folder), read_len=3, epochs=1).fit(dataset, QUIET).facts
    assert "curve" in Student(teacher=str(folder), n_layers=0, embedding_dim=8).fit(dataset, QUIET).facts


def test_a_teacher_that_knows_other_kinds_of_events_is_refused(tmp_path: Path) -> None:
    dataset = everyday()
    SASRec(**SMALL, inputs=("event_type",)).fit(dataset, QUIET).save(tmp_path / "teacher")
    renamed = replace(dataset, event_types=Vocabulary(dataset.event_types.ids[::-1]))
    with pytest.raises(ConfigError, match="knows other values of 'event_type'"):
        Student(**SMALL, teacher=str(tmp_path / "teacher")).fit(renamed, QUIET)
    Student(**SMALL, teacher=str(tmp_path / "teacher")).fit(dataset, QUIET)
