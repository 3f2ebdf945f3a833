"""Small components whose answers are known by reasoning."""

from dataclasses import dataclass, field

import numpy as np

from penchant.core.types import BoolArray, Candidates, FloatArray, Jagged, Queries, rows_of


@dataclass
class Fixed:
    """The same scored list for everybody, whatever it is told to leave out."""

    found: list[tuple[int, float]]
    asked: list[int] = field(default_factory=list)  # how many requests each call had

    def recommend(self, queries: Queries, n: int, *, exclude_seen: bool = True) -> Candidates:
        self.asked.append(len(queries))
        best = self.found[:n]
        items = Jagged.of([[item for item, _ in best]] * len(queries))
        return Candidates.of(items, np.array([score for _, score in best] * len(queries), dtype=np.float32))


@dataclass
class Linear:
    """A model: score of an item = its code plus `pull` for each history item that is one below it."""

    n_items: int
    pull: float = 1_000.0

    def scores(self, queries: Queries) -> FloatArray:
        visible = queries.visible(self.n_items)
        scores = np.tile(np.arange(self.n_items, dtype=np.float32), (len(queries), 1))
        following = visible.items + 1
        inside = following < self.n_items
        np.add.at(scores, (rows_of(visible.offsets)[inside], following[inside]), self.pull)
        return scores

    def score(self, queries: Queries, candidates: Candidates) -> FloatArray:
        rows, known = rows_of(candidates.offsets), candidates.items < self.n_items
        result = np.full(len(candidates.items), -np.inf, np.float32)
        result[known] = self.scores(queries)[rows[known], candidates.items[known]]
        return result

    def recommend(self, queries: Queries, n: int, *, exclude_seen: bool = True) -> Candidates:
        rows = np.tile(np.arange(self.n_items), (len(queries), 1))
        found = Candidates.of(Jagged.of(list(rows)), self.scores(queries).ravel())
        keep = np.ones(len(found.items), dtype=bool)
        for b in range(len(queries)):
            if exclude_seen:
                keep &= ~((rows_of(found.offsets) == b) & np.isin(found.items, queries.visible(self.n_items).history(b)))
            if queries.excluded is not None:
                keep &= ~((rows_of(found.offsets) == b) & np.isin(found.items, queries.excluded.row(b)))
        if queries.allowed is not None:
            keep &= queries.allowed[found.items]
        return found.keep(keep).sorted().first(n)


class Broken:
    """Fails in every slot."""

    why = "never seen"

    def _fail(self) -> None:
        raise ZeroDivisionError("planted")

    def recommend(self, queries: Queries, n: int, *, exclude_seen: bool = True) -> Candidates:
        self._fail()
        raise AssertionError

    def score(self, queries: Queries, candidates: Candidates) -> FloatArray:
        self._fail()
        raise AssertionError

    def keep(self, queries: Queries, candidates: Candidates) -> BoolArray:
        self._fail()
        raise AssertionError

    def rerank(self, queries: Queries, candidates: Candidates) -> Candidates:
        self._fail()
        raise AssertionError

    def prepare(self, queries: Queries) -> Queries:
        self._fail()
        raise AssertionError


def lists(candidates: Candidates) -> list[list[int]]:
    return [candidates.row(b).tolist() for b in range(len(candidates))]
