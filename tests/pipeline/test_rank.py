import numpy as np
from pipeline_parts import Linear, lists

from penchant.core.types import Candidates, Jagged, Queries
from penchant.pipeline.rank import Personal, WithStandIn
from penchant.pipeline.rerank import Diverse
from penchant.pipeline.retrieve import NO_HISTORY, FromModel

CATEGORIES = [{"war"}, {"war"}, {"war"}, {"love"}, {"love", "war"}, set()]


def candidates(rows: list[list[int]], scores: list[float]) -> Candidates:
    return Candidates.of(Jagged.of(rows), np.array(scores, np.float32))


def test_taste_moves_what_is_equally_relevant() -> None:
    found = candidates([[1, 2, 3]], [5.0, 5.0, 1.0])
    ordered = found.with_scores(Personal(FromModel(Linear(9))).score(Queries.of([[0]]), found)).sorted()
    assert lists(ordered) == [[1, 2, 3]]
    ordered = found.with_scores(Personal(FromModel(Linear(9))).score(Queries.of([[1]]), found)).sorted()
    assert lists(ordered) == [[2, 1, 3]]


def test_taste_does_not_outweigh_relevance() -> None:
    found = candidates([[1, 2]], [5.0, 3.0])
    assert lists(found.with_scores(Personal(FromModel(Linear(9))).score(Queries.of([[1]]), found)).sorted()) == [[1, 2]]


def test_without_history_relevance_decides_alone() -> None:
    found = candidates([[1, 2], [1, 2]], [5.0, 5.0, 1.0, 2.0])
    scores = Personal(FromModel(Linear(9))).score(Queries.of([[], []]), found)
    assert scores.tolist() == [1.0, 1.0, 0.5, 1.0]


def test_a_stand_in_scores_whole_lists_of_requests_that_the_model_cannot_answer() -> None:
    ranker = WithStandIn(FromModel(Linear(9)), Linear(9, pull=0.0))
    queries = Queries.of([[1], []])
    found = candidates([[2, 3], [2, 3]], [0.0] * 4)
    assert ranker.score(queries, found).tolist() == [1002.0, 3.0, 2.0, 3.0]
    assert list(ranker.excuse(queries)) == [None, NO_HISTORY]


def diverse(weight: float) -> Diverse:
    return Diverse(lambda items: [frozenset(CATEGORIES[int(item)]) for item in items], weight=weight)


def test_no_weight_on_variety_keeps_the_order() -> None:
    found = candidates([[0, 1, 2, 3], [5, 4]], [4.0, 3.0, 2.0, 1.0, 2.0, 1.0])
    assert lists(diverse(0).rerank(Queries.of([[], []]), found)) == [[0, 1, 2, 3], [5, 4]]


def test_variety_brings_up_another_category_and_loses_nothing() -> None:
    found = candidates([[0, 1, 2, 3]], [4.0, 3.0, 2.0, 1.0])
    assert lists(diverse(0.6).rerank(Queries.of([[]]), found)) == [[0, 3, 1, 2]]


def test_variety_leaves_empty_lists_and_items_without_categories_alone() -> None:
    assert lists(diverse(0.5).rerank(Queries.of([[], []]), candidates([[], [5, 5]], [2.0, 1.0]))) == [[], [5, 5]]
    assert lists(diverse(0.5).rerank(Queries.of([]), candidates([], []))) == []
