"""Buckets divide the requests and, for one target each, add up to the whole."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from penchant.data import Dataset
from penchant.data.split import leave_one_out, temporal
from penchant.evaluation import Evaluation, evaluate
from penchant.evaluation.buckets import MIN_REQUESTS, buckets
from penchant.models import ItemKNN, Popular


def dataset(seed: int = 0, users: int = 150) -> Dataset:
    rng = np.random.default_rng(seed)
    size = 3_000
    frame = pl.DataFrame(
        {
            "user_id": [f"u{n}" for n in np.minimum(rng.geometric(0.02, size), users)],
            "item_id": [f"i{n}" for n in np.minimum(rng.geometric(0.03, size), 90)],
            "timestamp": rng.integers(0, 10**6, size),
        }
    )
    return Dataset.from_events(frame)


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    split = leave_one_out(dataset())
    return evaluate(ItemKNN().fit(split.train), split.test, train=split.train, exclude_seen=False)


@pytest.mark.parametrize("by", ["history_length", "item_frequency"])
@pytest.mark.parametrize("metric", ["ndcg@10", "recall@10", "hit_rate@10"])
def test_with_one_target_a_request_the_buckets_add_up(evaluation: Evaluation, by: str, metric: str) -> None:
    parts = buckets(evaluation)[by]
    assert sum(part["requests"] for part in parts) == len(evaluation)
    whole = sum(part["requests"] * part["metrics"][metric] for part in parts) / len(evaluation)
    assert whole == pytest.approx(evaluation.metrics[metric])
    assert len(parts) >= 2


@pytest.mark.parametrize("by", ["history_length", "item_frequency"])
def test_buckets_do_not_overlap_and_are_not_too_small(evaluation: Evaluation, by: str) -> None:
    parts = buckets(evaluation)[by]
    for part, after in pairwise(parts):
        assert part["to"] is not None and part["to"] < after["from"]
    assert all(part["requests"] >= MIN_REQUESTS for part in parts if part["from"] > 0)


def test_a_history_bucket_holds_the_requests_of_that_length(evaluation: Evaluation) -> None:
    for part in buckets(evaluation)["history_length"]:
        chosen = (evaluation.history_lengths >= part["from"]) & (evaluation.history_lengths <= (part["to"] or np.inf))
        assert part["metrics"]["ndcg@10"] == pytest.approx(evaluation.scores["ndcg@10"][chosen].mean())
        low, high = part["confidence"]["ndcg@10"]
        assert low <= part["metrics"]["ndcg@10"] <= high


def test_people_without_history_have_a_bucket_of_their_own() -> None:
    split = temporal(dataset(), test=0.5)
    evaluation = evaluate(Popular().fit(split.train), split.test)
    cold = int((evaluation.history_lengths == 0).sum())
    first = buckets(evaluation)["history_length"][0]
    assert cold > 0
    assert (first["from"], first["to"], first["requests"]) == (0, 0, cold)


def test_an_item_bucket_counts_only_its_own_items() -> None:
    split = temporal(dataset(), test=0.5)
    evaluation = evaluate(Popular().fit(split.train), split.test, at=5, train=split.train)
    known = evaluation.ranking.facts.popularity
    for part in buckets(evaluation)["item_frequency"]:
        inside = (known >= part["from"]) & (known <= (part["to"] or np.inf))
        recalls = []
        for row in range(len(evaluation)):
            wanted = [item for item in evaluation.targets.row(row) if inside[item]]
            if wanted:
                recalls.append(len(set(wanted) & set(evaluation.ranking.items[row])) / len(wanted))
        assert part["requests"] == len(recalls)
        assert part["metrics"]["recall@5"] == pytest.approx(np.mean(recalls))
