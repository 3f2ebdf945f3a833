"""What an engine answers with at one moment: the published models, and a pipeline for each scenario. Never changed, only replaced."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from penchant.core import columns
from penchant.core.config import parse
from penchant.core.errors import ArtifactError, PenchantError
from penchant.core.log import logger
from penchant.core.types import UNKNOWN, IntArray, SmallArray
from penchant.data import Vocabulary
from penchant.models import MODELS
from penchant.models.base import Model
from penchant.models.popular import Popular, PopularConfig
from penchant.pipeline.pipeline import Pipeline
from penchant.pipeline.retrieve import Model as Part
from penchant.scenarios.build import Parts, build
from penchant.scenarios.config import ModelTable
from penchant.scenarios.live import LiveCounts, LiveItems, translated
from penchant.scenarios.project import Project
from penchant.stores.words import words


@dataclass(frozen=True)
class Published:
    """Models, counts and pipelines that belong together."""

    models: Mapping[str, Model]
    counts: Mapping[str, LiveCounts]  # popularity models, which go on counting and need no training
    versions: Mapping[str, str]  # of the models and counts that are in use and were trained
    pointers: Mapping[str, str | None]  # what was published when this was made
    problems: Mapping[str, str]  # why a published version is not in use
    types: Mapping[str, int]  # event type → code
    scenarios: Mapping[str, int]  # place where events happened → code
    pipelines: Mapping[str, Pipeline]

    @classmethod
    def load(cls, project: Project, items: LiveItems, before: "Published | None" = None) -> "Published":
        """What is published now. A version that cannot be loaded leaves the one of `before` in its place."""
        loaded = _Loaded(project, items, before)
        for name, table in project.config.models.items():
            loaded.take(name, table)
        types = _codes_of(model.event_types for model in loaded.models.values())
        scenarios = _codes_of(model.scenarios for model in loaded.models.values())
        models = {name: translated(model, items, types, scenarios) for name, model in loaded.models.items()}
        parts = _parts(project, items, loaded, models)
        pipelines = {name: build(name, scenario, parts) for name, scenario in project.config.scenarios.items()}
        return cls(loaded.models, loaded.counts, loaded.versions, loaded.pointers, loaded.problems, types, scenarios, pipelines)

    def outdated(self, project: Project) -> bool:
        """Whether something else is published by now."""
        return any(_pointer(project, name) != pointer for name, pointer in self.pointers.items())

    def type_codes(self, types: Iterable[str]) -> SmallArray:
        """[T] codes of event types, −1 for one that no model knows."""
        return np.array([self.types.get(each, UNKNOWN) for each in types], dtype=np.int16)

    def scenario_codes(self, scenarios: Iterable[str | None]) -> SmallArray | None:
        """[T] codes of places, −1 for one that no model knows; None where no model knows any."""
        if not self.scenarios:
            return None
        return np.array([self.scenarios.get(each or "", UNKNOWN) for each in scenarios], dtype=np.int16)

    def in_words(self) -> str:
        """Where answers come from, and what is wrong."""
        trained = [version for name, version in self.versions.items() if name in self.models]
        said = (
            f"answers come from {', '.join(trained)}"
            if trained
            else "no model is trained: answers come from the fallback; run `penchant train`"
        )
        return "; ".join([said, *(f"{name}: {problem}" for name, problem in self.problems.items())])


class _Loaded:
    """Collects what could be loaded, one model after the other."""

    def __init__(self, project: Project, items: LiveItems, before: Published | None) -> None:
        self._project, self._items, self._before = project, items, before
        self.models: dict[str, Model] = {}
        self.counts: dict[str, LiveCounts] = {}
        self.versions: dict[str, str] = {}
        self.pointers: dict[str, str | None] = {}
        self.problems: dict[str, str] = {}

    def take(self, name: str, table: ModelTable) -> None:
        """Load what is published under `name`; what is in use already stays as it is."""
        pointer = self.pointers[name] = _pointer(self._project, name)
        if self._before is not None and (pointer is None or pointer == self._before.versions.get(name)) and self._keep(name):
            return
        try:
            self._load(name, table, pointer)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with one version is logged, and answers go on
            self.problems[name] = f"{pointer} cannot be used: {error}"
            ours = None if isinstance(error, PenchantError) else error  # which says by itself what to do
            logger.error("models.%s: %s cannot be used: %s", name, pointer, error, exc_info=ours)
            if not self._keep(name) and table.model == Popular.name:
                self._load(name, table, None)

    def _keep(self, name: str) -> bool:
        """Go on with what was in use before; whether there is such a thing."""
        before = self._before
        if before is None or (name not in before.models and name not in before.counts):
            return False
        if name in before.models:
            self.models[name] = before.models[name]
        if name in before.counts:
            self.counts[name] = before.counts[name]
        if name in before.versions:
            self.versions[name] = before.versions[name]
        return True

    def _load(self, name: str, table: ModelTable, pointer: str | None) -> None:
        events = self._project.events
        if pointer is not None:
            artifact = self._project.artifacts.get(pointer)
            if artifact.model == Popular.name:
                self.counts[name] = LiveCounts.going_on(artifact, self._items, events)
            else:
                self.models[name] = MODELS.load(artifact.model).from_artifact(artifact)
            self.versions[name] = pointer
        elif table.model == Popular.name:
            config = parse(PopularConfig, table.settings, f"models.{name}")
            self.counts[name] = LiveCounts(config.half_life_days, self._items, events)
        if name in self.counts:
            self.counts[name].refresh()


def _pointer(project: Project, name: str) -> str | None:
    """The published version of `name`; None where there is none or nobody can tell."""
    try:
        return project.artifacts.live(name)
    except ArtifactError as error:
        logger.warning("%s", error)
        return None


def _codes_of(vocabularies: Iterable[Vocabulary | None]) -> dict[str, int]:
    """One code for each id that a model knows; as in the model that knows most."""
    known = sorted((vocabulary.ids for vocabulary in vocabularies if vocabulary is not None), key=len, reverse=True)
    return {id_: code for code, id_ in enumerate(dict.fromkeys(id_ for ids in known for id_ in ids))}


def _parts(project: Project, items: LiveItems, loaded: _Loaded, models: Mapping[str, Part]) -> Parts:
    features = project.features
    counts = {name: each.trending for name, each in loaded.counts.items()}

    def search(text: str, n: int) -> list[tuple[int, float]]:
        return [(items.code(id_), score) for id_, score in features.search(text, n)]

    def describe(item: int) -> list[str]:
        properties = features.get("items", [items.id(item)]).get(items.id(item), {})
        said = [str(properties.get(columns.TITLE) or ""), *sorted(_categories(properties)), str(properties.get(columns.DESCRIPTION) or "")]
        return list(words(" ".join(said)))

    def categories(codes: IntArray) -> list[frozenset[str]]:
        ids = [items.id(code) for code in codes.tolist()]
        found = features.get("items", ids)
        return [_categories(found.get(id_, {})) for id_ in ids]

    missing = {name: f"the model {name!r} cannot be loaded" for name in loaded.problems}
    return Parts({**counts, **models}, search, describe, categories, items.available, missing)


def _categories(properties: Mapping[str, Any]) -> frozenset[str]:
    """An item's categories, from a list or from one text with separators. `Any`: JSON."""
    value = properties.get(columns.CATEGORIES)
    parts = re.split(r"[|;,]", value) if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(part.strip() for part in parts if isinstance(part, str) and part.strip())
