"""The doctor looks at this machine and predicts before anything is loaded."""

import json
from pathlib import Path

import pytest

from penchant.jobs import doctor
from penchant.models.auto import COUNTING
from penchant.models.ease import LIMIT
from penchant.models.encoder_config import WHOLE

RATES = doctor.Rates(flops=1e11, sparse_products=2e8, imports=50_000.0)


def by_job(users: int, items: int, events: int) -> dict[str, doctor.Prediction]:
    return {each.job: each for each in doctor.predict(users, items, events, RATES)}


def test_every_part_of_the_machine_is_looked_at(tmp_path: Path) -> None:
    checks = {check.name: check for check in doctor.diagnose(tmp_path / "not" / "there" / "yet")}
    assert {"python", "platform", "cores", "memory available", "disk free", "sqlite", "torch"} <= set(checks)
    assert checks["python"].fine and not checks["python"].advice
    assert int(checks["cores"].value) >= 1


@pytest.mark.parametrize(("version", "warned"), [((3, 40, 1), True), ((3, 51, 2), True), ((3, 51, 3), False), ((3, 50, 7), False)])
def test_a_sqlite_that_can_lose_pages_is_named(monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], warned: bool) -> None:  # noqa: FBT001
    monkeypatch.setattr(doctor.sqlite3, "sqlite_version_info", version)
    check = next(check for check in doctor.diagnose(Path()) if check.name == "sqlite")
    assert ("lose pages" in check.advice) == warned


def test_every_model_family_is_predicted() -> None:
    jobs = {"import", "load for training", "popular", "last-item", "item-knn", "user-knn", "ease", "als", "sasrec", "auto"}
    assert jobs == set(by_job(100, 100, 1_000))


def test_predictions_grow_with_the_data() -> None:
    small, large = by_job(6_000, 4_000, 1_000_000), by_job(60_000, 40_000, 10_000_000)
    for job, prediction in small.items():
        assert large[job].memory_bytes >= prediction.memory_bytes
        assert large[job].minutes > prediction.minutes
    assert large["ease"].memory_bytes > 12 * 40_000**2


def test_what_was_measured_is_predicted_within_a_factor_of_three() -> None:
    """MovieLens-1M: 138 bytes an event on disk; reading needs 240 MiB; EASE keeps 3,706² floats."""
    found = by_job(6_040, 3_706, 1_000_209)
    assert found["import"].disk_bytes == pytest.approx(138e6, rel=0.2)
    assert found["ease"].disk_bytes == 4 * 3_706**2
    assert found["import"].memory_bytes < 600 << 20


def test_a_large_catalogue_is_learned_from_a_sample_of_it() -> None:
    whole, sampled = by_job(60_000, WHOLE, 10_000_000), by_job(60_000, WHOLE + 1, 10_000_000)
    assert sampled["sasrec"].minutes < whole["sasrec"].minutes / 3
    assert by_job(60_000, 10 * WHOLE, 10_000_000)["sasrec"].minutes > sampled["sasrec"].minutes


def test_the_default_model_takes_as_long_as_its_members_and_leaves_out_what_does_not_fit() -> None:
    found = by_job(60_000, LIMIT, 10_000_000)
    members = [found[name] for name in doctor.BLEND]
    assert max(member.minutes for member in members) < found["auto"].minutes < 2 * sum(member.minutes for member in members)
    assert found["auto"].memory_bytes > found["ease"].memory_bytes
    tight = doctor.predict(60_000, LIMIT, 10_000_000, RATES, room=int(found["ease"].memory_bytes) - 1)[-1]
    wide = by_job(60_000, LIMIT + 1, 10_000_000)["auto"]  # too many items for EASE, whatever the memory
    for each in (tight, wide):
        assert "ease" not in each.formula and "sasrec" in each.formula
        assert each.memory_bytes < found["ease"].memory_bytes


def test_the_members_of_auto_are_those_that_are_predicted() -> None:
    assert set(doctor.BLEND) == {*COUNTING, "sasrec"} - {"trending"}


def test_rates_are_measured_by_doing() -> None:
    rates = doctor.measure()
    assert rates.flops > 1e8 and rates.sparse_products > 1e5 and rates.imports > 100


def test_the_report_is_json_and_predicts_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "measure", lambda: RATES)
    assert "predictions" not in doctor.report(tmp_path)
    found = json.loads(json.dumps(doctor.report(tmp_path, users=10, items=10, events=100)))
    assert found["sizes"] == {"users": 10, "items": 10, "events": 100}
    assert {"job", "memory_bytes", "disk_bytes", "minutes", "formula"} == set(found["predictions"][0])


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (2048, "2 KiB"), (5 << 20, "5.0 MiB"), (3 << 30, "3.0 GiB"), (2 << 40, "2.0 TiB")])
def test_sizes_are_said_for_people(size: float, text: str) -> None:
    assert doctor.in_bytes(size) == text


@pytest.mark.parametrize(("minutes", "text"), [(0.01, "seconds"), (3.2, "3.2 min"), (180, "3.0 h"), (60 * 24 * 30, "30 days")])
def test_durations_are_said_for_people(minutes: float, text: str) -> None:
    assert doctor.in_time(minutes) == text
