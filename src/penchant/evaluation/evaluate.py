"""How good a model is at what really happened next: one request a user, full ranking, every metric."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from penchant.core.errors import DataError
from penchant.core.protocols import Retriever
from penchant.core.types import BoolArray, Candidates, FloatArray, IntArray, Jagged, LongArray, Queries, offsets_of, rows_of
from penchant.data import Dataset, Vocabulary
from penchant.data.split import without_targets
from penchant.evaluation.items import item_facts
from penchant.evaluation.order import beaten, distinct, in_rows, seen_of
from penchant.index.exact import top_n
from penchant.index.hide import hide
from penchant.metrics import METRICS, WHOLE_ORDER, ItemFacts, Ranking
from penchant.metrics.ranking import Values, hits_of, padded

# Scores of one block of requests: 16 MiB, so that memory does not grow with the requests.
BLOCK = 2**22


@dataclass(frozen=True)
class Evaluation:
    """What one model did on one test: every metric for every request, and their means."""

    at: int
    scores: dict[str, Values]  # [B] by name, e.g. "ndcg@10"; NaN where a metric is not defined
    totals: dict[str, float]  # metrics of all requests together, e.g. "coverage@10"
    ranking: Ranking
    targets: Jagged  # [B] different items that each request wanted
    users: IntArray  # [B]
    history_lengths: LongArray  # [B] events before the request
    unreachable: BoolArray  # [targets] seen before, hence never recommended
    seconds: float

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Every metric, in the order of the catalogue; NaN where it is not defined for any request."""
        means = {name: float(np.nanmean(values)) if not np.isnan(values).all() else float("nan") for name, values in self.scores.items()}
        both = means | self.totals
        return {named(metric, self.at): both[named(metric, self.at)] for metric in METRICS}

    def __len__(self) -> int:
        return len(self.users)

    def __str__(self) -> str:
        return "  ".join(f"{name} {value:.4f}" for name, value in self.metrics.items())


def evaluate(
    model: Retriever,
    test: Dataset,
    *,
    at: int = 10,
    train: Dataset | None = None,
    exclude_seen: bool = True,
    time_known: bool = False,
) -> Evaluation:
    """How well `model` predicts the targets of `test`, a part of a split, in its first `at` places.

    Every item of the catalogue competes; ties go to the lower item code. `exclude_seen` keeps what a history holds out of its list: a
    target seen before is then out of reach, counts as a miss, and is counted in `unreachable`. `train` is where popularity is
    counted (default: what precedes the targets). Anything that can `recommend` is evaluated, a pipeline as it is served; a
    model that scores the whole catalogue (`scores`) gets AUC too. Raises DataError.
    """
    if at < 1:
        raise DataError(f"evaluate: at must be 1 or more; received: {at}")
    _check_items(model, test)
    queries, targets = requests(test, time_known=time_known)
    facts = item_facts(without_targets(test) if train is None else train)
    started = time.perf_counter()
    ranking = rank(model, queries, targets, facts, at=at, exclude_seen=exclude_seen)
    seconds = time.perf_counter() - started
    scores, totals = measure(ranking)
    return Evaluation(
        at=at,
        scores=scores,
        totals=totals,
        ranking=ranking,
        targets=targets,
        users=queries.users,
        history_lengths=np.diff(queries.offsets),
        unreachable=in_rows(targets, seen_of(queries, test.n_items)) & exclude_seen,
        seconds=seconds,
    )


def requests(test: Dataset, *, time_known: bool = False) -> tuple[Queries, Jagged]:
    """One request for each user that has targets, in order of code, and the different items each wanted.

    The history is what the user did before the first target. The request's time is that of the first target when `time_known`, else
    that of the last event of the history; without a history, that of the last known event of anybody that is not later.
    """
    if test.targets is None or not test.targets.any():
        raise DataError(f"evaluate: {test.name!r} marks no event to predict; pass the test part of a split (see penchant.data.split)")
    events = test.interactions
    wanted = np.flatnonzero(test.targets)
    users, first = np.unique(events.users[wanted], return_index=True)
    cuts = wanted[first]  # the event that is each user's first target
    begins = events.offsets[users]
    at = events.timestamps[cuts]
    if not time_known:
        others = np.sort(events.timestamps[~test.targets])
        known_until = others[np.maximum(0, np.searchsorted(others, at, side="right") - 1)] if len(others) else at
        at = np.where(cuts > begins, events.timestamps[np.maximum(begins, cuts - 1)], np.minimum(at, known_until))
    everything = test.queries(users, at=at)
    rows = rows_of(everything.offsets)
    before = np.arange(len(rows)) - everything.offsets[rows] < (cuts - begins)[rows]
    counts = np.bincount(np.searchsorted(users, events.users[wanted]), minlength=len(users))
    return everything.keep_events(before), distinct(Jagged(events.items[wanted], offsets_of(counts)))


