"""Runs a pipeline: context → retrieve → filter → rank → rerank → answer → log. It times and counts; components do not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import numpy as np

from penchant.core.errors import PipelineError, RequestError
from penchant.core.log import logger
from penchant.core.protocols import Filter, Retriever
from penchant.core.types import Candidates, Jagged, LongArray, Queries, offsets_of, rows_of
from penchant.pipeline.filters import Seen, joined, pair_keys
from penchant.pipeline.retrieve import Excusing, empty, merge, spread
from penchant.pipeline.trace import Step, Trace

if TYPE_CHECKING:
    from penchant.pipeline.pipeline import Pipeline

P = ParamSpec("P")
T = TypeVar("T")

TOO_FEW = "not enough candidates"
FALLBACK = 100  # `source` of the first fallback's items; those of the retrievers count from 0


@dataclass(frozen=True)
class Answer:
    """What a pipeline says to a batch of requests."""

    candidates: Candidates  # best first; an item that filled up another's list scores −inf, since the two cannot be compared
    trace: Trace
    fallback_reasons: tuple[str | None, ...]  # [B] why not all of a list is what was asked for; None where it is

    @property
    def fallback_reason(self) -> str | None:
        """The first request's reason that there is."""
        return next((reason for reason in self.fallback_reasons if reason is not None), None)


