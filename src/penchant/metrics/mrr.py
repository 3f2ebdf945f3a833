"""MRR: how far one reads until the first hit."""

import numpy as np

from penchant.metrics.ranking import Ranking, Values


def mrr(ranking: Ranking) -> Values:
    """One divided by the place of the first hit.

    From 0 (no hit) to 1 (the first place hits). [B].
    Source: Voorhees, "The TREC-8 question answering track report", TREC 1999.
    """
    result: Values = np.where(ranking.hits.any(axis=1), 1 / (1 + ranking.hits.argmax(axis=1)), 0.0)
    return result
