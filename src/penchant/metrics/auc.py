"""AUC: the order of the whole catalogue, not of the list's few places."""

import numpy as np

from penchant.metrics.ranking import Ranking, Values


def auc(ranking: Ranking) -> Values:
    """Probability that a target scores higher than an item that was not wanted, over the whole catalogue.

    Area under the ROC curve of each request, ties counting half, from 0 to 1; 0.5 = chance. What may not be recommended is no
    competitor; a target that may not be recommended loses to all. NaN where a model does not score every item. [B].
    Source: Rendle et al., "BPR: Bayesian personalized ranking from implicit feedback", UAI 2009, section 4.1.1.
    """
    return np.full(len(ranking), np.nan) if ranking.beaten is None else ranking.beaten
