"""Gini: how unequally the catalogue is shown."""

import numpy as np

from penchant.metrics.ranking import Ranking


def gini(ranking: Ranking) -> float:
    """Inequality of how often each item of the catalogue is shown.

    sum over items in ascending order of (2·i − n − 1)·shown / (n · all shown), from 0 (all the same) to 1 − 1/n (one
    item has everything). NaN where nothing is shown.
    Source: Fleder and Hosanagar, "Blockbuster culture's next rise or fall", Management Science 2009.
    """
    n_items = ranking.facts.n_items
    shown = np.sort(np.bincount(ranking.items[ranking.items >= 0], minlength=n_items)).astype(np.float64)
    total = shown.sum()
    weights = 2 * np.arange(1, n_items + 1) - n_items - 1
    return float(weights @ shown / (n_items * total)) if total else float("nan")
