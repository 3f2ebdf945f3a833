"""Every metric against a slow computation that follows its definition word by word, and against scikit-learn where that has it."""

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn import metrics as sklearn_metrics

from penchant.core.types import Jagged
from penchant.evaluation.order import beaten
from penchant.metrics import LOWER_IS_BETTER, METRICS, WHOLE_ORDER, ItemFacts, Ranking
from penchant.metrics.ranking import hits_of, padded

N_ITEMS = 12


def item_facts(popularity: Sequence[int], features: np.ndarray) -> ItemFacts:
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    vectors = sparse.csr_array(np.divide(features, norms, out=np.zeros(features.shape), where=norms > 0))
    counts = np.array(popularity, dtype=np.int64)
    return ItemFacts(counts, max(1, int(counts.max())), counts * 2, vectors, "test")


def ranking_of(lists: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], places: int, facts: ItemFacts) -> Ranking:
    items, wanted = padded(Jagged.of(lists), places), Jagged.of(targets)
    return Ranking(items, hits_of(items, wanted), np.diff(wanted.offsets), facts)


@st.composite
def rankings(draw: st.DrawFn) -> tuple[list[list[int]], list[list[int]], int, ItemFacts]:
    codes = st.integers(0, N_ITEMS - 1)
    size = draw(st.integers(1, 5))
    lists = [draw(st.lists(codes, max_size=N_ITEMS, unique=True)) for _ in range(size)]
    targets = [sorted(draw(st.sets(codes, min_size=1, max_size=N_ITEMS))) for _ in range(size)]
    popularity = draw(st.lists(st.integers(0, 9), min_size=N_ITEMS, max_size=N_ITEMS))
    features = np.array(draw(st.lists(st.lists(st.sampled_from([0.0, 1.0]), min_size=4, max_size=4), min_size=N_ITEMS, max_size=N_ITEMS)))
    return lists, targets, draw(st.integers(1, N_ITEMS)), item_facts(popularity, features)


def hits(ranked: Sequence[int], wanted: Sequence[int]) -> list[int]:
    return [1 if item in wanted else 0 for item in ranked]


def slow_precision(ranked, wanted, k, facts):
    return sum(hits(ranked, wanted)) / k


def slow_recall(ranked, wanted, k, facts):
    return sum(hits(ranked, wanted)) / len(wanted)


def slow_f1(ranked, wanted, k, facts):
    p, r = slow_precision(ranked, wanted, k, facts), slow_recall(ranked, wanted, k, facts)
    return 2 * p * r / (p + r) if p + r else 0.0


def slow_hit_rate(ranked, wanted, k, facts):
    return 1.0 if any(hits(ranked, wanted)) else 0.0


def slow_ndcg(ranked, wanted, k, facts):
    gain = sum(hit / math.log2(place + 1) for place, hit in enumerate(hits(ranked, wanted), start=1))
    return gain / sum(1 / math.log2(place + 1) for place in range(1, min(k, len(wanted)) + 1))


def slow_mrr(ranked, wanted, k, facts):
    return next((1 / place for place, hit in enumerate(hits(ranked, wanted), start=1) if hit), 0.0)


def slow_map(ranked, wanted, k, facts):
    total, found = 0.0, 0
    for place, hit in enumerate(hits(ranked, wanted), start=1):
        found += hit
        total += hit * found / place
    return total / min(k, len(wanted))


def slow_novelty(ranked, wanted, k, facts):
    bits = [math.log2(facts.n_users / max(1, facts.popularity[item])) for item in ranked]
    return sum(bits) / len(bits) if bits else math.nan


def slow_diversity(ranked, wanted, k, facts):
    vectors = facts.vectors.toarray()
    far = [1 - float(vectors[a] @ vectors[b]) for a, b in combinations(ranked, 2)]
    return sum(far) / len(far) if far else math.nan


