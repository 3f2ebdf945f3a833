"""Recall: how much of what was wanted the list found."""

from penchant.metrics.ranking import Ranking, Values


def recall(ranking: Ranking) -> Values:
    """Share of the targets that the list holds.

    hits / targets, from 0 to min(1, K / targets); with one target it equals the hit rate. [B].
    Source: Herlocker et al., "Evaluating collaborative filtering recommender systems", TOIS 2004.
    """
    result: Values = ranking.hits.sum(axis=1) / ranking.n_targets
    return result
