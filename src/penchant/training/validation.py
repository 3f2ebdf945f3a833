"""How good a model is between two epochs: NDCG on requests that the training never sees."""

import numpy as np

from penchant.core.random import generator
from penchant.core.types import Candidates, Jagged, Queries, offsets_of, rows_of
from penchant.data import Dataset
from penchant.metrics.ranking import hits_of, padded


def holdout(dataset: Dataset, *, limit: int, seed: int) -> tuple[Queries, Jagged]:
    """One request for each user with targets: the history before the first target, asked at its time, and the targets.

    At most `limit` users, drawn with `seed`. A data set without targets gives no request.
    """
    events = dataset.interactions
    wanted = np.zeros(0, np.int64) if dataset.targets is None else np.flatnonzero(dataset.targets)
    users, first = np.unique(events.users[wanted], return_index=True)
    if len(users) > limit:
        chosen = np.sort(generator(seed, "validation").choice(len(users), limit, replace=False))
        users, first = users[chosen], first[chosen]
    cuts = wanted[first]  # the event of each user's first target
    everything = dataset.queries(users, at=events.timestamps[cuts])
    rows = rows_of(everything.offsets)
    keep = np.arange(len(rows)) - everything.offsets[rows] < (cuts - events.offsets[users])[rows]
    mine = wanted[np.isin(events.users[wanted], users)]
    counts = np.bincount(events.users[mine], minlength=events.n_users)[users]
    return everything.keep_events(keep), Jagged(events.items[mine], offsets_of(counts))


def mean_ndcg(answers: Candidates, targets: Jagged, *, at: int) -> float:
    """Mean NDCG@`at` of ranked lists without duplicates against sets of targets, each of gain 1."""
    if len(targets) == 0:
        return 0.0
    discounts = 1 / np.log2(np.arange(at) + 2)
    hits = hits_of(padded(Jagged(answers.items, answers.offsets), at), targets)
    n_wanted = np.array([len(np.unique(targets.row(b))) for b in range(len(targets))])
    return float((hits @ discounts / np.cumsum(discounts)[np.minimum(n_wanted, at) - 1]).mean())
