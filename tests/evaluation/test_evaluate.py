"""Evaluating: the right requests, no look into the future, and numbers that an independent computation gives too."""

import math
import os
from importlib import import_module
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.core.errors import DataError
from penchant.core.types import Candidates, Jagged, Queries
from penchant.data import Dataset
from penchant.data.split import leave_one_out, temporal
from penchant.evaluation import evaluate, requests
from penchant.models import EASE, ItemKNN, LastItem, Popular
from penchant.pipeline import Pipeline


def dataset_of(rows: list[tuple[str, str, int]], **rest: pl.DataFrame) -> Dataset:
    frame = pl.DataFrame(rows, schema={"user_id": pl.String, "item_id": pl.String, "timestamp": pl.Int64}, orient="row")
    return Dataset.from_events(frame, **rest)


def random_dataset(seed: int = 0, users: int = 40, items: int = 25, events: int = 600) -> Dataset:
    rng = np.random.default_rng(seed)
    chosen = np.minimum(rng.geometric(0.12, events) - 1, items - 1)
    rows = [(f"u{rng.integers(users)}", f"i{item}", int(time)) for item, time in zip(chosen, rng.integers(0, 10**6, events), strict=True)]
    return dataset_of(rows)


class Oracle:
    """Recommends a fixed list to everybody."""

    def __init__(self, *items: int) -> None:
        self.list = items

    def recommend(self, queries: Queries, n: int, *, exclude_seen: bool = True) -> Candidates:
        return Candidates.of(Jagged.of([self.list[:n]] * len(queries)))


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), time_known=st.booleans())
def test_requests_equal_a_loop_over_users(*, seed: int, time_known: bool) -> None:
    test = temporal(random_dataset(seed, users=15, events=80)).test
    queries, targets = requests(test, time_known=time_known)
    assert test.targets is not None
    events, row = test.interactions, 0
    for user in range(test.n_users):
        mine = range(events.offsets[user], events.offsets[user + 1])
        wanted = [e for e in mine if test.targets[e]]
        if not wanted:
            continue
        history = [e for e in mine if e < wanted[0]]
        assert queries.users[row] == user
        assert queries.history(row).tolist() == [events.items[e] for e in history]
        assert targets.row(row).tolist() == sorted({events.items[e] for e in wanted})
        others = [int(t) for t in events.timestamps[~test.targets] if t <= events.timestamps[wanted[0]]]
        unknown = events.timestamps[history[-1]] if history else max(others)
        assert queries.at[row] == (events.timestamps[wanted[0]] if time_known else unknown)
        row += 1
    assert row == len(queries) == len(targets)


def test_a_request_never_knows_a_time_after_its_target() -> None:
    for time_known in (True, False):
        test = leave_one_out(random_dataset()).test
        queries, _ = requests(test, time_known=time_known)
        ends = test.interactions.offsets[1:][queries.users] - 1
        assert (queries.at <= test.interactions.timestamps[ends]).all()
        assert len(queries.visible(test.n_items).items) == len(queries.items)


def test_planted_events_after_the_request_change_nothing() -> None:
    split = leave_one_out(random_dataset())
    test = split.test
    assert test.targets is not None
    models = [Popular().fit(split.train), EASE().fit(split.train), ItemKNN().fit(split.train), LastItem().fit(split.train)]
    before = [evaluate(model, test).metrics for model in models]
    events, canary = test.interactions, 0
    spots = np.flatnonzero(test.targets) + 1  # behind each target, much later
    planted = Dataset(
        type(events)(
            events.offsets + np.searchsorted(spots, events.offsets, side="right"),
            np.insert(events.items, spots, canary),
            np.insert(events.event_types, spots, 0),
            np.insert(events.values, spots, np.nan),
            np.insert(events.timestamps, spots, 10**9),
        ),
        test.users,
        test.items,
        test.event_types,
        targets=np.insert(test.targets, spots, False),
    )
    assert planted.n_events == test.n_events + len(spots)
    assert [evaluate(model, planted, train=split.known).metrics for model in models] == before


