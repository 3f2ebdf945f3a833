"""Coverage: how much of the catalogue is ever shown."""

import numpy as np

from penchant.metrics.ranking import Ranking


def coverage(ranking: Ranking) -> float:
    """Share of the catalogue that is in anybody's list.

    different recommended items / items, from 0 to 1; grows with the number of requests.
    Source: Ge et al., "Beyond accuracy: evaluating recommender systems by coverage and serendipity", RecSys 2010.
    """
    shown = np.unique(ranking.items[ranking.items >= 0])
    return len(shown) / ranking.facts.n_items if ranking.facts.n_items else float("nan")
