"""Popularity bias: whether the lists push what is popular more than people choose it."""

import numpy as np

from penchant.metrics.lists import mean_of_lists
from penchant.metrics.ranking import Ranking, Values


def popularity_bias(ranking: Ranking) -> Values:
    """How popular the recommended items are beside those that people choose: 1 = the same, 2 = twice as popular.

    mean popularity of the list's items / mean popularity of the items of all training events, from 0; popularity = training
    users that met the item. NaN for an empty list. [B].
    Source: Abdollahpouri et al., "The unfairness of popularity bias in recommendation", RMSE workshop at RecSys 2019
    (group average popularity), as a quotient and over events.
    """
    popularity = ranking.facts.popularity.astype(np.float64)
    events = ranking.facts.n_events
    usual = float(popularity @ events) / max(1, int(events.sum()))
    return mean_of_lists(ranking, popularity) / usual if usual else np.full(len(ranking), np.nan)
