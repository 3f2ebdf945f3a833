"""Hit rate: whether the list holds anything that was wanted."""

import numpy as np

from penchant.metrics.ranking import Ranking, Values


def hit_rate(ranking: Ranking) -> Values:
    """Share of the requests whose list holds at least one target.

    0 or 1 for each request; with one target it equals recall. [B].
    Source: Deshpande and Karypis, "Item-based top-N recommendation algorithms", TOIS 2004.
    """
    result: Values = np.any(ranking.hits, axis=1).astype(np.float64)
    return result
