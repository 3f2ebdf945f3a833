"""From a scenario, which is data, to a pipeline, which runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from penchant.core.protocols import Filter, Reranker, Retriever, Scorer
from penchant.core.types import BoolArray
from penchant.pipeline.context import Context, SeedsAsHistory
from penchant.pipeline.filters import Allowed, Available, Excluded, Seeds
from penchant.pipeline.pipeline import Pipeline
from penchant.pipeline.rank import Personal, WithStandIn
from penchant.pipeline.rerank import Categories, Diverse
from penchant.pipeline.retrieve import Describe, FromModel, FromWords, Given, LikeWords, Missing, Model, Search, SimilarItems
from penchant.scenarios.kinds import GIVEN, POPULAR, WORDS
from penchant.scenarios.scenario import Scenario

NO_MODEL = "no model is trained"
WHOLE_LIST = 2**31 - 1


@dataclass(frozen=True)
class Parts:
    """What pipelines are made of. All codes are those of one list of items."""

    models: Mapping[str, Model]  # by the names of `[models.NAME]`; those that count need no training and are always there
    search: Search
    describe: Describe
    categories: Categories
    available: Callable[[], BoolArray]
    missing: Mapping[str, str] = field(default_factory=dict)  # why a model is not among `models`, in words


def build(name: str, scenario: Scenario, parts: Parts) -> Pipeline:
    """The pipeline of the scenario called `name`. A model that is not there is replaced by the fallback, which says so."""
    available, seeds = Available(parts.available), Seeds()
    context: dict[str, Context] = {"available": available}
    filters: dict[str, Filter] = {"available": available, "allowed": Allowed(), "excluded": Excluded()}
    if scenario.kind != "rank":  # there the seeds are the list itself
        context["seeds"] = seeds
        filters["seeds"] = seeds
    if scenario.kind == "similar":
        context["history"] = SeedsAsHistory()
    return Pipeline(
        name,
        {each: _retriever(each, scenario, parts) for each in scenario.retrievers},
        context=context,
        filters=filters,
        rankers=_rankers(scenario, parts),
        rerankers=_rerankers(scenario, parts),
        fallbacks={each: _fallback(each, parts) for each in scenario.fallback},
        explainer=_explainer(scenario, parts),
        exclude_seen=scenario.exclude_seen,
        depth=_depth(scenario),
    )


def _depth(scenario: Scenario) -> int:
    """How many candidates to find beyond what the answer needs, because their order is still to come."""
    if scenario.kind == "rank":
        return WHOLE_LIST
    return scenario.candidates if scenario.ranker or scenario.diversity or len(scenario.retrievers) > 1 else 0


def _explainer(scenario: Scenario, parts: Parts) -> Scorer | None:
    """The model that gives an item its place, where a history has a part in it."""
    named = () if scenario.kind == "trending" else (scenario.ranker, *scenario.retrievers)
    return next((parts.models[name] for name in named if name in parts.models), None)


def _retriever(name: str, scenario: Scenario, parts: Parts) -> Retriever:
    if name == WORDS:
        return FromWords(parts.search)
    if name == GIVEN:
        return Given()
    if name not in parts.models:
        return Missing(parts.missing.get(name, NO_MODEL))
    model = parts.models[name]
    if scenario.kind == "trending":
        return model
    return SimilarItems(model) if scenario.kind == "similar" else FromModel(model)


def _fallback(name: str, parts: Parts) -> Retriever:
    if name == WORDS:
        return LikeWords(parts.describe, parts.search)
    return parts.models[name] if name in parts.models else Missing(parts.missing.get(name, NO_MODEL))


def _rankers(scenario: Scenario, parts: Parts) -> dict[str, Scorer]:
    """A search works without taste; a list that was given needs an order, were it that of popularity."""
    name = scenario.ranker
    if not name:
        return {}
    scorer = FromModel(parts.models[name]) if name in parts.models else None
    if WORDS in scenario.retrievers:
        return {} if scorer is None else {name: Personal(scorer)}
    stand_in = parts.models.get(POPULAR)
    if stand_in is None:
        return {} if scorer is None else {name: scorer}
    return {name: WithStandIn(scorer or Missing(parts.missing.get(name, NO_MODEL)), stand_in)}


def _rerankers(scenario: Scenario, parts: Parts) -> dict[str, Reranker]:
    return {"diverse": Diverse(parts.categories, weight=scenario.diversity)} if scenario.diversity else {}
