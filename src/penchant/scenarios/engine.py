"""The one place that turns a question into an answer, for the command line and for HTTP alike.

An engine is thread-safe: every question works on one snapshot of models and pipelines, which `reload` swaps whole. Histories
are read from the store at request time, so an acknowledged event changes the next answer.
"""

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from penchant.core import columns
from penchant.core.clock import Clock, system_clock
from penchant.core.errors import RequestError, did_you_mean
from penchant.core.events import EVENT_SCHEMA
from penchant.core.types import IntArray, Jagged, Queries, offsets_of
from penchant.pipeline.executor import FALLBACK
from penchant.pipeline.explain import Cause
from penchant.pipeline.pipeline import Answer, Pipeline
from penchant.scenarios.answer import Explanation, Reason, Recommendation, RecommendedItem, Request, score_or_none
from penchant.scenarios.kinds import ABOUT, KINDS
from penchant.scenarios.live import LiveItems, is_hidden
from penchant.scenarios.project import Project
from penchant.scenarios.published import Published
from penchant.scenarios.scenario import MAX_N, Scenario

__all__ = ["Engine", "Explanation", "Reason", "Recommendation", "RecommendedItem", "Request"]

HISTORY = 5_000  # latest events of a user that a request knows
REMEMBERED = 10_000  # recent answers that can be explained
SEARCHED = 1_000  # places in which `explain` looks for an item that an answer does not hold


@dataclass(frozen=True)
class _Record:
    """An answer that was given, kept small: the history is read again from the store, as of its time."""

    request: Request
    scenario: str
    item_ids: tuple[str, ...]
    sources: tuple[int, ...]
    answer: Recommendation


