from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from pipeline_parts import Broken, Fixed, Linear, lists

from penchant.core.errors import PipelineError, RequestError
from penchant.core.types import Candidates, Jagged, Queries
from penchant.pipeline import Pipeline
from penchant.pipeline.executor import FALLBACK, TOO_FEW
from penchant.pipeline.filters import Available, Excluded, Seeds
from penchant.pipeline.retrieve import NO_HISTORY, FromModel, Missing
from penchant.pipeline.trending import Trending

N_ITEMS = 12
HISTORIES = [[1, 2], [], [5], [0, 3, 7]]


def popular() -> Trending:
    """Item 0 is the most popular, then 1, 2 …"""
    counts = Trending()
    items = np.repeat(np.arange(N_ITEMS), np.arange(N_ITEMS, 0, -1)).astype(np.int32)
    counts.add(items, np.zeros(len(items), np.int64), n_items=N_ITEMS)
    return counts


def pipeline(**parts: object) -> Pipeline:
    standard = {"retrievers": {"linear": FromModel(Linear(N_ITEMS))}, "fallbacks": {"popular": popular()}}
    return Pipeline("home", **{**standard, **parts})


def test_a_batch_equals_one_by_one() -> None:
    queries = Queries.of(HISTORIES, excluded=Jagged.of([[11], [0], [], [9]]))
    path = pipeline(filters={"excluded": Excluded()})
    together = path.run(queries, 4)
    for b in range(len(HISTORIES)):
        alone = path.run(queries.take(np.array([b])), 4)
        assert lists(alone.candidates) == [lists(together.candidates)[b]]
        assert alone.candidates.row_scores(0).tolist() == together.candidates.row_scores(b).tolist()
        assert alone.fallback_reasons == (together.fallback_reasons[b],)


def test_the_model_answers_and_nothing_is_said_about_a_fallback() -> None:
    answer = pipeline().run(Queries.of([[1, 2]]), 2)
    assert lists(answer.candidates) == [[3, 11]]
    assert answer.fallback_reason is None


def test_without_history_the_fallback_answers_with_its_own_scores_and_says_why() -> None:
    answer = pipeline().run(Queries.of([[]]), 3)
    assert lists(answer.candidates) == [[0, 1, 2]]
    assert answer.candidates.scores.tolist() == popular().score(Queries.of([[]]), answer.candidates).tolist()
    assert answer.fallback_reason == NO_HISTORY


def test_without_a_model_the_fallback_answers_and_says_why() -> None:
    answer = pipeline(retrievers={"sasrec": Missing("no model is trained")}).run(Queries.of([[1]]), 2)
    assert lists(answer.candidates) == [[0, 2]]
    assert answer.fallback_reason == "no model is trained"


def test_a_short_list_is_filled_up_without_repeats_and_the_filled_part_has_no_comparable_score() -> None:
    answer = pipeline(retrievers={"fixed": Fixed([(0, 2.0), (9, 1.0)])}).run(Queries.of([[]]), 4)
    assert lists(answer.candidates) == [[0, 9, 1, 2]]
    assert answer.candidates.scores.tolist()[:2] == [2.0, 1.0]
    assert np.isneginf(answer.candidates.scores[2:]).all()
    assert answer.candidates.source.tolist() == [0, 0, FALLBACK, FALLBACK]
    assert answer.fallback_reason == TOO_FEW


def test_a_short_list_that_nobody_can_fill_up_needs_no_reason_unless_it_is_empty() -> None:
    path = pipeline(retrievers={"fixed": Fixed([(0, 2.0)])}, fallbacks={})
    assert path.run(Queries.of([[]]), 4).fallback_reason is None
    assert path.run(Queries.of([[0]]), 4).fallback_reason == TOO_FEW


def test_fallbacks_are_asked_in_turn_until_the_list_is_full() -> None:
    first, second, third = Fixed([(1, 1.0)]), Fixed([(1, 1.0), (2, 1.0), (3, 1.0)]), Fixed([(4, 1.0)])
    path = pipeline(retrievers={"none": Fixed([])}, fallbacks={"first": first, "second": second, "third": third})
    answer = path.run(Queries.of([[]]), 3)
    assert lists(answer.candidates) == [[1, 2, 3]]
    assert answer.candidates.source.tolist() == [FALLBACK, FALLBACK + 1, FALLBACK + 1]
    assert third.asked == []


