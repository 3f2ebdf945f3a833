import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pipeline_parts import lists

from penchant.core.clock import DAY
from penchant.core.types import Candidates, Jagged, Queries
from penchant.pipeline.trending import Trending

EVERYTHING = Candidates.of(Jagged.of([[0, 1, 2]]))


def counted(events: list[tuple[int, int]], half_life_days: float | None = 1.0, *, n_items: int = 3, parts: int = 1) -> Trending:
    trending = Trending(half_life_days)
    for part in np.array_split(np.array(events, dtype=np.int64).reshape(-1, 2), parts):
        trending.add(part[:, 0].astype(np.int32), part[:, 1], n_items=n_items)
    return trending


def test_an_event_one_half_life_older_counts_half() -> None:
    scores = counted([(0, 0), (1, DAY), (2, 2 * DAY)]).score(Queries.of([[]]), EVERYTHING)
    assert np.allclose(scores, [0.25, 0.5, 1.0], atol=2e-6)


def test_without_a_half_life_all_events_count_the_same() -> None:
    scores = counted([(0, 0), (0, 0), (1, 900 * DAY)], None).score(Queries.of([[]]), EVERYTHING)
    assert np.allclose(scores, [2, 1, 0], atol=2e-6)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30 * DAY)), min_size=1, max_size=20), st.integers(2, 5))
def test_counting_in_parts_equals_counting_at_once(events: list[tuple[int, int]], parts: int) -> None:
    one, other = (counted(events, parts=each).score(Queries.of([[]]), EVERYTHING) for each in (1, parts))
    assert np.allclose(one, other, rtol=1e-5)


def test_after_a_long_silence_old_items_keep_the_order_of_all_times() -> None:
    events = [(1, 0), (1, 0), (2, 0), (0, 30 * 365 * DAY)]
    assert lists(counted(events).recommend(Queries.of([[]]), 3)) == [[0, 1, 2]]


def test_it_goes_on_from_what_a_model_counted() -> None:
    trending = Trending(1.0)
    trending.start(np.array([4.0, 1.0], np.float32), until=0)
    trending.add(np.array([2], np.int32), np.array([DAY]), n_items=3)
    assert np.allclose(trending.score(Queries.of([[]]), EVERYTHING), [2.0, 0.5, 1.0], atol=2e-6)


def test_each_request_gets_only_what_it_may() -> None:
    trending = counted([(0, 0), (0, 0), (0, 0), (1, 0), (1, 0), (2, 0)])
    queries = Queries.of([[0], [], []], excluded=Jagged.of([[], [1], []]), allowed=np.array([True, True, True]))
    assert lists(trending.recommend(queries, 2)) == [[1, 2], [0, 2], [0, 1]]
    assert lists(trending.recommend(queries, 1, exclude_seen=False)) == [[0], [0], [0]]


def test_an_unknown_item_has_no_score_and_does_not_count() -> None:
    trending = counted([(-1, 0), (7, 0), (1, 0)])
    assert np.isneginf(trending.score(Queries.of([[]]), Candidates.of(Jagged.of([[9, -1]])))).all()
    assert lists(trending.recommend(Queries.of([[]]), 1)) == [[1]]


def test_nothing_counted_is_an_empty_answer() -> None:
    assert lists(Trending().recommend(Queries.of([[], []]), 3)) == [[], []]