def slow_serendipity(ranked, wanted, k, facts):
    by_popularity = sorted(range(N_ITEMS), key=lambda item: (-facts.popularity[item], item))
    total = 0.0
    for place, item in enumerate(ranked, start=1):
        chance = (N_ITEMS + 1 - place) / N_ITEMS
        popular = (N_ITEMS + 1 - (by_popularity.index(item) + 1)) / N_ITEMS
        total += max(0.0, chance - popular) if item in wanted else 0.0
    return total / k


def slow_popularity_bias(ranked, wanted, k, facts):
    chosen = [facts.popularity[item] for item in range(N_ITEMS) for _ in range(facts.n_events[item])]
    if not ranked or not sum(chosen):
        return math.nan
    return (sum(facts.popularity[item] for item in ranked) / len(ranked)) / (sum(chosen) / len(chosen))


SLOW = {
    "precision": slow_precision,
    "recall": slow_recall,
    "f1": slow_f1,
    "hit_rate": slow_hit_rate,
    "ndcg": slow_ndcg,
    "mrr": slow_mrr,
    "map": slow_map,
    "novelty": slow_novelty,
    "diversity": slow_diversity,
    "serendipity": slow_serendipity,
    "popularity_bias": slow_popularity_bias,
}


@pytest.mark.parametrize("metric", sorted(SLOW))
@settings(max_examples=60, deadline=None)
@given(case=rankings())
def test_equals_its_definition(metric: str, case: tuple[list[list[int]], list[list[int]], int, ItemFacts]) -> None:
    lists, targets, places, facts = case
    fast = METRICS.load(metric)(ranking_of(lists, targets, places, facts))
    slow = [SLOW[metric](ranked[:places], wanted, places, facts) for ranked, wanted in zip(lists, targets, strict=True)]
    assert fast.dtype == np.float64
    np.testing.assert_allclose(fast, slow, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(case=rankings())
def test_coverage_and_gini_equal_their_definitions(case: tuple[list[list[int]], list[list[int]], int, ItemFacts]) -> None:
    lists, targets, places, facts = case
    ranking = ranking_of(lists, targets, places, facts)
    shown = [sum(item in ranked[:places] for ranked in lists) for item in range(N_ITEMS)]
    assert METRICS.load("coverage")(ranking) == sum(count > 0 for count in shown) / N_ITEMS
    if sum(shown):
        mean_difference = sum(abs(a - b) for a in shown for b in shown) / N_ITEMS**2
        assert METRICS.load("gini")(ranking) == pytest.approx(mean_difference / 2 / (sum(shown) / N_ITEMS))
    else:
        assert math.isnan(METRICS.load("gini")(ranking))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_auc_equals_the_pairs_won(data: st.DataObject) -> None:
    scores = np.array(data.draw(st.lists(st.lists(st.integers(-2, 3), min_size=7, max_size=7), min_size=1, max_size=4)), dtype=np.float32)
    most = data.draw(st.sampled_from([1, 5]))  # one target each is counted another way than many
    targets = [sorted(data.draw(st.sets(st.integers(0, 8), min_size=1, max_size=most))) for _ in scores]  # 7 and 8: unknown to the model
    seen = [data.draw(st.lists(st.integers(0, 6), max_size=6)) for _ in scores]
    hide = data.draw(st.booleans())
    silent = scores == -2
    scores[silent] = -np.inf  # the model cannot say
    hidden = scores.copy()
    for row, items in enumerate(seen if hide else []):
        hidden[row, items] = -np.inf
    fast = beaten(hidden, Jagged.of(targets), Jagged.of(seen) if hide else None)
    for row, wanted in enumerate(targets):
        held_back = set(seen[row]) if hide else set()
        others = [item for item in range(7) if item not in wanted and item not in held_back]
        won = []
        for target in wanted:
            lost = target >= 7 or target in held_back
            mine = -math.inf if lost else scores[row, target]
            won.append([0 if lost else 1.0 * (mine > scores[row, o]) + 0.5 * (mine == scores[row, o]) for o in others])
        expected = np.mean(won) if others else math.nan
        np.testing.assert_allclose(fast[row], expected, atol=1e-12)


def test_auc_agrees_with_sklearn() -> None:
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 40, size=(30, 50)).astype(np.float32)
    truth = rng.random((30, 50)) < 0.2
    truth[:, 0] = True
    ours = beaten(scores.copy(), Jagged.of([np.flatnonzero(row) for row in truth]), None)
    theirs = [sklearn_metrics.roc_auc_score(truth[row], scores[row]) for row in range(30)]
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_ndcg_map_precision_recall_and_f1_agree_with_sklearn() -> None:
    rng = np.random.default_rng(2)
    n_items, places = 40, 10
    scores = rng.permuted(np.tile(np.arange(n_items, dtype=np.float64), (25, 1)), axis=1)
    truth = rng.random((25, n_items)) < 0.15
    truth[:, 3] = True
    lists, targets = list(np.argsort(-scores, axis=1)), [np.flatnonzero(row) for row in truth]
    facts = item_facts([1] * n_items, np.eye(n_items))
    cut, whole = ranking_of(lists, targets, places, facts), ranking_of(lists, targets, n_items, facts)
    for row in range(25):
        chosen = np.isin(np.arange(n_items), lists[row][:places])
        assert METRICS.load("ndcg")(cut)[row] == pytest.approx(sklearn_metrics.ndcg_score(truth[[row]], scores[[row]], k=places))
        assert METRICS.load("map")(whole)[row] == pytest.approx(sklearn_metrics.average_precision_score(truth[row], scores[row]))
        assert METRICS.load("precision")(cut)[row] == pytest.approx(sklearn_metrics.precision_score(truth[row], chosen))
        assert METRICS.load("recall")(cut)[row] == pytest.approx(sklearn_metrics.recall_score(truth[row], chosen))
        assert METRICS.load("f1")(cut)[row] == pytest.approx(sklearn_metrics.f1_score(truth[row], chosen))


