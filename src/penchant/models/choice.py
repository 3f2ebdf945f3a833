"""Which of several things somebody chose, explained by features of the things: the conditional logit model.

P(i) = exp(w · x_i) / Σ_j exp(w · x_j) over the candidates j of one request. The likelihood is concave in w and has as many weights as
there are features, so Newton's method is done after a handful of passes over the data.

Reference: McFadden, "Conditional logit analysis of qualitative choice behavior", 1974, sections 2 and 3.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from penchant.core.types import BoolArray, FloatArray, LongArray

STEPS = 12  # Newton steps at most; five do nearly always
ENOUGH = 1e-6  # gain in likelihood, nats a request, below which there is no further step

PLACES = 10  # of the list that gains are counted in

Weights = NDArray[np.float64]


@dataclass(frozen=True)
class Choices:
    """Candidates of R requests, end to end; each request has at least one that was chosen."""

    rows: LongArray  # [C] the request of each candidate, ascending from 0 without gaps
    features: FloatArray  # [C, F]
    chosen: FloatArray  # [C] share of its request's choices; a request's shares sum to 1

    def __len__(self) -> int:
        return int(self.rows[-1]) + 1 if len(self.rows) else 0

    def of_requests(self, keep: BoolArray) -> "Choices":
        """Only the requests where `keep` [R] is true."""
        inside = keep[self.rows]
        return Choices((np.cumsum(keep) - 1)[self.rows[inside]], self.features[inside], self.chosen[inside])

    def of_features(self, columns: LongArray) -> "Choices":
        """Only these features, in this order."""
        return replace(self, features=self.features[:, columns])

    def starts(self) -> LongArray:
        """[R] the first candidate of each request."""
        return np.flatnonzero(np.diff(self.rows, prepend=-1))


def fit(choices: Choices, prior: Weights, strength: Weights) -> Weights:
    """[F] weights that maximise the likelihood of the choices, each drawn to `prior` [F] with `strength` [F].

    `strength` is the weight of the squared distance, in nats a request.
    """
    weights: Weights = prior.astype(np.float64)
    step: Weights = np.zeros(len(prior))
    loss = np.inf
    for _ in range(STEPS):
        now, gradient, curvature = _derivatives(choices, weights, prior, strength)
        if now > loss:  # too far: half of the way
            step /= 2
            weights -= step
            continue
        if loss - now < ENOUGH:
            break
        loss = now
        step = -np.linalg.solve(curvature, gradient).astype(np.float64)
        weights += step
    return weights


def log_likelihood(choices: Choices, weights: Weights) -> Weights:
    """[R] nats: the mean logarithm of the probability of each request's choices."""
    log_shares = _log_shares(choices, weights)
    return np.add.reduceat(choices.chosen * log_shares, choices.starts())


def gains(choices: Choices, weights: Weights, *, hidden: BoolArray | None = None) -> Weights:
    """[R] each request's discounted gain: what was chosen in the first `PLACES`, by its share, an item at the top counting 1.

    Candidates that are `hidden` [C] are not shown, so whoever chose one gains nothing by it.
    """
    scores = choices.features @ weights.astype(np.float32)
    shown = np.ones(len(scores), dtype=bool) if hidden is None else ~hidden
    order = np.lexsort((-scores, ~shown, choices.rows))
    places = np.arange(len(order)) - choices.starts()[choices.rows]  # the order is by request first
    worth = np.where((places < PLACES) & shown[order], choices.chosen[order] / np.log2(places + 2), 0)
    result: Weights = np.bincount(choices.rows, weights=worth, minlength=len(choices)).astype(np.float64)
    return result


def _log_shares(choices: Choices, weights: Weights) -> Weights:
    starts = choices.starts()
    scores = (choices.features @ weights.astype(np.float32)).astype(np.float64)
    scores -= np.maximum.reduceat(scores, starts)[choices.rows]
    result: Weights = scores - np.log(np.add.reduceat(np.exp(scores), starts))[choices.rows]
    return result


def _derivatives(choices: Choices, weights: Weights, prior: Weights, strength: Weights) -> tuple[float, Weights, Weights]:
    """Loss in nats a request, its gradient [F] and its curvature [F, F]."""
    n, starts, x = len(choices), choices.starts(), choices.features
    log_shares = _log_shares(choices, weights)
    shares = np.exp(log_shares).astype(np.float32)
    weighed = x * shares[:, None]
    means = np.add.reduceat(weighed, starts, axis=0)  # [R, F]
    away = weights - prior
    loss = -float(choices.chosen @ log_shares) / n + float(strength @ away**2)
    gradient = (means.sum(axis=0, dtype=np.float64) - choices.chosen @ x) / n + 2 * strength * away
    curvature = (x.T @ weighed - means.T @ means).astype(np.float64) / n + np.diag(2 * strength + 1e-9)
    return loss, gradient, curvature
