import pytest

from penchant.training.schedules import SCHEDULES, constant, step, warmup_cosine


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_rises_to_one_and_stays_within_zero_and_one(name: str) -> None:
    schedule = SCHEDULES[name](0.1)
    assert 0 < schedule(0.0) < schedule(0.05) < schedule(0.1) == pytest.approx(1)
    assert all(0 <= schedule(done / 100) <= 1 for done in range(100))


def test_cosine_falls_to_its_floor() -> None:
    assert warmup_cosine(0.1)(1.0) == pytest.approx(0)
    assert warmup_cosine(0.1, floor=0.2)(1.0) == pytest.approx(0.2)
    assert warmup_cosine(0.1)(0.55) == pytest.approx(0.5)


def test_constant_stays() -> None:
    assert constant(0.1)(0.5) == constant(0.1)(0.99) == 1.0


def test_step_falls_to_a_tenth_twice() -> None:
    assert [step(0.1)(done) for done in (0.3, 0.6, 0.9)] == pytest.approx([1, 0.1, 0.01])
