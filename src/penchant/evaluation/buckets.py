"""Where a model is good: its metrics by length of history, and by how well known the wanted item is."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from penchant.core.types import LongArray, rows_of
from penchant.evaluation.evaluate import Evaluation, named
from penchant.evaluation.significance import confidence
from penchant.metrics import METRICS, Ranking
from penchant.metrics.ranking import Values

# Where each bucket begins; the last one is open. 0 stands alone: nothing is known.
HISTORY_EVENTS = (0, 1, 3, 6, 11, 21, 51, 101, 201)
ITEM_PEOPLE = (0, 1, 6, 21, 101, 501, 2_001)

BUCKETED = ("ndcg", "recall", "hit_rate")

# A bucket of fewer requests says little and joins the one before it.
MIN_REQUESTS = 20


def buckets(evaluation: Evaluation, *, seed: int = 0) -> dict[str, list[dict[str, Any]]]:
    """{"history_length": …, "item_frequency": …}: lists of buckets with `label`, `from`, `to`, `requests`, `metrics`, `confidence`.

    Empty buckets are left out. `Any`: JSON.
    """
    return {"history_length": by_history(evaluation, seed=seed), "item_frequency": by_item(evaluation, seed=seed)}


def by_history(evaluation: Evaluation, *, seed: int = 0) -> list[dict[str, Any]]:
    """Requests by the number of events before them. `Any`: JSON."""
    edges = _edges(HISTORY_EVENTS, evaluation.history_lengths)
    of_request = np.searchsorted(edges, evaluation.history_lengths, side="right") - 1
    return [
        _bucket(edges, b, evaluation.ranking.take(of_request == b), evaluation.at, seed)
        for b in range(len(edges))
        if (of_request == b).any()
    ]


def by_item(evaluation: Evaluation, *, seed: int = 0) -> list[dict[str, Any]]:
    """Targets by the number of people that met the item in training; a request counts in each bucket that one of its targets is in.

    In a bucket, only its items are targets and hits. `Any`: JSON.
    """
    ranking, targets = evaluation.ranking, evaluation.targets
    edges = _edges(ITEM_PEOPLE, ranking.facts.popularity[targets.values])
    of_item = np.searchsorted(edges, ranking.facts.popularity, side="right") - 1
    result = []
    for b in np.unique(of_item[targets.values]):
        n_targets = np.bincount(rows_of(targets.offsets)[of_item[targets.values] == b], minlength=len(targets))
        hits = ranking.hits & (of_item[np.maximum(0, ranking.items)] == b)
        chosen = replace(ranking, hits=hits, n_targets=n_targets).take(n_targets > 0)
        result.append(_bucket(edges, int(b), chosen, evaluation.at, seed) | {"targets": int(n_targets.sum())})
    return result


def _edges(edges: Sequence[int], values: LongArray) -> list[int]:
    """The edges without those of buckets that hold too few values, each joining its neighbour; 0 stays alone."""
    kept = list(edges)
    for k in range(len(edges) - 1, 0, -1):
        counts = np.bincount(np.searchsorted(kept, values, side="right"), minlength=len(kept) + 1)
        if counts[k + 1] < MIN_REQUESTS and len(kept) > 2:
            kept.pop(max(k, 2))
    return kept


def _bucket(edges: Sequence[int], b: int, ranking: Ranking, at: int, seed: int) -> dict[str, Any]:
    low, high = edges[b], edges[b + 1] - 1 if b + 1 < len(edges) else None
    label = f"{low:,}+" if high is None else f"{low:,}" if high == low else f"{low:,}–{high:,}"
    scores: dict[str, Values] = {named(metric, at): METRICS.load(metric)(ranking) for metric in BUCKETED}
    return {
        "label": label,
        "from": low,
        "to": high,
        "requests": len(ranking),
        "metrics": {name: float(values.mean()) for name, values in scores.items()},
        "confidence": {name: list(interval) for name, interval in confidence(scores, seed=seed, resamples=400).items()},
    }
