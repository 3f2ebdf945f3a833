"""Precision: how much of the list was wanted."""

from penchant.metrics.ranking import Ranking, Values


def precision(ranking: Ranking) -> Values:
    """Share of the list's places that hold a target.

    hits / K, from 0 to min(1, targets / K); a place left empty counts as a miss. [B].
    Source: Herlocker et al., "Evaluating collaborative filtering recommender systems", TOIS 2004.
    """
    result: Values = ranking.hits.mean(axis=1)
    return result
