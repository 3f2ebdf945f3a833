"""What many people chose lately: the floor that every other model must beat, and the first fallback."""

from typing import ClassVar

import numpy as np

from penchant.core.artifact import Arrays
from penchant.core.clock import DAY
from penchant.core.types import FloatArray, Queries
from penchant.data import Dataset
from penchant.models.base import FitOptions, Model, ModelConfig
from penchant.models.space import Real, Space


class PopularConfig(ModelConfig):
    """Settings of `Popular`."""

    space: ClassVar[Space] = {"half_life_days": Real(0.25, 1_000, log=True)}

    half_life_days: float | None = None  # an event this much older counts half; None = all count the same


class Popular(Model):
    """Number of events an item, each weighing 2^(−age ÷ half-life), age being counted from the last training event.

    Reference: Ji et al., "A Re-visit of the Popularity Baseline in Recommender Systems", 2020, arXiv:2005.13829, section 3.
    Differs: exponential decay instead of a window, so that one setting covers both of theirs.
    Cost: O(events) time, O(items) memory.
    """

    name = "popular"
    Config = PopularConfig
    config: PopularConfig

    def _fit(self, dataset: Dataset, options: FitOptions) -> None:
        events = dataset.interactions
        weights = None
        if self.config.half_life_days is not None:
            age = (events.timestamps.max() - events.timestamps) / (self.config.half_life_days * DAY)
            weights = np.exp2(-age)
        self._counts = np.bincount(events.items, weights=weights, minlength=dataset.n_items).astype(np.float32)

    def _scores(self, queries: Queries) -> FloatArray:
        return np.tile(self._counts, (len(queries), 1))

    def _arrays(self) -> Arrays:
        return {"counts": self._counts}

    def _restore(self, arrays: Arrays) -> None:
        self._counts = arrays["counts"]
