"""Scoring the candidates anew, where a scenario asks more of the order than retrieval gives."""

from collections.abc import Sequence

import numpy as np

from penchant.core.protocols import Scorer
from penchant.core.types import Candidates, FloatArray, LongArray, Queries, rows_of
from penchant.pipeline.retrieve import Excusing


class WithStandIn:
    """A scorer for the requests it has no excuse for, and another one for the rest."""

    def __init__(self, scorer: Scorer, stand_in: Scorer) -> None:
        self._scorer, self._stand_in = scorer, stand_in

    def excuse(self, queries: Queries) -> Sequence[str | None]:
        """Why the stand-in scores a request; None where it does not."""
        return self._scorer.excuse(queries) if isinstance(self._scorer, Excusing) else [None] * len(queries)

    def score(self, queries: Queries, candidates: Candidates) -> FloatArray:
        """[L] scores of the one or the other, the same one for a whole list."""
        excused = np.array([excuse is not None for excuse in self.excuse(queries)], dtype=bool)
        if not excused.any():
            return self._scorer.score(queries, candidates)
        scores = self._stand_in.score(queries, candidates)
        if not excused.all():
            own = ~excused[rows_of(candidates.offsets)]
            scores[own] = self._scorer.score(queries, candidates)[own]
        return scores


class Personal:
    """Retrieval's order, moved a little by taste: for a search, where words decide first.

    Score = relevance ÷ the best relevance of the list + `weight` · place by taste, from 0 for the last to 1 for the first.
    A request that the taste model has an excuse for (no history) keeps the order of relevance.
    """

    def __init__(self, taste: Scorer, *, weight: float = 0.2) -> None:
        self._taste, self._weight = taste, weight

    def score(self, queries: Queries, candidates: Candidates) -> FloatArray:
        """[L] relevance with taste."""
        rows = rows_of(candidates.offsets)
        best = np.zeros(len(candidates), dtype=np.float32)
        np.maximum.at(best, rows, candidates.scores)
        relevance = (candidates.scores / np.where(best > 0, best, 1)[rows]).astype(np.float32)
        excuses = self._taste.excuse(queries) if isinstance(self._taste, Excusing) else [None] * len(queries)
        welcome = np.array([excuse is None for excuse in excuses], dtype=bool)
        if not welcome.any() or len(rows) == 0:
            return relevance
        taste = _places(self._taste.score(queries, candidates), rows, np.diff(candidates.offsets))
        relevance[welcome[rows]] += self._weight * taste[welcome[rows]]
        return relevance


def _places(scores: FloatArray, rows: LongArray, lengths: LongArray) -> FloatArray:
    """[L] each score's place in its list, the last 0, the first 1."""
    order = np.lexsort((np.where(np.isfinite(scores), scores, -np.inf), rows))
    places = np.empty(len(scores), dtype=np.float32)
    places[order] = np.arange(len(scores)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    places /= np.maximum(1, lengths - 1)[rows]
    return places