def test_the_future_is_not_in_the_training_data() -> None:
    rows = [(f"u{n}", f"i{k}", 10 * k + n) for n in range(9) for k in range(8)]
    canaries = [(f"u{n}", "canary", 1000 + n) for n in range(9)]
    for split in (leave_one_out(dataset_of(rows + canaries)), temporal(dataset_of(rows + canaries), test_from=1000)):
        canary = split.train.items.code("canary")
        assert canary not in split.train.interactions.items
        assert canary not in split.validation.interactions.items
        queries, targets = requests(split.test)
        assert canary not in queries.items
        assert canary in targets.values
        popular = Popular().fit(split.train).scores(queries)
        assert (popular[:, canary] == 0).all()


def test_a_planted_signal_in_the_future_is_worth_nothing() -> None:
    """Everybody ends with the same new item: a model that knew the future would always hit."""
    rng = np.random.default_rng(4)
    rows = [(f"u{n}", f"i{rng.integers(60)}", k) for n in range(50) for k in range(6)]
    split = leave_one_out(dataset_of(rows + [(f"u{n}", "canary", 99) for n in range(50)]))
    for model in (Popular(), ItemKNN(), EASE(), LastItem()):
        assert evaluate(model.fit(split.train), split.test, at=5).metrics["hit_rate@5"] == 0


def test_seen_targets_are_out_of_reach_counted_and_missed() -> None:
    split = leave_one_out(
        dataset_of([("ann", "a", 1), ("ann", "b", 2), ("ann", "a", 3), ("bob", "a", 1), ("bob", "b", 2), ("bob", "c", 3)])
    )
    model = Popular().fit(split.known)
    hidden = evaluate(model, split.test, at=3)
    assert hidden.unreachable.tolist() == [True, False]
    assert hidden.metrics["recall@3"] == 0.5
    assert hidden.scores["auc"].tolist() == [0.0, math.nan] or math.isnan(hidden.scores["auc"][1])
    shown = evaluate(model, split.test, at=3, exclude_seen=False)
    assert not shown.unreachable.any()
    assert shown.metrics["recall@3"] == 1.0


def test_repeated_targets_count_once() -> None:
    split = temporal(dataset_of([("ann", "a", 1), ("bob", "b", 1), ("ann", "b", 5), ("ann", "b", 6), ("ann", "c", 7)]), test_from=5)
    evaluation = evaluate(Oracle(1), split.test, at=2)
    assert evaluation.targets.row(0).tolist() == [1, 2]
    assert evaluation.metrics["recall@2"] == 0.5


def test_a_retriever_without_scores_is_evaluated_without_auc() -> None:
    split = leave_one_out(random_dataset())
    evaluation = evaluate(Oracle(0, 1, 2), split.test, at=3)
    assert math.isnan(evaluation.metrics["auc"])
    assert evaluation.metrics["coverage@3"] == 3 / split.test.n_items


@pytest.mark.parametrize("exclude_seen", [True, False])
@pytest.mark.parametrize("model", [Popular(), ItemKNN(), EASE()])
def test_scores_and_recommend_give_the_same_numbers(*, model: Popular | ItemKNN | EASE, exclude_seen: bool) -> None:
    split = leave_one_out(random_dataset())
    model.fit(split.train)

    class Lists:
        def recommend(self, queries: Queries, n: int, *, exclude_seen: bool = True) -> Candidates:
            return model.recommend(queries, n, exclude_seen=exclude_seen)

    by_scores = evaluate(model, split.test, exclude_seen=exclude_seen)
    by_lists = evaluate(Lists(), split.test, exclude_seen=exclude_seen)
    np.testing.assert_array_equal(by_scores.ranking.items, by_lists.ranking.items)