def rank(model: Retriever, queries: Queries, targets: Jagged, facts: ItemFacts, *, at: int, exclude_seen: bool) -> Ranking:
    """The model's lists beside the targets, block by block."""
    beside: list[Future[tuple[Jagged, Values | None]]] = []
    with ThreadPoolExecutor(1) as pool:  # while the model answers a block, the one before is ordered and counted
        for block in _blocks(len(queries), facts.n_items):
            asked, wanted = queries.take(block), targets.take(block)
            answer = _answer(model, asked, at, exclude_seen=exclude_seen)
            if beside:
                beside[-1].result()  # no more than two blocks of scores at a time
            beside.append(pool.submit(_placed, answer, asked, wanted, at, exclude_seen=exclude_seen))
    found = [each.result() for each in beside]
    lists, shares = [padded(best, at) for best, _ in found], [share for _, share in found]
    items = np.concatenate(lists)
    scored = [share for share in shares if share is not None]
    return Ranking(
        items=items,
        hits=hits_of(items, targets),
        n_targets=np.diff(targets.offsets),
        facts=facts,
        beaten=np.concatenate(scored) if len(scored) == len(shares) else None,
    )


def measure(ranking: Ranking) -> tuple[dict[str, Values], dict[str, float]]:
    """Every metric of the catalogue: those of requests [B], and those of all together."""
    values = {named(metric, ranking.places): METRICS.load(metric)(ranking) for metric in METRICS}
    scores = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    return scores, {name: float(value) for name, value in values.items() if name not in scores}


def named(metric: str, at: int) -> str:
    """As reports call it: `ndcg@10`, but `auc`, which looks at the whole order."""
    return metric if metric in WHOLE_ORDER else f"{metric}@{at}"


def _answer(model: Retriever, queries: Queries, at: int, *, exclude_seen: bool) -> FloatArray | Candidates:
    """Scores [B, n_items] of a model that scores the whole catalogue, else lists of at most `at` items."""
    dense = getattr(model, "scores", None)
    return model.recommend(queries, at, exclude_seen=exclude_seen) if dense is None else dense(queries)


def _placed(
    answer: FloatArray | Candidates, queries: Queries, targets: Jagged, at: int, *, exclude_seen: bool
) -> tuple[Jagged, Values | None]:
    """Lists of at most `at` items and, where the whole catalogue has scores, how many others each target beats."""
    if isinstance(answer, Candidates):
        return Jagged(answer.items, answer.offsets), None
    scores = np.array(answer, dtype=np.float32)  # a copy: it is changed below
    scores[~np.isfinite(scores)] = -np.inf
    hide(scores, queries, exclude_seen=exclude_seen)
    best, _ = top_n(scores, at)
    return best, beaten(scores, targets, seen_of(queries, scores.shape[1]) if exclude_seen else None)


def _blocks(size: int, n_items: int) -> Iterator[LongArray]:
    step = max(1, BLOCK // max(1, n_items))
    for start in range(0, size, step):
        yield np.arange(start, min(start + step, size), dtype=np.int64)


def _check_items(model: Retriever, test: Dataset) -> None:
    """A model's codes must mean the same items as the test's."""
    items = getattr(model, "items", None)
    if isinstance(items, Vocabulary) and items.ids != test.items.ids[: len(items)]:
        raise DataError(
            f"evaluate: the model knows other items than {test.name!r} ({len(items):,} and {len(test.items):,}); "
            "train it on the training part of the same split"
        )
