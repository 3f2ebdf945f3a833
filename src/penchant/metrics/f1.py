"""F1: precision and recall in one number."""

from penchant.metrics.ranking import Ranking, Values


def f1(ranking: Ranking) -> Values:
    """Harmonic mean of precision and recall, request by request.

    2·precision·recall / (precision + recall) = 2·hits / (K + targets), from 0 to 1; 0 without a hit. [B].
    Source: van Rijsbergen, "Information Retrieval", 1979, chapter 7.
    """
    result: Values = 2 * ranking.hits.sum(axis=1) / (ranking.places + ranking.n_targets)
    return result