def test_a_pipeline_is_evaluated_as_it_is_served() -> None:
    split = leave_one_out(random_dataset())
    model = EASE().fit(split.train)
    pipeline = Pipeline("home", {"ease": model})
    np.testing.assert_array_equal(evaluate(pipeline, split.test).ranking.items, evaluate(model, split.test).ranking.items)


def test_blocks_do_not_change_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    split = leave_one_out(random_dataset())
    model = EASE().fit(split.train)
    at_once = evaluate(model, split.test).metrics
    monkeypatch.setattr(import_module("penchant.evaluation.evaluate"), "BLOCK", 80)
    assert evaluate(model, split.test).metrics == pytest.approx(at_once)


def test_a_model_of_other_items_is_refused() -> None:
    model = Popular().fit(random_dataset(1))
    with pytest.raises(DataError, match="other items"):
        evaluate(model, leave_one_out(random_dataset(2)).test)


def test_a_data_set_without_targets_is_refused() -> None:
    with pytest.raises(DataError, match="test part of a split"):
        evaluate(Oracle(0), random_dataset())


def test_diversity_looks_at_categories_where_there_are_some() -> None:
    rows = [(user, item, time) for user in "abc" for time, item in enumerate("xyz")]
    items = pl.DataFrame({"item_id": ["x", "y", "z"], "categories": [["red", "round"], ["red", "round"], ["blue"]]})
    split = leave_one_out(dataset_of(rows, items=items))
    evaluation = evaluate(Oracle(0, 1, 2), split.test, at=3)
    assert evaluation.ranking.facts.alike == "share categories"
    assert evaluation.metrics["diversity@3"] == pytest.approx(2 / 3)


def brute_force_popularity(
    split_rows: list[tuple[int, int]], histories: dict[int, set[int]], wanted: dict[int, int], n_items: int
) -> dict[str, float]:
    """Leave-one-out metrics of the most popular unseen items, one user after the other."""
    counts = [0] * n_items
    for _, item in split_rows:
        counts[item] += 1
    order = sorted(range(n_items), key=lambda item: (-counts[item], item))
    hits = ndcg = mrr = auc = 0.0
    for user, target in wanted.items():
        ranked = [item for item in order if item not in histories[user]]
        others = [counts[item] for item in ranked if item != target]
        if target not in histories[user]:
            auc += sum(1.0 if counts[target] > other else 0.5 if counts[target] == other else 0.0 for other in others) / len(others)
        if target in ranked[:10]:
            place = ranked.index(target) + 1
            hits, ndcg, mrr = hits + 1, ndcg + 1 / math.log2(place + 1), mrr + 1 / place
    names = ("hit_rate@10", "ndcg@10", "mrr@10", "auc")
    return {name: total / len(wanted) for name, total in zip(names, (hits, ndcg, mrr, auc), strict=True)}


def test_popularity_on_ml_100k_equals_brute_force() -> None:
    folder = os.environ.get("PENCHANT_DATA")
    if not folder:
        pytest.skip("PENCHANT_DATA is not set: the folder that holds ml-100k/u.data")
    lines = [line.split("\t") for line in (Path(folder) / "ml-100k" / "u.data").read_text().splitlines()]
    dataset = dataset_of([(user, item, int(time) * 10**6) for user, item, _, time in lines])
    split = leave_one_out(dataset)
    ours = evaluate(Popular().fit(split.train), split.test).metrics

    by_user: dict[int, list[tuple[int, int, int]]] = {}
    for position, (user, item, _, time) in enumerate(lines):
        by_user.setdefault(int(user), []).append((int(time), position, dataset.items.code(item)))
    ordered = {user: [item for _, _, item in sorted(mine)] for user, mine in by_user.items()}
    train = [(user, item) for user, mine in ordered.items() for item in mine[:-2]]
    theirs = brute_force_popularity(
        train, {user: set(mine[:-1]) for user, mine in ordered.items()}, {u: m[-1] for u, m in ordered.items()}, dataset.n_items
    )
    assert {name: ours[name] for name in theirs} == pytest.approx(theirs, abs=1e-6)
