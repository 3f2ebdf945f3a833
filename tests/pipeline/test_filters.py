import numpy as np

from penchant.core.types import Candidates, Jagged, Queries
from penchant.pipeline.filters import Allowed, Available, Excluded, Seeds, Seen, joined

ALL = Candidates.of(Jagged.of([[0, 1, 2, 3], [0, 1, 2, 3]]))


def test_seen_looks_at_each_request_s_own_history_as_of_its_time() -> None:
    queries = Queries.of([[1, 2], [3]], timestamps=[[5, 9], [1]], at=[6, 6])
    assert Seen().keep(queries, ALL).tolist() == [True, False, True, True, True, True, True, False]


def test_excluded_and_seeds_look_at_each_request_s_own_list() -> None:
    lists = Jagged.of([[0], [2, 3]])
    expected = [False, True, True, True, True, True, False, False]
    assert Excluded().keep(Queries.of([[], []], excluded=lists), ALL).tolist() == expected
    assert Seeds().keep(Queries.of([[], []], seeds=lists), ALL).tolist() == expected


def test_items_outside_a_mask_do_not_pass() -> None:
    mask = np.array([True, False])
    for keep in (Allowed().keep(Queries.of([[], []], allowed=mask), ALL), Available(lambda: mask).keep(Queries.of([[], []]), ALL)):
        assert keep.tolist() == [True, False, False, False] * 2


def test_without_a_wish_everything_passes() -> None:
    queries = Queries.of([[], []])
    assert all(each.keep(queries, ALL).all() for each in (Seen(), Allowed(), Excluded(), Seeds()))


def test_available_narrows_what_the_search_may_find() -> None:
    queries = Queries.of([[]], allowed=np.array([True, True, False]))
    narrowed = Available(lambda: np.array([False, True, True, True])).prepare(queries)
    assert narrowed.allowed is not None
    assert narrowed.allowed.tolist() == [False, True, False]


def test_seeds_are_excluded_from_the_search_beside_what_is_excluded_already() -> None:
    queries = Queries.of([[], []], seeds=Jagged.of([[1], []]), excluded=Jagged.of([[2], [3]]))
    prepared = Seeds().prepare(queries)
    assert prepared.excluded is not None
    assert [prepared.excluded.row(b).tolist() for b in range(2)] == [[2, 1], [3]]


def test_joined_keeps_the_rows_apart() -> None:
    both = joined(Jagged.of([[1], [], [2]]), Jagged.of([[], [3], [4, 5]]))
    assert [both.row(b).tolist() for b in range(3)] == [[1], [3], [2, 4, 5]]
