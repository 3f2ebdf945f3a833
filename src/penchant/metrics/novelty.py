"""Novelty: how little known the recommended items are."""

import numpy as np

from penchant.metrics.lists import mean_of_lists
from penchant.metrics.ranking import Ranking, Values


def novelty(ranking: Ranking) -> Values:
    """Mean surprise of the list's items in bits: 0 = everybody met them, 1 more = half as many people did.

    mean of log2(training users / users that met the item), from 0 to log2(training users); an item that nobody met counts as met
    by one. NaN for an empty list. [B].
    Source: Zhou et al., "Solving the apparent diversity-accuracy dilemma of recommender systems", PNAS 2010 (self-information).
    """
    met = np.maximum(1, ranking.facts.popularity)
    return mean_of_lists(ranking, np.log2(np.maximum(1, ranking.facts.n_users) / met))
