"""NDCG: how much was found, and how far up."""

import numpy as np

from penchant.metrics.ranking import Ranking, Values


def ndcg(ranking: Ranking) -> Values:
    """Gain of the hits, less further down the list, as a share of the best possible list's gain.

    sum over hits of 1 / log2(1 + place) divided by that sum over the first min(K, targets) places, from 0 to 1. [B].
    Source: Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002, with gains 0 and 1.
    """
    discounts = 1 / np.log2(np.arange(ranking.places) + 2)
    best = np.cumsum(discounts)[np.minimum(ranking.n_targets, ranking.places) - 1]
    result: Values = ranking.hits @ discounts / best
    return result
