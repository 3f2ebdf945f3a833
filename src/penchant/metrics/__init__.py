"""One file = one metric = one pure function over a `Ranking`: an array [B] for a metric of requests, a number for one of the catalogue."""

from penchant.core.catalogue import Catalogue
from penchant.metrics.ranking import ItemFacts, Ranking

METRICS = Catalogue(
    "metric",
    {
        "ndcg": "penchant.metrics.ndcg:ndcg",
        "hit_rate": "penchant.metrics.hit_rate:hit_rate",
        "recall": "penchant.metrics.recall:recall",
        "precision": "penchant.metrics.precision:precision",
        "f1": "penchant.metrics.f1:f1",
        "mrr": "penchant.metrics.mrr:mrr",
        "map": "penchant.metrics.average_precision:average_precision",
        "auc": "penchant.metrics.auc:auc",
        "coverage": "penchant.metrics.coverage:coverage",
        "novelty": "penchant.metrics.novelty:novelty",
        "diversity": "penchant.metrics.diversity:diversity",
        "serendipity": "penchant.metrics.serendipity:serendipity",
        "gini": "penchant.metrics.gini:gini",
        "popularity_bias": "penchant.metrics.popularity_bias:popularity_bias",
    },
)

# Where more is worse; of all others more is better.
LOWER_IS_BETTER = frozenset({"gini", "popularity_bias"})

# Those that look at the order of the whole catalogue instead of the first places.
WHOLE_ORDER = frozenset({"auc"})

__all__ = ["LOWER_IS_BETTER", "METRICS", "WHOLE_ORDER", "ItemFacts", "Ranking"]
