"""What all models share, so that one file = one model: checking, visibility, top-n, saving.

A model writes `_fit`, `_scores`, `_arrays` and `_restore`; the rest of the contract (see `penchant.testing`) is here.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from penchant.core.artifact import Arrays, Artifact, read_artifact, write_artifact
from penchant.core.config import Config, parse
from penchant.core.errors import ArtifactIncompatible, ConfigError, DataError, NotFittedError
from penchant.core.processes import processes
from penchant.core.types import Candidates, FloatArray, LongArray, Queries, rows_of
from penchant.data import Dataset, Vocabulary
from penchant.index.exact import top_n
from penchant.index.hide import hide
from penchant.models.blas import blas_threads
from penchant.models.space import Space

# A block of scores stays below this many floats (64 MiB), so that memory does not grow with the number of requests.
BLOCK = 2**24


class ModelConfig(Config):
    """Settings of a model; each model class names its own subclass as `Config`."""

    space: ClassVar[Space] = {}  # what `penchant tune` may try


@dataclass(frozen=True)
class FitOptions:
    """How to train, as opposed to what: never changes the meaning of the result's config."""

    validation: Dataset | None = None  # with `targets`; for early stopping and for learning weights
    quiet: bool = False  # no progress bar
    checkpoint: Path | None = None  # a folder to resume from and save to; to be removed by the caller once the model is saved
    curves: Path | None = None  # a folder for TensorBoard
    device: str = "auto"
    threads: int | None = None
    models: Mapping[str, Path] = field(default_factory=dict)  # folders of trained models, by the names that settings may say
    report: Callable[[int, float], None] | None = None  # is told each epoch's number and NDCG@10; what it raises ends the training