class Execution:
    """One call of one pipeline. Each step's time runs from the end of the one before."""

    def __init__(self, pipeline: "Pipeline", queries: Queries, n: int, *, exclude_seen: bool, deadline: float | None) -> None:
        self._pipeline, self._queries, self._n = pipeline, queries, n
        self._exclude_seen, self._deadline = exclude_seen, deadline
        self._filters: Mapping[str, Filter] = {"seen": Seen(), **pipeline.filters} if exclude_seen else pipeline.filters
        self._steps: list[Step] = []
        self._lap = pipeline.timer()
        self._degraded: str | None = None  # why, in words for the caller; the trace holds more
        self._excuses: list[str | None] = [None] * len(queries)

    def run(self) -> Answer:
        """The stages, one after the other."""
        self._context()
        found = self._retrieve()
        kept = self._filter(found)
        ranked = self._rank(kept)
        ordered = self._rerank(ranked)
        candidates, reasons = self._answer(ordered)
        return self._log(Answer(candidates, Trace(tuple(self._steps)), tuple(reasons)))

    # ---- the stages

    def _context(self) -> None:
        for name, context in self._pipeline.context.items():
            before = self._queries
            self._queries = self._call("context", name, context.prepare, before)
            self._record("context", name, len(before), len(before), why=_difference(before, self._queries))

    def _retrieve(self) -> Candidates:
        nothing = empty(len(self._queries))
        found: dict[str, Candidates] = {}
        for name, retriever in self._pipeline.retrievers.items():
            each = self._ask("retrieve", name, retriever, self._queries, max(self._n, self._pipeline.depth))
            found[name] = nothing if each is None else each
            if each is not None:
                self._record("retrieve", name, len(each.items), len(each.items))
        merged = merge(found) if found else nothing
        entered = sum(len(each.items) for each in found.values())
        if len(found) > 1 or entered != len(merged.items):
            self._record("retrieve", "merge", entered, len(merged.items), why="found twice")
        return merged

    def _filter(self, candidates: Candidates, stage: str = "filter") -> Candidates:
        """A filter that fails ends the request: what it holds back must never be shown."""
        for name, each in self._filters.items():
            kept = candidates.keep(self._call(stage, name, each.keep, self._queries, candidates))
            self._record_loss(stage, name, candidates, kept, why=getattr(each, "why", ""))
            candidates = kept
        return candidates

    def _rank(self, candidates: Candidates) -> Candidates:
        size = len(candidates.items)
        for name, ranker in self._pipeline.rankers.items():
            if self._late("rank", name, size):
                continue
            scores = self._attempt("rank", name, size, ranker.score, self._queries, candidates)
            if scores is None:
                continue
            candidates = candidates.with_scores(scores)
            self._record("rank", name, size, size, why=_sunk(candidates))
            if isinstance(ranker, Excusing):
                self._excuses = [old or new for old, new in zip(self._excuses, ranker.excuse(self._queries), strict=True)]
        return candidates.sorted()

    def _rerank(self, candidates: Candidates) -> Candidates:
        for name, reranker in self._pipeline.rerankers.items():
            if self._late("rerank", name, len(candidates.items)):
                continue
            after = self._attempt("rerank", name, len(candidates.items), reranker.rerank, self._queries, candidates)
            if after is None:
                continue
            self._record_loss("rerank", name, candidates, after, why="left out by the reranker")
            candidates = after
        return candidates

    def _answer(self, candidates: Candidates) -> tuple[Candidates, list[str | None]]:
        best = candidates.first(self._n)
        self._record_loss("answer", "cut", candidates, best, why=f"beyond the first {self._n}")
        filled = self._fill(best)
        failed = next((step for step in self._steps if step.failed and step.stage == "retrieve"), None)
        if failed is not None and not len(filled.items):
            raise PipelineError(f"{failed.why}; nothing else has an answer")
        own, total = np.diff(best.offsets), np.diff(filled.offsets)
        short = np.flatnonzero((own < self._n) & ((total > own) | (total == 0)))
        reasons: list[str | None] = [self._degraded or excuse for excuse in self._excuses]
        for row, why in zip(short, self._why_short(short), strict=True):
            reasons[row] = reasons[row] or why
        return filled, reasons

    def _log(self, answer: Answer) -> Answer:
        for name, log in self._pipeline.log.items():
            if self._attempt("log", name, 0, _told, log, self._queries, answer) is None:
                answer = replace(answer, trace=Trace(tuple(self._steps)))
        return answer

    # ---- filling up

    def _fill(self, best: Candidates) -> Candidates:
        """`best` with what the fallbacks add to the lists that are too short."""
        for place, (name, retriever) in enumerate(self._pipeline.fallbacks.items()):
            short = np.flatnonzero(np.diff(best.offsets) < self._n)
            if not len(short):
                break
            have = Jagged(best.items, best.offsets)
            asked = replace(self._queries, excluded=joined(self._queries.excluded, have)).take(short)
            found = self._ask("answer", name, retriever, asked, self._n)
            if found is None:
                continue
            self._record("answer", name, len(found.items), len(found.items), why=f"fallback for {len(short)} of {len(have)} requests")
            found = self._filter(merge({name: spread(found, short, len(have))}), stage="answer")
            best = _appended(best, _without(found, best), FALLBACK + place).first(self._n)
        return best

    def _why_short(self, rows: LongArray) -> list[str]:
        """For each of the requests `rows`: the first retriever's excuse that there is."""
        why: list[str | None] = [None] * len(rows)
        asked = self._queries.take(rows)
        for name, retriever in self._pipeline.retrievers.items():
            if isinstance(retriever, Excusing) and len(rows):
                excuses = self._attempt("answer", name, 0, retriever.excuse, asked) or why
                why = [old or new for old, new in zip(why, excuses, strict=True)]
        return [reason or TOO_FEW for reason in why]

    # ---- calling and recording

    def _call(self, stage: str, name: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except (RequestError, PipelineError):
            raise
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            raise PipelineError(f"{self._pipeline.scenario}: {stage} {name!r} failed: {what}") from error

    def _attempt(self, stage: str, name: str, entered: int, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """What `call` returns; None where it failed: then the answer goes on without it, and says so."""
        try:
            return self._call(stage, name, call, *args, **kwargs)
        except PipelineError as error:
            logger.error("%s; the answer goes on without it", error, exc_info=error)
            if stage != "log":
                self._degraded = self._degraded or f"{stage} {name!r} failed"
            self._record(stage, name, entered, entered, why=str(error), failed=True)
            return None

    def _ask(self, stage: str, name: str, retriever: Retriever, queries: Queries, n: int) -> Candidates | None:
        return self._attempt(stage, name, 0, retriever.recommend, queries, n, exclude_seen=self._exclude_seen)

    def _late(self, stage: str, name: str, entered: int) -> bool:
        if self._deadline is None or self._pipeline.timer() <= self._deadline:
            return False
        self._degraded = self._degraded or f"{stage} {name!r} left out: the time budget is spent"
        self._record(stage, name, entered, entered, why="left out: the time budget is spent")
        return True

    def _record(self, stage: str, name: str, entered: int, kept: int, *, why: str = "", failed: bool = False) -> None:
        self._steps.append(Step(stage, name, entered, kept, why, self._milliseconds(), failed))

    def _record_loss(self, stage: str, name: str, before: Candidates, after: Candidates, *, why: str) -> None:
        """One step with the candidates that are in `before` and not in `after`."""
        if len(before.items) == len(after.items):
            self._record(stage, name, len(before.items), len(after.items))
            return
        lost = ~np.isin(_keys(before), _keys(after))
        rows, items = rows_of(before.offsets)[lost], before.items[lost]
        counts = len(before.items), len(after.items)
        self._steps.append(Step(stage, name, *counts, why, self._milliseconds(), removed_rows=rows, removed_items=items))

    def _milliseconds(self) -> float:
        """Since the last call."""
        before, self._lap = self._lap, self._pipeline.timer()
        return (self._lap - before) * 1000


def _told(log: "Callable[[Queries, Answer], None]", queries: Queries, answer: Answer) -> bool:
    log(queries, answer)
    return True


def _keys(candidates: Candidates) -> LongArray:
    return pair_keys(rows_of(candidates.offsets), candidates.items)


def _without(candidates: Candidates, others: Candidates) -> Candidates:
    """The candidates that are not among `others` of the same request."""
    return candidates.keep(~np.isin(_keys(candidates), _keys(others)))


def _appended(best: Candidates, more: Candidates, source: int) -> Candidates:
    """Each list of `best` followed by that of `more`; scores of `more` count only where it stands alone."""
    alone = np.diff(best.offsets) == 0
    rows = np.concatenate([rows_of(best.offsets), rows_of(more.offsets)])
    order = np.argsort(rows, kind="stable")
    scores = np.where(alone[rows_of(more.offsets)], more.scores, -np.inf).astype(np.float32)
    return Candidates(
        np.concatenate([best.items, more.items])[order],
        np.concatenate([best.scores, scores])[order],
        np.concatenate([best.source, np.full(len(more.items), source, np.int16)])[order],
        offsets_of(np.diff(best.offsets) + np.diff(more.offsets)),
    )


def _difference(before: Queries, after: Queries) -> str:
    """In words, what a context step did."""
    said = []
    if after.allowed is not before.allowed and after.allowed is not None:
        said.append(f"{int(after.allowed.sum()):,} of {len(after.allowed):,} items may be recommended")
    if after.excluded is not before.excluded and after.excluded is not None:
        said.append(f"{len(after.excluded.values):,} excluded")
    if after.items is not before.items:
        said.append(f"history of {len(after.items):,} events instead of {len(before.items):,}")
    return "; ".join(said)


def _sunk(candidates: Candidates) -> str:
    sunk = int((~np.isfinite(candidates.scores)).sum())
    return f"{sunk} without a score, put last" if sunk else ""
