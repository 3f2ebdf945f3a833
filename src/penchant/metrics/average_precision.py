"""Average precision, whose mean over requests is MAP: precision at every hit."""

import numpy as np

from penchant.metrics.ranking import Ranking, Values


def average_precision(ranking: Ranking) -> Values:
    """Mean of the precision at each hit; its mean over requests is MAP.

    sum over hits of (hits up to there / place) divided by min(K, targets), from 0 to 1. [B].
    Source: Baeza-Yates and Ribeiro-Neto, "Modern Information Retrieval", 2011, chapter 4, cut at K.
    """
    precisions = np.cumsum(ranking.hits, axis=1) / np.arange(1, ranking.places + 1)
    result: Values = (precisions * ranking.hits).sum(axis=1) / np.minimum(ranking.n_targets, ranking.places)
    return result
