"""How sure a number is: bootstrap intervals over requests, and a paired test between two models."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penchant.core.random import generator
from penchant.metrics.ranking import Values

LEVEL = 0.95
RESAMPLES = 1_000
FLIPS = 10_000

# Random numbers held at once; bounds memory.
BLOCK = 2**22


@dataclass(frozen=True)
class Comparison:
    """What separates two models on the same requests."""

    difference: float  # mean of ours − theirs
    low: float  # 95 % interval of the difference
    high: float
    p: float  # how often chance alone would separate them as much, two-sided

    @property
    def significant(self) -> bool:
        """Whether chance is an unlikely explanation."""
        return self.p < 1 - LEVEL


def confidence(scores: Mapping[str, Values], *, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, tuple[float, float]]:
    """95 % intervals of the means of metrics [B] over requests: percentiles of the means of resampled requests.

    A metric that is nowhere defined is left out; the same seed resamples the same requests.
    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
    """
    defined = {name: values for name, values in scores.items() if not np.isnan(values).all()}
    if not defined:
        return {}
    values = np.stack(list(defined.values()), axis=1)  # [B, M]
    real = ~np.isnan(values)
    values = np.where(real, values, 0.0)
    drawn = _resampled(len(values), resamples, generator(seed, "bootstrap"))
    with np.errstate(invalid="ignore"):  # a resample may hold no defined value
        means = [(weights @ values) / (weights @ real) for weights in drawn]
    low, high = np.nanquantile(np.concatenate(means), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return {name: (float(low[m]), float(high[m])) for m, name in enumerate(defined)}


def compare(ours: Values, theirs: Values, *, seed: int = 0) -> Comparison:
    """The difference of two models' means over the same requests, its interval, and a paired permutation test.

    The test flips the sign of each request's difference at random: p is the share of flips that are at least as far from 0 as what
    was measured. Source: Smucker, Allan and Carterette, "A comparison of statistical significance tests for information
    retrieval evaluation", CIKM 2007 (the randomisation test).
    """
    differences = ours - theirs
    low, high = confidence({"difference": differences}, seed=seed)["difference"]
    apart = differences[differences != 0]
    measured = abs(apart.sum()) * (1 - 1e-12)  # a flip that only rounds differently is as far
    further = sum(int((np.abs(total) >= measured).sum()) for total in _flipped(apart, generator(seed, "permutation")))
    return Comparison(float(differences.mean()), low, high, (1 + further) / (1 + FLIPS))


def _resampled(size: int, resamples: int, rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    """[r, B] how often each request is drawn, r resamples at a time."""
    step = max(1, BLOCK // size)
    for start in range(0, resamples, step):
        r = min(step, resamples - start)
        drawn = rng.integers(0, size, size=(r, size)) + np.arange(r)[:, None] * size
        yield np.bincount(drawn.ravel(), minlength=r * size).reshape(r, size).astype(np.float64)


def _flipped(values: Values, rng: np.random.Generator) -> Iterator[Values]:
    """[r] sums of `values` with random signs, r flips at a time."""
    step = max(1, BLOCK // max(1, len(values)))
    for start in range(0, FLIPS, step):
        bits = rng.integers(0, 2, size=(min(step, FLIPS - start), len(values)), dtype=np.int8)
        yield 2 * (bits.astype(np.float64) @ values) - values.sum()
