"""Everything that changes while answers are given: the list of items, what can be had, and counts of recent events."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from penchant.core import columns
from penchant.core.artifact import Artifact
from penchant.core.protocols import EventStore, FeatureStore
from penchant.core.types import UNKNOWN, BoolArray, Candidates, FloatArray, IntArray, Jagged, Queries, SmallArray
from penchant.data import Vocabulary
from penchant.models.base import Model as Trained
from penchant.pipeline.retrieve import Model
from penchant.pipeline.trending import Trending
from penchant.scenarios.project import CURSOR, UNTIL
from penchant.stores import Listing


class LiveItems:
    """The store's list of items by code, and which of them can be had. It only grows; safe to use from any number of threads."""

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._ids: list[str] = []
        self._codes: dict[str, int] = {}
        self._available: BoolArray = np.zeros(0, dtype=bool)
        self._cursor = 0
        self._changing = threading.Lock()
        self.refresh()

    def __len__(self) -> int:
        return len(self._available)

    def id(self, code: int) -> str:
        """The id of a code of this list."""
        return self._ids[code]

    def ids(self) -> list[str]:
        """All ids by code."""
        return self._ids[: len(self)]

    def code(self, id_: str) -> int:
        """The code of an id, one that was named a moment ago included; −1 when nobody knows it."""
        if id_ not in self._codes:
            self.extend()
        return self._codes.get(id_, UNKNOWN)

    def codes(self, ids: Iterable[str]) -> IntArray:
        """[L] the codes of ids, −1 where nobody knows one."""
        wanted = list(ids)
        found = [self._codes.get(id_, UNKNOWN) for id_ in wanted]
        if UNKNOWN in found:
            self.extend()
            found = [self._codes.get(id_, UNKNOWN) for id_ in wanted]
        return np.array(found, dtype=np.int32)

    def available(self) -> BoolArray:
        """[n_items] which items can be had; not to be changed."""
        return self._available

    def extend(self) -> None:
        """Take in items that were named since; one short query where there are none."""
        with self._changing:
            cursor, fresh = self._listing.items(after=self._cursor)
            for id_ in fresh:
                self._codes[id_] = len(self._ids)
                self._ids.append(id_)
            self._available = np.concatenate([self._available, np.ones(len(fresh), dtype=bool)])
            self._cursor = cursor

    def refresh(self) -> None:
        """Take in new items, and anew what can be had."""
        self.extend()
        hidden = [self._codes[id_] for id_ in self._listing.unavailable() if id_ in self._codes]
        with self._changing:
            mask = np.ones(len(self._ids), dtype=bool)
            mask[hidden] = False
            self._available = mask

    def changed(self, ids: list[str], features: FeatureStore) -> None:
        """Look again at these items, which were just written or deleted."""
        codes = self.codes(ids)
        found = features.get("items", ids)
        with self._changing:
            mask = self._available.copy()
            for code, id_ in zip(codes.tolist(), ids, strict=True):
                if code >= 0:
                    mask[code] = id_ in found and not is_hidden(found[id_])
            self._available = mask


def is_hidden(properties: dict[str, Any]) -> bool:
    """Whether an item says that it cannot be had. `Any`: JSON."""
    available = properties.get(columns.AVAILABLE)
    return isinstance(available, int) and not available