@settings(max_examples=50, deadline=None)
@given(case=rankings())
def test_with_one_target_hit_rate_is_recall_and_map_is_mrr(case: tuple[list[list[int]], list[list[int]], int, ItemFacts]) -> None:
    lists, targets, places, facts = case
    ranking = ranking_of(lists, [wanted[:1] for wanted in targets], places, facts)
    np.testing.assert_array_equal(METRICS.load("hit_rate")(ranking), METRICS.load("recall")(ranking))
    np.testing.assert_allclose(METRICS.load("map")(ranking), METRICS.load("mrr")(ranking))


def test_a_repeated_item_hits_once() -> None:
    items = np.array([[4, 4, 2, -1]], dtype=np.int32)
    assert hits_of(items, Jagged.of([[4, 2]])).tolist() == [[True, False, True, False]]


@pytest.mark.parametrize("few", [0, N_ITEMS])
def test_both_ways_to_diversity_agree_in_blocks_and_at_once(monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    rng = np.random.default_rng(3)
    facts = item_facts([1] * N_ITEMS, rng.random((N_ITEMS, 6)) < 0.5)
    lists = [rng.permutation(N_ITEMS)[: rng.integers(0, 6)] for _ in range(40)]
    ranking = ranking_of(lists, [[0]] * 40, 5, facts)
    expected = [slow_diversity(ranked, [0], 5, facts) for ranked in lists]
    for block in (20, 10**6):
        monkeypatch.setattr("penchant.metrics.diversity.BLOCK", block)
        monkeypatch.setattr("penchant.metrics.diversity.FEW_ITEMS", few)
        np.testing.assert_allclose(METRICS.load("diversity")(ranking), expected, atol=1e-12)


@pytest.mark.parametrize("metric", list(METRICS))
def test_a_metric_states_formula_range_and_source(metric: str) -> None:
    text = METRICS.load(metric).__doc__
    assert "Source:" in text
    assert "from 0" in text.lower() or "0 or 1" in text


def test_every_named_exception_is_a_metric() -> None:
    assert set(METRICS) >= LOWER_IS_BETTER | WHOLE_ORDER