def test_only_the_lists_that_are_too_short_go_to_the_fallback() -> None:
    fallback = Fixed([(0, 1.0), (1, 1.0)])
    pipeline(fallbacks={"fixed": fallback}).run(Queries.of(HISTORIES), 2)
    assert fallback.asked == [1]


@pytest.mark.parametrize("stage", ["retrievers", "fallbacks"])
def test_canaries_never_pass_the_filters_whichever_part_brings_them(stage: str) -> None:
    """A retriever that heeds nothing brings a seen, an excluded, an unavailable and a seed item."""
    mask = np.ones(N_ITEMS, dtype=bool)
    mask[3] = False
    available, seeds = Available(lambda: mask), Seeds()
    deaf = {"deaf": Fixed([(1, 9.0), (2, 8.0), (3, 7.0), (4, 6.0), (5, 5.0), (99, 4.0)])}
    other = {"retrievers": {"none": Fixed([])}} if stage == "fallbacks" else {"fallbacks": {}}
    path = pipeline(
        **{stage: deaf, **other},
        context={"available": available, "seeds": seeds},
        filters={"available": available, "excluded": Excluded(), "seeds": seeds},
    )
    answer = path.run(Queries.of([[1]], excluded=Jagged.of([[2]]), seeds=Jagged.of([[4]])), 10)
    assert lists(answer.candidates) == [[5]]
    for item, name in ((1, "seen"), (2, "excluded"), (3, "available"), (99, "available")):
        step = answer.trace.removal(item)
        assert step is not None
        assert step.component == name
        assert step.why


def test_seen_items_may_come_again_where_the_scenario_says_so() -> None:
    path = pipeline(exclude_seen=False)
    assert 3 in lists(path.run(Queries.of([[2, 3]]), 3).candidates)[0]
    assert 3 not in lists(path.recommend(Queries.of([[2, 3]]), 3, exclude_seen=True))[0]


def test_the_trace_adds_up() -> None:
    mask = np.arange(N_ITEMS) % 2 == 0
    retrievers = {"a": Fixed([(i, float(i)) for i in range(8)]), "b": Linear(N_ITEMS)}
    path = pipeline(retrievers=retrievers, filters={"available": Available(lambda: mask)}, depth=8)
    answer = path.run(Queries.of(HISTORIES), 2)
    steps = answer.trace.steps
    assert [step.stage for step in steps] == ["retrieve"] * 3 + ["filter"] * 2 + ["answer"]
    for step in steps:
        assert step.entered == step.kept + step.removed
        assert step.milliseconds >= 0
        if step.removed_items is not None:
            assert len(step.removed_items) == step.removed
    for before, after in pairwise(steps[2:]):
        assert before.kept == after.entered
    assert steps[-1].kept == len(answer.candidates.items) == 2 * len(HISTORIES)


def test_two_retrievers_are_merged_each_item_once_with_its_first_source() -> None:
    path = pipeline(retrievers={"a": Fixed([(3, 100.0), (4, 50.0)]), "b": Fixed([(4, 0.9), (5, 0.8)])}, fallbacks={})
    answer = path.run(Queries.of([[]]), 5)
    assert lists(answer.candidates) == [[4, 3, 5]]  # 4 is in both lists
    assert answer.candidates.source.tolist() == [0, 0, 1]


def test_a_score_that_is_not_finite_sinks() -> None:
    path = pipeline(retrievers={"bad": Fixed([(1, float("nan")), (2, 1.0), (3, float("inf")), (4, 2.0)])}, fallbacks={})
    assert lists(path.run(Queries.of([[]]), 4).candidates) == [[4, 2, 1, 3]]


def test_a_ranker_orders_what_was_found() -> None:
    path = pipeline(retrievers={"fixed": Fixed([(1, 9.0), (2, 8.0), (3, 7.0)])}, rankers={"linear": Linear(N_ITEMS)}, depth=3, fallbacks={})
    assert lists(path.run(Queries.of([[0]]), 2).candidates) == [[1, 3]]


def test_ranking_sees_more_candidates_than_the_answer_holds() -> None:
    path = pipeline(retrievers={"fixed": Fixed([(1, 9.0), (2, 8.0), (11, 7.0)])}, rankers={"linear": Linear(N_ITEMS)}, depth=3)
    assert lists(path.run(Queries.of([[5]]), 1).candidates) == [[11]]


