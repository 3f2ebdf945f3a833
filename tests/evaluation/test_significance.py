"""Intervals that hold, and a test that neither cries wolf nor sleeps."""

from itertools import product

import numpy as np
import pytest

from penchant.evaluation.significance import compare, confidence


def test_the_interval_is_that_of_the_normal_theory_on_many_requests() -> None:
    values = np.random.default_rng(1).random(4_000)
    low, high = confidence({"m": values})["m"]
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(2)
    intervals = [confidence({"m": (rng.random(120) < 0.3).astype(float)}, resamples=300)["m"] for _ in range(200)]
    held = np.mean([low <= 0.3 <= high for low, high in intervals])
    assert 0.90 <= held <= 0.985


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(3).random(50)
    assert confidence({"m": values}, seed=5) == confidence({"m": values}, seed=5)
    assert confidence({"m": values}, seed=5) != confidence({"m": values}, seed=6)


def test_undefined_requests_do_not_count_and_undefined_metrics_are_left_out() -> None:
    some = np.array([0.5, np.nan, 0.5, np.nan, 0.5])
    assert confidence({"some": some, "none": np.full(5, np.nan)}) == {"some": (0.5, 0.5)}
    assert confidence({}) == {}


def test_p_is_that_of_all_sign_flips() -> None:
    ours, theirs = np.array([0.9, 0.4, 0.5, 0.8, 0.3, 0.7, 0.2, 0.6]), np.array([0.5, 0.5, 0.1, 0.6, 0.3, 0.2, 0.4, 0.1])
    apart = ours - theirs
    exact = np.mean([abs(np.dot(signs, apart)) >= abs(apart.sum()) - 1e-12 for signs in product((-1, 1), repeat=8)])
    assert compare(ours, theirs).p == pytest.approx(exact, abs=0.02)


def test_equal_models_are_not_told_apart() -> None:
    values = np.random.default_rng(4).random(30)
    comparison = compare(values, values)
    assert (comparison.difference, comparison.low, comparison.high, comparison.p) == (0.0, 0.0, 0.0, 1.0)
    assert not comparison.significant


def test_chance_is_rarely_called_significant() -> None:
    rng = np.random.default_rng(5)
    found = [compare((rng.random(60) < 0.2).astype(float), (rng.random(60) < 0.2).astype(float)).significant for _ in range(60)]
    assert sum(found) <= 8


def test_a_clear_difference_is_significant_in_either_direction() -> None:
    rng = np.random.default_rng(6)
    better, worse = (rng.random(500) < 0.4).astype(float), (rng.random(500) < 0.2).astype(float)
    assert compare(better, worse).significant and compare(better, worse).low > 0
    assert compare(worse, better).significant and compare(worse, better).high < 0
