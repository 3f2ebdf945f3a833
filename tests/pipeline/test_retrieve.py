import numpy as np
from pipeline_parts import Fixed, Linear, lists

from penchant.core.types import Candidates, FloatArray, Jagged, Queries
from penchant.pipeline.context import SeedsAsHistory
from penchant.pipeline.retrieve import (
    NO_HISTORY,
    NO_MATCH,
    SEEDS_UNKNOWN,
    UNKNOWN_HISTORY,
    FromModel,
    FromWords,
    Given,
    LikeWords,
    SimilarItems,
    merge,
)

# The titles of items 0, 1, 2 …
TITLES = ["red wool hat", "red wool scarf", "blue hat", "green tea", "red car"]


def search(text: str, n: int) -> list[tuple[int, float]]:
    """Items by the number of words they share with `text`."""
    words = set(text.split())
    found = [(item, float(len(words & set(title.split())))) for item, title in enumerate(TITLES)]
    return sorted([each for each in found if each[1] > 0], key=lambda each: -each[1])[:n]


def test_a_model_is_asked_only_for_requests_whose_history_it_sees() -> None:
    model = FromModel(Linear(5))
    queries = Queries.of([[2], [], [9]])
    assert lists(model.recommend(queries, 1)) == [[3], [], []]
    assert model.excuse(queries) == [None, NO_HISTORY, UNKNOWN_HISTORY]


def test_similar_items_are_those_that_the_seeds_move_up() -> None:
    similar = SimilarItems(Linear(8))
    queries = SeedsAsHistory().prepare(Queries.of([[6]], seeds=Jagged.of([[1, 4]])))
    assert sorted(similar.recommend(queries, 5).items.tolist()) == [2, 5]


def test_seeds_in_place_of_a_history_happened_nowhere() -> None:
    queries = Queries.of([[6]], seeds=Jagged.of([[1, 4]]), scenario="cart", scenarios=np.array([2], np.int16))
    asked = SeedsAsHistory().prepare(queries)
    assert asked.scenarios is None
    assert asked.scenario == "cart"


def test_a_model_that_knows_no_seed_says_so() -> None:
    queries = SeedsAsHistory().prepare(Queries.of([[1]], seeds=Jagged.of([[9]])))
    assert SimilarItems(Linear(5)).excuse(queries) == [SEEDS_UNKNOWN]
    assert lists(SimilarItems(Linear(5)).recommend(queries, 3)) == [[]]


def test_popularity_that_only_orders_is_not_similarity() -> None:
    class Counting(Linear):
        """Votes of the history on top of at most a millionth for popularity; nothing without a history."""

        def score(self, queries: Queries, candidates: Candidates) -> FloatArray:
            scores = super().score(queries, candidates)
            scores[np.repeat(np.diff(queries.offsets) == 0, np.diff(candidates.offsets))] = -np.inf
            return scores

        def scores(self, queries: Queries) -> FloatArray:
            base = np.arange(self.n_items, dtype=np.float32)
            return super().scores(queries) - base + base * np.float32(1e-6 / self.n_items)

    assert lists(SimilarItems(Counting(8)).recommend(Queries.of([[2]]), 5)) == [[3]]


def test_words_find_what_the_text_says_and_heed_what_is_excluded() -> None:
    queries = Queries.of([[], []], texts=("red wool", "green"), excluded=Jagged.of([[0], []]))
    assert lists(FromWords(search).recommend(queries, 2)) == [[1, 4], [3]]


def test_words_that_match_nothing_are_an_excuse() -> None:
    assert FromWords(search).excuse(Queries.of([[], [], []], texts=("red", "purple", ""))) == [None, NO_MATCH, NO_MATCH]


def test_what_says_the_same_as_the_seeds_is_found_without_any_event() -> None:
    alike = LikeWords(lambda item: TITLES[item].split(), search)
    assert lists(alike.recommend(Queries.of([[], []], seeds=Jagged.of([[0], [3]])), 3)) == [[1, 2, 4], []]


def test_a_given_list_keeps_its_order_each_item_once() -> None:
    queries = Queries.of([[], []], seeds=Jagged.of([[4, 2, 4, 0], []]))
    found = Given().recommend(queries, 9, exclude_seen=False)
    assert lists(found) == lists(found.sorted()) == [[4, 2, 0], []]


def test_merging_one_list_drops_repeats_and_unknown_items_and_keeps_scores() -> None:
    queries = Queries.of([[], []])
    found = merge({"a": Fixed([(3, 5.0), (-1, 4.0), (3, 3.0), (1, 2.0)]).recommend(queries, 4)})
    assert lists(found) == [[3, 1], [3, 1]]
    assert found.scores.tolist() == [5.0, 2.0] * 2


def test_merging_several_adds_reciprocal_ranks() -> None:
    queries = Queries.of([[]])
    found = merge({"a": Fixed([(3, 5.0), (1, 4.0)]).recommend(queries, 2), "b": Fixed([(1, 0.2)]).recommend(queries, 2)})
    assert dict(zip(found.items.tolist(), found.scores.tolist(), strict=True)) == {
        3: float(np.float32(1 / 61)),
        1: float(np.float32(np.float32(1 / 62) + np.float32(1 / 61))),
    }