class Engine:
    """Answers questions about one project with its published models."""

    def __init__(self, project: Project, *, clock: Clock = system_clock) -> None:
        """Loads what is published. A model that cannot be loaded is left out and logged; `ready` says so."""
        self._project, self._clock = project, clock
        self._items = LiveItems(project.store.listing)
        self._changing = threading.Lock()
        self._loading = threading.Lock()
        self._published = Published.load(project, self._items)
        self._recent: OrderedDict[str, _Record] = OrderedDict()
        self._remembering = threading.Lock()

    @property
    def scenarios(self) -> Mapping[str, Scenario]:
        """The project's scenarios by name, in the order of its file."""
        return self._project.config.scenarios

    def recommend(self, request: Request) -> Recommendation:
        """The answer. Raises RequestError naming the field that is wrong: an unknown scenario or seed item is a 404."""
        started = time.perf_counter()
        name = self._scenario_of(request.scenario)
        scenario, published = self.scenarios[name], self._published
        n = self._check(request, scenario)
        self._items.extend()
        queries = self._queries(request, name, published)
        pipeline = published.pipelines[name]
        answer = pipeline.run(queries, n, deadline=started + scenario.time_budget_ms / 1000)
        properties = self._properties(answer)
        if any(is_hidden(each) for each in properties.values()):  # changed since the last refresh
            self._items.changed(list(properties), self._project.features)
            answer = pipeline.run(queries, n)
            properties = self._properties(answer)
        reasons = self._reasons(pipeline, queries, answer) if request.explain else {}
        items = self._recommended(answer, properties, reasons)
        result = Recommendation(
            recommendation_id=uuid.uuid4().hex,
            scenario=name,
            model_version=_version(pipeline, answer, published),
            variant=None,
            took_ms=round((time.perf_counter() - started) * 1000, 3),
            fallback_reason=answer.fallback_reason,
            items=items,
            unknown_items=self._unknown(request),
            trace=answer.trace,
        )
        self._remember(replace(request, n=n, at=int(queries.at[0])), answer, result)
        return result

    def explain(self, recommendation_id: str, item_id: str) -> Explanation:
        """Why the item is, or is not, in one of the recent answers. Raises RequestError 404 when the answer is forgotten."""
        with self._remembering:
            record = self._recent.get(recommendation_id)
        if record is None:
            message = f"recommendation_id: no recent answer {recommendation_id[:64]!r}; the last {REMEMBERED:,} can be explained"
            raise RequestError(message, field="recommendation_id", status=404)
        item = self._items.code(item_id)
        if item < 0:
            raise RequestError(f"item_id: no item {item_id[:64]!r}", field="item_id", status=404)
        published = self._published
        queries = self._queries(record.request, record.scenario, published)
        pipeline = published.pipelines[record.scenario]
        position = record.item_ids.index(item_id) if item_id in record.item_ids else None
        causes: list[Cause] = []
        if position is None:
            verdict = self._why_not(pipeline, queries, item, record)
        else:
            verdict = _why(pipeline, record, position)
            if record.sources[position] < FALLBACK:
                causes = pipeline.reasons(queries, np.array([item], dtype=np.int32))[0]
        reasons = self._worded({item: causes})[item]
        return Explanation(recommendation_id, item_id, position, verdict, reasons, record.answer.trace)

    def reload(self) -> list[str]:
        """Load what is published now and swap it in; returns the versions that are live after it.

        A version that cannot be loaded leaves the one before in its place; it is logged and named by `ready`.
        """
        with self._loading:
            self._published = Published.load(self._project, self._items, before=self._published)
            return list(self._published.versions.values())

    def refresh(self) -> None:
        """Pick up new and changed items, new events for what is counted, and newly published models. Cheap when there is nothing new."""
        self.catch_up()
        if self._published.outdated(self._project):
            self.reload()

    def catch_up(self) -> None:
        """Pick up new and changed items, and new events for what is counted; never waits for a model that is being loaded."""
        with self._changing:
            self._items.refresh()
            for counts in self._published.counts.values():
                counts.refresh()

    def changed(self, item_ids: list[str]) -> None:
        """Tell that these items were just written or deleted, so that the next answer knows, without a scan."""
        self._items.changed(item_ids, self._project.features)

    def forget(self, user_id: str) -> None:
        """Forget the recent answers of a person who was just erased from the store; histories are kept nowhere else."""
        with self._remembering:
            for id_ in [id_ for id_, record in self._recent.items() if record.request.user_id == user_id]:
                del self._recent[id_]

    def ready(self) -> tuple[bool, str]:
        """Whether answers can be given, and in words what they come from or what is wrong."""
        return True, self._published.in_words()

    def close(self) -> None:
        """Forget recent answers; the project stays open."""
        with self._remembering:
            self._recent.clear()

    # ---- the question

    def _scenario_of(self, wanted: str) -> str:
        """The scenario of this name, or the first of this kind."""
        if wanted in self.scenarios:
            return wanted
        for name, scenario in self.scenarios.items():
            if scenario.kind == wanted:
                return name
        what = "scenario of kind" if wanted in KINDS else "scenario"
        raise RequestError(f"scenario: no {what} {wanted[:64]!r}{did_you_mean(wanted[:64], self.scenarios)}", field="scenario", status=404)

    def _check(self, request: Request, scenario: Scenario) -> int:
        """How many items to answer with. Raises RequestError for what is missing, without effect, or out of bounds."""
        given = dict(zip(ABOUT, (request.seed_items, request.text.strip(), request.items), strict=True))
        needs = KINDS[scenario.kind].needs
        what = f"a scenario of kind {scenario.kind!r} answers {KINDS[scenario.kind].what}"
        if needs is not None and not given[needs]:
            raise RequestError(f"{needs}: is required; {what}", field=needs)
        for name in ABOUT:
            if given[name] and name != needs:
                takes = f"{needs}, user_id" if needs else "user_id"
                raise RequestError(f"{name}: has no effect here; {what}, and takes {takes}, session_items, n, explain", field=name)
        n = request.n if request.n is not None else len(request.items) if scenario.kind == "rank" else scenario.n
        if not 1 <= n <= max(MAX_N, len(request.items)):
            raise RequestError(f"n: must be from 1 to {MAX_N:,}, not {n:,}", field="n")
        return n

    def _queries(self, request: Request, name: str, published: Published) -> Queries:
        """The question in codes, with the history as of its time, asked in the scenario of this name."""
        known = self._history(request)
        session = self._items.codes(request.session_items)
        items = np.concatenate([self._items.codes(known[columns.ITEM_ID].to_list()), session])
        timestamps = known[columns.TIMESTAMP].to_numpy()
        at = request.at if request.at is not None else max(self._clock(), int(timestamps.max(initial=0)))
        size = len(session)
        return Queries(
            users=np.full(1, -1, dtype=np.int32),
            offsets=offsets_of(np.array([len(items)])),
            items=items,
            event_types=np.concatenate([published.type_codes(known[columns.EVENT_TYPE].to_list()), np.zeros(size, np.int16)]),
            values=np.concatenate([known[columns.VALUE].to_numpy(), np.full(size, np.nan, np.float32)]),  # null is NaN there
            timestamps=np.concatenate([timestamps, np.full(size, at, np.int64)]),
            at=np.array([at], dtype=np.int64),
            scenario=name,
            scenarios=published.scenario_codes([*known[columns.SCENARIO].to_list(), *[None] * size]),
            seeds=Jagged.of([self._seeds(request, self.scenarios[name], session)]),
            texts=(request.text,),
        )

    def _history(self, request: Request) -> pl.DataFrame:
        """What the user did, oldest first; nothing where nobody is named."""
        if request.user_id is None:
            return pl.DataFrame(schema=EVENT_SCHEMA)
        return self._project.events.history(request.user_id, until=request.at, limit=HISTORY).frame

    def _seeds(self, request: Request, scenario: Scenario, session: IntArray) -> IntArray:
        """What the request is about, in codes. Raises RequestError 404 for a seed that nobody knows."""
        if scenario.kind == "rank":  # what nobody knows has no place in the order
            listed = self._items.codes(request.items)
            return listed[listed >= 0]
        seeds = self._items.codes(request.seed_items)
        for id_, code in zip(request.seed_items, seeds.tolist(), strict=True):
            if code < 0:
                message = f"item_id: no item {id_[:64]!r}; neither the catalogue nor any event names it"
                raise RequestError(message, field="item_id", status=404)
        return np.concatenate([seeds, session[session >= 0]]) if scenario.kind == "continue" else seeds

    # ---- the answer

    def _unknown(self, request: Request) -> tuple[str, ...]:
        """Those of a list to put in order that nobody knows, each once."""
        listed = list(dict.fromkeys(request.items))
        return tuple(id_ for id_, code in zip(listed, self._items.codes(listed).tolist(), strict=True) if code < 0)

    def _properties(self, answer: Answer) -> dict[str, dict[str, Any]]:
        """What the catalogue says about the answer's items. `Any`: JSON."""
        return self._project.features.get("items", [self._items.id(code) for code in answer.candidates.items.tolist()])

    def _recommended(
        self, answer: Answer, properties: Mapping[str, dict[str, Any]], reasons: Mapping[int, tuple[Reason, ...]]
    ) -> tuple[RecommendedItem, ...]:
        found = answer.candidates
        rows = zip(found.items.tolist(), found.scores.tolist(), strict=True)
        named = [(code, self._items.id(code), score) for code, score in rows]
        return tuple(
            RecommendedItem(id_, score_or_none(score), properties.get(id_, {}), reasons.get(code, ())) for code, id_, score in named
        )

    def _reasons(self, pipeline: Pipeline, queries: Queries, answer: Answer) -> dict[int, tuple[Reason, ...]]:
        """Reasons for the items that no fallback chose."""
        items = answer.candidates.items[answer.candidates.source < FALLBACK]
        return self._worded(dict(zip(items.tolist(), pipeline.reasons(queries, items), strict=True)))

    def _worded(self, causes: Mapping[int, Sequence[Cause]]) -> dict[int, tuple[Reason, ...]]:
        ids = {cause.item: self._items.id(cause.item) for each in causes.values() for cause in each}
        properties = self._project.features.get("items", list(ids.values())) if ids else {}
        titles = {item: properties.get(id_, {}).get(columns.TITLE) for item, id_ in ids.items()}
        return {item: tuple(_reason(cause, ids[cause.item], titles[cause.item]) for cause in each) for item, each in causes.items()}

    def _remember(self, request: Request, answer: Answer, result: Recommendation) -> None:
        """Keep what `explain` needs, without the properties, which are long."""
        slim = replace(result, items=())
        record = _Record(
            request, result.scenario, tuple(item.item_id for item in result.items), tuple(answer.candidates.source.tolist()), slim
        )
        with self._remembering:
            self._recent[result.recommendation_id] = record
            while len(self._recent) > REMEMBERED:
                self._recent.popitem(last=False)

    # ---- why

    def _why_not(self, pipeline: Pipeline, queries: Queries, item: int, record: _Record) -> str:
        """Why an item is not in an answer: found out by asking each filter, and then by asking for a longer list."""
        if (why := pipeline.refusal(queries, item)) is not None:
            return f"left out: {why}"
        longer = pipeline.run(queries, SEARCHED).candidates.items.tolist()
        if item in longer:
            return f"it would have place {longer.index(item) + 1} now; the answer ended at place {len(record.item_ids)}"
        return f"it is not among the first {SEARCHED:,} now"


def _why(pipeline: Pipeline, record: _Record, position: int) -> str:
    source, place = record.sources[position], f"place {position + 1} of {len(record.item_ids)}"
    if source < FALLBACK:
        return f"{place}, found by {list(pipeline.retrievers)[source]!r}"
    return f"{place}, filled up by {list(pipeline.fallbacks)[source - FALLBACK]!r}: {record.answer.fallback_reason}"


def _reason(cause: Cause, item_id: str, title: object) -> Reason:
    named = title if isinstance(title, str) and title else None
    return Reason(item_id, named, cause.weight, f"because of {named or item_id}")


def _version(pipeline: Pipeline, answer: Answer, published: Published) -> str | None:
    """The version of the model that gave the first item its place; None where no trained model did."""
    if not len(answer.candidates.source):
        return None
    source = int(answer.candidates.source[0])
    retrievers, fallbacks = list(pipeline.retrievers), list(pipeline.fallbacks)
    found_by = retrievers[source] if source < FALLBACK else fallbacks[source - FALLBACK]
    ordered_by = list(pipeline.rankers)[-1:] if source < FALLBACK else []
    named = (*ordered_by, found_by)
    return next((published.versions[name] for name in named if name in published.versions), None)