class LiveCounts:
    """A popularity model that goes on counting: what it was trained on, and every event that came after."""

    def __init__(self, half_life_days: float | None, items: LiveItems, events: EventStore) -> None:
        self.trending = Trending(half_life_days)
        self._items, self._events = items, events
        self._cursor = 0

    @classmethod
    def going_on(cls, artifact: Artifact, items: LiveItems, events: EventStore) -> "LiveCounts":
        """From the counts of a trained model; from the first event where it does not say what it was trained on."""
        counts = cls(artifact.config["half_life_days"], items, events)
        if CURSOR in artifact.facts and UNTIL in artifact.facts:
            codes = items.codes(artifact.item_ids)
            known = codes >= 0
            decayed = np.zeros(len(items), dtype=np.float32)
            decayed[codes[known]] = artifact.arrays["counts"][known]
            counts.trending.start(decayed, artifact.facts[UNTIL])
            counts._cursor = artifact.facts[CURSOR]
        return counts

    def refresh(self) -> None:
        """Count what has happened since."""
        grown = len(self._items) > self.trending.n_items
        for cursor, batch in self._events.scan(after=self._cursor):
            codes = self._items.codes(batch.frame[columns.ITEM_ID].to_list())
            self.trending.add(codes, batch.frame[columns.TIMESTAMP].to_numpy(), n_items=len(self._items))
            self._cursor, grown = cursor, False
        if grown:
            self.trending.add(np.zeros(0, np.int32), np.zeros(0, np.int64), n_items=len(self._items))


@dataclass(frozen=True)
class Translated:
    """A model that was trained with other codes than the live list's, so that it can be asked with these."""

    model: Model
    to_model: IntArray  # [n_live] the model's code of each live item, −1 = it does not know it
    to_live: IntArray  # [n_model] the live code of each of the model's items, −1 = it is in no list
    event_types: SmallArray  # [n_types] the model's code of each live event type
    scenarios: SmallArray  # [n_scenarios] the model's code of each live place

    @property
    def n_items(self) -> int:
        """Items with a code that was live when this was made."""
        return len(self.to_model)

    def recommend(self, queries: Queries, n: int, *, exclude_seen: bool = True) -> Candidates:
        """The model's best `n`, in live codes."""
        found = self.model.recommend(self._asked(queries), n, exclude_seen=exclude_seen)
        return replace(found, items=self.to_live[found.items])

    def score(self, queries: Queries, candidates: Candidates) -> FloatArray:
        """The model's scores of live candidates."""
        return self.model.score(self._asked(queries), replace(candidates, items=_look_up(self.to_model, candidates.items)))

    def _asked(self, queries: Queries) -> Queries:
        allowed = self.to_live >= 0
        if queries.allowed is not None:
            known = allowed & (self.to_live < len(queries.allowed))
            allowed = known & queries.allowed[np.where(known, self.to_live, 0)]
        return replace(
            queries,
            items=_look_up(self.to_model, queries.items),
            event_types=_look_up(self.event_types, queries.event_types),
            scenarios=None if queries.scenarios is None else _look_up(self.scenarios, queries.scenarios),
            seeds=self._jagged(queries.seeds),
            excluded=self._jagged(queries.excluded),
            allowed=allowed,
        )

    def _jagged(self, lists: Jagged | None) -> Jagged | None:
        return None if lists is None else Jagged(_look_up(self.to_model, lists.values), lists.offsets)


def translated(model: Trained, items: LiveItems, types: Mapping[str, int], scenarios: Mapping[str, int]) -> Model:
    """`model` as it is where its codes are the live ones, which is the rule; otherwise behind a translation."""
    nothing = Vocabulary(())
    item_ids, own_types = (model.items or nothing).ids, model.event_types or nothing
    to_live = items.codes(item_ids)
    kinds = ((types, own_types), (scenarios, model.scenarios))
    alike = all(live.get(id_) == code for live, own in kinds for code, id_ in enumerate(own.ids))
    if alike and np.array_equal(to_live, np.arange(len(item_ids))):
        return model
    to_model = np.full(len(items), UNKNOWN, dtype=np.int32)
    known = to_live >= 0
    to_model[to_live[known]] = np.flatnonzero(known)
    return Translated(model, to_model, to_live, *(np.array([own.code(id_) for id_ in live], dtype=np.int16) for live, own in kinds))


def _look_up(table: Any, codes: Any) -> Any:
    """`table[codes]`, −1 where a code is outside. `Any`: integer arrays of either width."""
    inside = (codes >= 0) & (codes < len(table))
    result = np.full(len(codes), UNKNOWN, dtype=table.dtype)
    result[inside] = table[codes[inside]]
    return result
