"""A scenario's path, put together: which component stands in which stage. `executor` runs it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from penchant.core.protocols import Filter, Reranker, Retriever, Scorer
from penchant.core.types import Candidates, IntArray, Jagged, Queries
from penchant.pipeline.context import Context
from penchant.pipeline.executor import Answer, Execution
from penchant.pipeline.explain import Cause, reasons_for_all
from penchant.pipeline.filters import Seen

__all__ = ["Answer", "Pipeline"]

Log = Callable[[Queries, Answer], None]


@dataclass(frozen=True)
class Pipeline:
    """The components of each stage by name, in the order in which they run. A pipeline can be evaluated like a model."""

    scenario: str
    retrievers: Mapping[str, Retriever]
    context: Mapping[str, Context] = field(default_factory=lambda: MappingProxyType({}))
    filters: Mapping[str, Filter] = field(default_factory=lambda: MappingProxyType({}))
    rankers: Mapping[str, Scorer] = field(default_factory=lambda: MappingProxyType({}))  # none: retrieval's scores are final
    rerankers: Mapping[str, Reranker] = field(default_factory=lambda: MappingProxyType({}))
    fallbacks: Mapping[str, Retriever] = field(default_factory=lambda: MappingProxyType({}))  # asked in turn until the list is full
    log: Mapping[str, Log] = field(default_factory=lambda: MappingProxyType({}))
    explainer: Scorer | None = None  # whose scores the reasons are measured by
    exclude_seen: bool = True
    depth: int = 0  # candidates to retrieve, where that is more than the answer needs
    timer: Callable[[], float] = time.perf_counter  # seconds

    def run(self, queries: Queries, n: int, *, exclude_seen: bool | None = None, deadline: float | None = None) -> Answer:
        """At most `n` items a request, what became of all candidates, and why a fallback answered where one did.

        After `deadline` (seconds of `timer`) ranking and reranking are left out, and the trace says so. A component that
        fails is left out and the answer degraded, visibly; a filter that fails, or nothing left to answer with, raises
        PipelineError.
        """
        seen = self.exclude_seen if exclude_seen is None else exclude_seen
        return Execution(self, queries, n, exclude_seen=seen, deadline=deadline).run()

    def recommend(self, queries: Queries, n: int, *, exclude_seen: bool = True) -> Candidates:
        """The items of `run`, so that a pipeline is evaluated as it is served."""
        return self.run(queries, n, exclude_seen=exclude_seen).candidates

    def refusal(self, query: Queries, item: int) -> str | None:
        """Which filter keeps this item from this one request, and why; None where all let it pass."""
        seen = {"seen": Seen()} if self.exclude_seen else {}
        candidate = Candidates.of(Jagged.of([[item]]))
        for name, each in {**seen, **self.filters}.items():
            if not each.keep(query, candidate).all():
                return f"{name}: {why}" if (why := getattr(each, "why", "")) else name
        return None

    def reasons(self, query: Queries, items: IntArray, *, top: int = 3) -> list[list[Cause]]:
        """For each of `items` the past events that moved it up most in this one request; none where nothing is explained."""
        if self.explainer is None:
            return [[] for _ in items]
        for context in self.context.values():
            query = context.prepare(query)
        return reasons_for_all(self.explainer, query, items, top=top)