def test_after_the_deadline_ranking_is_left_out_and_the_answer_says_so() -> None:
    path = pipeline(retrievers={"fixed": Fixed([(1, 9.0), (2, 8.0)])}, rankers={"linear": Linear(N_ITEMS)}, timer=lambda: 5.0)
    answer = path.run(Queries.of([[0]]), 2, deadline=4.0)
    assert lists(answer.candidates) == [[1, 2]]
    assert answer.fallback_reason == "rank 'linear' left out: the time budget is spent"
    assert [step.why for step in answer.trace.steps if step.stage == "rank"] == ["left out: the time budget is spent"]


@pytest.mark.parametrize(("stage", "slot"), [("retrieve", "retrievers"), ("rank", "rankers"), ("rerank", "rerankers")])
def test_a_component_that_fails_degrades_the_answer_visibly(stage: str, slot: str, caplog: pytest.LogCaptureFixture) -> None:
    path = pipeline(**{slot: {"broken": Broken()}})
    answer = path.run(Queries.of([[1, 2]]), 3)
    assert len(answer.candidates.items) == 3
    assert answer.fallback_reason == f"{stage} 'broken' failed"
    (failure,) = answer.trace.failures
    assert (failure.stage, failure.component) == (stage, "broken")
    assert "home: " in failure.why
    assert "planted" in failure.why
    assert "planted" in caplog.text


def test_a_filter_that_fails_ends_the_request_since_what_it_hides_must_stay_hidden() -> None:
    with pytest.raises(PipelineError, match=r"home: filter 'broken' failed: ZeroDivisionError: planted"):
        pipeline(filters={"broken": Broken()}).run(Queries.of([[1]]), 3)


def test_a_failure_with_nothing_left_to_answer_is_an_error() -> None:
    path = pipeline(retrievers={"broken": Broken()}, fallbacks={})
    with pytest.raises(PipelineError, match="retrieve 'broken' failed"):
        path.run(Queries.of([[1]]), 3)


def test_the_second_fallback_answers_when_the_first_fails() -> None:
    answer = pipeline(fallbacks={"broken": Broken(), "popular": popular()}).run(Queries.of([[]]), 2)
    assert lists(answer.candidates) == [[0, 1]]
    assert len(answer.trace.failures) == 1


def test_a_caller_s_mistake_found_by_a_component_stays_one() -> None:
    class Refusing(Fixed):
        def recommend(self, queries: Queries, n: int, *, exclude_seen: bool = True) -> Candidates:
            raise RequestError("is wrong", field="text")

    with pytest.raises(RequestError, match="is wrong"):
        pipeline(retrievers={"refusing": Refusing([])}).run(Queries.of([[1]]), 3)


def test_the_log_gets_every_answer_and_its_failure_costs_nothing() -> None:
    told: list[int] = []
    path = pipeline(log={"memory": lambda queries, answer: told.append(len(queries)), "broken": lambda queries, answer: 1 / 0})
    answer = path.run(Queries.of(HISTORIES), 2)
    assert told == [4]
    assert answer.fallback_reasons == (None, NO_HISTORY, None, None)
    assert [step.component for step in answer.trace.failures] == ["broken"]


def test_the_answer_is_a_function_of_the_history_as_of_the_request() -> None:
    now = Queries.of([[1, 2]], timestamps=[[10, 20]], at=15)
    future = replace(now, items=np.array([1, 8], np.int32))
    assert lists(pipeline().run(now, 3).candidates) == lists(pipeline().run(future, 3).candidates) == [[2, 11, 10]]


def test_no_requests_get_no_answers() -> None:
    answer = pipeline().run(Queries.of([]), 3)
    assert len(answer.candidates) == 0
    assert answer.fallback_reasons == ()


def test_refusal_names_the_filter_that_keeps_an_item_out() -> None:
    path = pipeline(filters={"excluded": Excluded()})
    queries = Queries.of([[1]], excluded=Jagged.of([[2]]))
    assert path.refusal(queries, 1) == "seen: already in the history"
    assert path.refusal(queries, 2) == "excluded: excluded by the request"
    assert path.refusal(queries, 3) is None
