import numpy as np
import pytest

from penchant.models.choice import Choices, fit, gains, log_likelihood


def simulated(weights: list[float], requests: int = 4_000, candidates: int = 8) -> Choices:
    """Requests that choose one candidate each with the probabilities of a conditional logit model of these weights."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(requests, candidates, len(weights))).astype(np.float32)
    utility = features @ np.array(weights) + rng.gumbel(size=(requests, candidates))
    chosen = (utility == utility.max(axis=1, keepdims=True)).astype(np.float32)
    rows = np.repeat(np.arange(requests), candidates)
    return Choices(rows, features.reshape(-1, len(weights)), chosen.reshape(-1))


def test_the_weights_that_made_the_choices_are_found() -> None:
    true = [1.5, -0.5, 0.0]
    found = fit(simulated(true), np.zeros(3), np.zeros(3))
    np.testing.assert_allclose(found, true, atol=0.1)


def test_the_gradient_is_zero_at_the_solution() -> None:
    choices = simulated([0.7, 0.2], requests=300)
    best, strength = fit(choices, np.ones(2), np.full(2, 0.01)), 0.01

    def loss(weights: np.ndarray) -> float:  # type: ignore[type-arg]
        return -float(log_likelihood(choices, weights).mean()) + strength * float(((weights - 1) ** 2).sum())

    for step in (np.array([0.01, 0]), np.array([0, 0.01])):
        assert loss(best) < loss(best + step)
        assert loss(best) < loss(best - step)


def test_a_strong_prior_stays() -> None:
    prior = np.array([0.25, -3.0])
    np.testing.assert_allclose(fit(simulated([1.0, 1.0], requests=200), prior, np.full(2, 1e6)), prior, atol=1e-4)


def test_gains_count_the_first_ten_places() -> None:
    rows = np.repeat([0, 1], 12)
    scores = np.tile(np.arange(12, 0, -1), 2).astype(np.float32)
    chosen = np.zeros(24, np.float32)
    chosen[[2, 12 + 10]] = 1  # third in the first request, eleventh in the second
    assert gains(Choices(rows, scores[:, None], chosen), np.ones(1)).tolist() == [0.5, 0.0]


def test_requests_and_features_can_be_taken_out() -> None:
    choices = simulated([1.0, 2.0], requests=5, candidates=3)
    part = choices.of_requests(np.array([True, False, True, False, True])).of_features(np.array([1]))
    assert len(part) == 3
    assert part.rows.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    np.testing.assert_array_equal(part.features[:3, 0], choices.features[:3, 1])
    assert log_likelihood(part, np.zeros(1)) == pytest.approx([-np.log(3)] * 3)
