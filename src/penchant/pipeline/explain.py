"""Why an item is recommended: by measurement, the score without a past event, not by a story."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penchant.core.protocols import Scorer
from penchant.core.types import BoolArray, Candidates, IntArray, Jagged, LongArray, Queries, offsets_of

MOST_EVENTS = 64  # the latest of a history that are tried: an answer's reasons cost one batch of so many requests


@dataclass(frozen=True)
class Cause:
    """A past event that moved an item up by `weight`, in the units of the scorer."""

    position_in_history: int  # of the latest event with `item`
    item: int
    weight: float


def reasons(scorer: Scorer, query: Queries, item: int, *, top: int = 3) -> list[Cause]:
    """The events of one request's history that moved `item` up most, the strongest first."""
    return reasons_for_all(scorer, query, np.array([item], dtype=np.int32), top=top)[0]


def reasons_for_all(scorer: Scorer, query: Queries, items: IntArray, *, top: int = 3) -> list[list[Cause]]:
    """For each of `items` the events of one request's history that moved it up most, the strongest first.

    weight = score(history) − score(history without every event of that history item): somebody who played a song twice
    did so for one reason. Only events that moved the item up are reasons; at most `top`.
    """
    positions = _latest_positions(query)
    if len(positions) == 0 or len(items) == 0:
        return [[] for _ in items]
    scores = _scores_without(scorer, query, query.items[positions], items)  # [P + 1, N], row 0 = the whole history
    scores[1:][~np.isfinite(scores[1:])] = 0  # a model that says nothing without a history has no evidence then
    gains = np.where(np.isfinite(scores[0]), scores[0], 0) - scores[1:]
    return [_strongest(gains[:, column], positions, query.items, top) for column in range(len(items))]


def _latest_positions(query: Queries) -> LongArray:
    """The latest position of each distinct known item among the latest visible events, the latest first."""
    visible = np.flatnonzero((query.timestamps <= query.at[0]) & (query.items >= 0))[::-1]
    _, first = np.unique(query.items[visible], return_index=True)
    return visible[np.sort(first)[:MOST_EVENTS]]


def _scores_without(
    scorer: Scorer, query: Queries, left_out: Sequence[int] | IntArray, items: IntArray
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    keeps: list[BoolArray] = [np.ones(len(query.items), dtype=bool), *(query.items != item for item in left_out)]
    variants = query.take(np.zeros(len(keeps), dtype=np.int64)).keep_events(np.concatenate(keeps))
    lists = Jagged(np.tile(items, len(keeps)), offsets_of(np.full(len(keeps), len(items))))
    scores = scorer.score(variants, Candidates.of(lists))
    return scores.astype(np.float64).reshape(len(keeps), len(items))


def _strongest(gains: np.ndarray[tuple[int], np.dtype[np.float64]], positions: LongArray, items: IntArray, top: int) -> list[Cause]:
    order = np.argsort(-gains, kind="stable")[:top]
    return [Cause(int(positions[place]), int(items[positions[place]]), float(gains[place])) for place in order if gains[place] > 0]
