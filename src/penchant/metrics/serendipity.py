"""Serendipity: hits that the list of best sellers would not have made."""

import numpy as np

from penchant.metrics.ranking import Ranking, Values


def serendipity(ranking: Ranking) -> Values:
    """Hits, each weighing how much higher the list ranks it than popularity does.

    1/K · sum over hits of max(0, P(place) − P(popularity rank)) with P(r) = (items + 1 − r) / items, from 0 to 1. Equally
    popular items rank by code. [B].
    Source: Murakami, Mori and Orihara, "Metrics for evaluating the serendipity of recommendation lists", JSAI 2007.
    """
    popularity = ranking.facts.popularity
    ranks = np.empty(len(popularity), dtype=np.int64)
    ranks[np.argsort(-popularity, kind="stable")] = np.arange(len(popularity))
    gains = ranks[np.where(ranking.hits, ranking.items, 0)] - np.arange(ranking.places)
    result: Values = (np.maximum(0, gains) * ranking.hits).sum(axis=1) / (ranking.places * max(1, len(popularity)))
    return result
