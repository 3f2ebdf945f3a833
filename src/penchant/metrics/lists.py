"""Means over the items of a list, for the metrics that look at items rather than hits."""

import numpy as np

from penchant.metrics.ranking import Ranking, Values


def mean_of_lists(ranking: Ranking, values: Values) -> Values:
    """[B] mean of `values` [n_items] over the items of each list; NaN for an empty list."""
    real = ranking.items >= 0
    found = np.where(real, values[np.where(real, ranking.items, 0)], 0.0)
    lengths = real.sum(axis=1)
    result: Values = np.divide(found.sum(axis=1), lengths, out=np.full(len(ranking), np.nan), where=lengths > 0)
    return result