class Model(ABC):
    """Base of the models: turns four short methods into a `Recommender`."""

    name: ClassVar[str]  # as in the catalogue
    Config: ClassVar[type[ModelConfig]] = ModelConfig
    needs_history: ClassVar[bool] = False  # True = says nothing (−inf) where a request has no history
    together: ClassVar[bool] = False  # True = several processes train it together; False = the first alone, the others leave it untrained
    log_scores: ClassVar[bool] = False  # True = scores are logarithms of preferences, else preferences, those below 0 none at all

    def __init__(self, **settings: Any) -> None:
        """Settings by keyword, those of the class's `Config`; all have defaults. Raises ConfigError."""
        self.config: Any = parse(self.Config, settings, self.name)  # each model narrows it to its own Config
        self.items: Vocabulary | None = None
        self.event_types: Vocabulary | None = None
        self.scenarios = Vocabulary(())  # places that the events of its training named
        self.fingerprint = ""
        self.facts: dict[str, Any] = {}  # training curve, seconds …; JSON values

    # ---- what a model writes

    @abstractmethod
    def _fit(self, dataset: Dataset, options: FitOptions) -> None:
        """Learn from `dataset`, which has at least one event."""

    @abstractmethod
    def _scores(self, queries: Queries) -> FloatArray:
        """[B, n_items] float32, freshly allocated, from visible history only; −inf = cannot say."""

    @abstractmethod
    def _arrays(self) -> Arrays:
        """All that was learned."""

    @abstractmethod
    def _restore(self, arrays: Arrays) -> None:
        """The inverse of `_arrays`."""

    # ---- what everybody calls

    def fit(self, dataset: Dataset, options: FitOptions | None = None) -> Self:
        """This model, trained on `dataset`, which is not changed. A second fit equals a fresh one. Raises DataError."""
        if dataset.n_events == 0:
            raise DataError(f"{self.name}: the data set {dataset.name!r} has no events; import some first")
        self.items, self.event_types, self.scenarios = dataset.items, dataset.event_types, dataset.scenarios
        self.fingerprint = dataset.fingerprint
        self.facts = {}
        if not (self.together or processes().first):
            self.items = None
            return self
        options = options or FitOptions()
        try:
            began = time.perf_counter()
            with blas_threads(options.threads):
                self._fit(dataset, options)
            self.facts["fit_seconds"] = round(time.perf_counter() - began, 3)
        except BaseException:
            self.items = None  # what is learned by half must not answer
            raise
        return self

    @property
    def n_items(self) -> int:
        """Size of the catalogue this model was trained on. Raises NotFittedError before `fit`."""
        if self.items is None:
            raise NotFittedError(f"{self.name}: not trained yet; call `fit` first")
        return len(self.items)

    def scores(self, queries: Queries) -> FloatArray:
        """[B, n_items] float32 preference of each request for each item; not comparable across models.

        A model that needs a history says nothing (−inf) where none is visible, rather than silently be another model.
        """
        visible = queries.visible(self.n_items)
        scores = self._scores(visible)
        if self.needs_history:
            scores[np.diff(visible.offsets) == 0] = -np.inf
        return scores

    def score(self, queries: Queries, candidates: Candidates) -> FloatArray:
        """[L] float32 preference of each request for each of its candidates, in candidate order; an unknown item = −inf."""
        result = np.full(len(candidates.items), -np.inf, dtype=np.float32)
        known = (candidates.items >= 0) & (candidates.items < self.n_items)
        rows = rows_of(candidates.offsets)
        for block in self._blocks(len(queries)):
            inside = known & (rows >= block[0]) & (rows <= block[-1]) if len(block) else known
            if inside.any():
                result[inside] = self.scores(queries.take(block))[rows[inside] - block[0], candidates.items[inside]]
        return result

    def recommend(self, queries: Queries, n: int, *, exclude_seen: bool = True) -> Candidates:
        """At most `n` items a request, best first, ties by item code; obeys `queries.allowed` and `queries.excluded`."""
        blocks = [self._recommend(queries.take(block), n, exclude_seen=exclude_seen) for block in self._blocks(len(queries))]
        if len(blocks) == 1:
            return blocks[0]
        lengths = [np.diff(block.offsets) for block in blocks]
        return Candidates(
            _join([block.items for block in blocks], np.int32),
            _join([block.scores for block in blocks], np.float32),
            _join([block.source for block in blocks], np.int16),
            np.concatenate([[0], np.cumsum(_join(lengths, np.int64))]).astype(np.int64),
        )

    def save(self, folder: Path) -> None:
        """Write this model as an artifact folder. Raises OSError where the disk does not take it."""
        write_artifact(self.artifact(), Path(folder))

    def artifact(self) -> Artifact:
        """This model as plain data. Raises NotFittedError before `fit`."""
        if self.items is None or self.event_types is None:
            raise NotFittedError(f"{self.name}: not trained yet; call `fit` first")
        return Artifact(
            model=self.name,
            config=self.config.model_dump(mode="json"),
            arrays=self._arrays(),
            fingerprint=self.fingerprint,
            item_ids=self.items.ids,
            event_types=self.event_types.ids,
            facts=self.facts,
            scenarios=self.scenarios.ids,
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model saved in `folder`. Raises ArtifactError."""
        return cls.from_artifact(read_artifact(Path(folder)))

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> Self:
        """The model that this plain data describes. Raises ArtifactIncompatible where it is another class's or another version's."""
        if artifact.model != cls.name:
            raise ArtifactIncompatible(f"the artifact holds a {artifact.model!r}, not a {cls.name!r}; use penchant.load")
        try:
            model = cls(**artifact.config)
        except ConfigError as error:
            first = str(error).partition(";")[0]  # what else could be said helps those who write settings
            raise ArtifactIncompatible(f"{cls.name}: the settings are those of another version; train again ({first})") from None
        model.items, model.event_types = Vocabulary(artifact.item_ids), Vocabulary(artifact.event_types)
        model.scenarios = Vocabulary(artifact.scenarios)
        model.fingerprint, model.facts = artifact.fingerprint, dict(artifact.facts)
        model._restore(artifact.arrays)
        return model

    # ---- how

    def _blocks(self, size: int) -> Iterator[LongArray]:
        step = max(1, BLOCK // max(1, self.n_items))
        for start in range(0, size, step):
            yield np.arange(start, min(start + step, size), dtype=np.int64)
        if size == 0:
            yield np.arange(0, dtype=np.int64)

    def _recommend(self, queries: Queries, n: int, *, exclude_seen: bool) -> Candidates:
        scores = self.scores(queries)
        hide(scores, queries, exclude_seen=exclude_seen)
        items, values = top_n(scores, n)
        return Candidates.of(items, values)


def _join(parts: list[NDArray[Any]], dtype: type) -> NDArray[Any]:
    return np.concatenate(parts).astype(dtype, copy=False) if parts else np.zeros(0, dtype)
