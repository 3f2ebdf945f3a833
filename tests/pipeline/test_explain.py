import numpy as np
from pipeline_parts import Linear

from penchant.core.types import Candidates, FloatArray, Jagged, Queries
from penchant.pipeline import Pipeline
from penchant.pipeline.context import SeedsAsHistory
from penchant.pipeline.explain import Cause, reasons, reasons_for_all


def test_the_planted_cause_is_named_with_its_weight() -> None:
    """Item 3 is pulled up by item 2 and by nothing else."""
    assert reasons(Linear(9, pull=50.0), Queries.of([[7, 2, 5]]), 3) == [Cause(1, 2, 50.0)]


def test_every_item_gets_its_own_reasons() -> None:
    found = reasons_for_all(Linear(9, pull=5.0), Queries.of([[7, 2, 5]]), np.array([6, 3, 1], np.int32))
    assert [[cause.item for cause in causes] for causes in found] == [[5], [2], []]


def test_several_events_with_one_item_are_one_reason_at_the_latest_position() -> None:
    assert reasons(Linear(9, pull=5.0), Queries.of([[2, 7, 2]]), 3) == [Cause(2, 2, 10.0)]


def test_the_strongest_come_first_and_no_more_than_asked_for() -> None:
    class Sum:
        """Every history item pulls by its code."""

        def score(self, queries: Queries, candidates: Candidates) -> FloatArray:
            totals = [queries.history(b).sum() for b in range(len(queries))]
            return np.repeat(totals, np.diff(candidates.offsets)).astype(np.float32)

    assert [cause.item for cause in reasons(Sum(), Queries.of([[1, 4, 2, 3]]), 9, top=2)] == [4, 3]


def test_events_that_push_down_are_no_reasons() -> None:
    assert reasons(Linear(9, pull=-5.0), Queries.of([[2]]), 3) == []


def test_events_after_the_request_are_no_reasons() -> None:
    assert reasons(Linear(9), Queries.of([[2, 4]], timestamps=[[1, 9]], at=5), 5) == []


def test_a_model_that_says_nothing_without_a_history_names_its_only_event() -> None:
    class Silent(Linear):
        def score(self, queries: Queries, candidates: Candidates) -> FloatArray:
            scores = super().score(queries, candidates)
            scores[np.repeat(np.diff(queries.offsets) == 0, np.diff(candidates.offsets))] = -np.inf
            return scores

    (cause,) = reasons(Silent(9, pull=50.0), Queries.of([[2]]), 3)
    assert (cause.item, cause.weight) == (2, 53.0)


def test_seeds_are_the_reasons_of_what_is_like_them() -> None:
    path = Pipeline("similar", {}, context={"history": SeedsAsHistory()}, explainer=Linear(9, pull=5.0))
    queries = Queries.of([[7]], seeds=Jagged.of([[2]]))
    assert [[cause.item for cause in causes] for causes in path.reasons(queries, np.array([3, 8], np.int32))] == [[2], []]


def test_without_history_there_are_no_reasons() -> None:
    assert reasons(Linear(9), Queries.of([[]]), 3) == []
