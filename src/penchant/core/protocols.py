"""What a component must be able to do: one method a slot of the pipeline, at most five a store.

Any `Recommender` fits the first two slots of a pipeline unchanged. The data set's type is a parameter because the data layer lies above.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar, runtime_checkable

from penchant.core.artifact import Artifact
from penchant.core.events import EventBatch
from penchant.core.types import BoolArray, Candidates, FloatArray, Queries

D_contra = TypeVar("D_contra", contravariant=True)
O_contra = TypeVar("O_contra", contravariant=True)


@runtime_checkable
class Retriever(Protocol):
    """Finds candidates."""

    def recommend(self, queries: Queries, n: int, *, exclude_seen: bool = True) -> Candidates:
        """At most `n` items a request, best first, ties by item code; obeys `queries.allowed` and `queries.excluded`.

        `exclude_seen` leaves out what the request's history holds. No duplicates; fewer than `n` where there are no more.
        """
        ...


@runtime_checkable
class Scorer(Protocol):
    """Scores given candidates."""

    def score(self, queries: Queries, candidates: Candidates) -> FloatArray:
        """[L] float32 preference in candidate order, higher is better; not comparable across models; unknown item = −inf."""
        ...


class DenseScorer(Protocol):
    """Scores the whole catalogue at once; the fast path of evaluation, and what rank-based metrics need."""

    def scores(self, queries: Queries) -> FloatArray:
        """[B, n_items] float32, column = item code."""
        ...


class Filter(Protocol):
    """Says which candidates stay; the executor counts both kept and removed."""

    def keep(self, queries: Queries, candidates: Candidates) -> BoolArray:
        """[L] true where a candidate stays."""
        ...


class Reranker(Protocol):
    """Changes the order (or the scores) of the final list."""

    def rerank(self, queries: Queries, candidates: Candidates) -> Candidates:
        """The same candidates, or fewer, in a new order."""
        ...


class Recommender(Retriever, Scorer, Protocol[D_contra, O_contra]):
    """A model: learns from a data set, then fits both the retrieval and the ranking slot."""

    def fit(self, dataset: D_contra, options: O_contra | None = None) -> Self:
        """This model, trained. Does not change `dataset`; a second fit equals a fresh one."""
        ...

    def save(self, folder: Path) -> None:
        """Write an artifact."""
        ...


@dataclass(frozen=True)
class Ack:
    """What became of a batch: `stored` + `duplicates` = rows sent. It is on disk when this is returned."""

    stored: int
    duplicates: int


class EventStore(Protocol):
    """Keeps what happened. At most one writer; every acknowledged event is on disk."""

    def append(self, events: EventBatch) -> Ack:
        """Store the batch whole; a repeated `event_id` adds nothing. Raises StoreUnavailable (disk full …), then nothing is stored."""
        ...

    def history(self, user_id: str, *, until: int | None = None, limit: int = 1000) -> EventBatch:
        """The last `limit` events of one user with time ≤ `until`, oldest first; equal times in order of arrival."""
        ...

    def scan(self, *, after: int = 0, until: int | None = None, rows: int = 100_000) -> Iterator[tuple[int, EventBatch]]:
        """Everything in order of arrival, in batches, each with the cursor to go on from (`after`) or to stop at again (`until`)."""
        ...

    def stats(self) -> dict[str, int]:
        """n_events, n_users, n_items, first and last (UTC µs; 0 when empty)."""
        ...

    def close(self) -> None:
        """Finish what is under way and let go of the files."""
        ...


class FeatureStore(Protocol):
    """Keeps what there is: items and users with their properties (JSON objects). `kind` is "items" or "users"."""

    def upsert(self, kind: str, rows: Sequence[tuple[str, dict[str, Any]]]) -> int:
        """Add or replace (id, properties); returns how many ids were new. `available: false` hides an item. `Any`: JSON."""
        ...

    def delete(self, kind: str, ids: Sequence[str]) -> int:
        """Remove; returns how many were there."""
        ...

    def get(self, kind: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Properties of those that exist. `Any`: JSON."""
        ...

    def scan(self, kind: str, *, rows: int = 10_000) -> Iterator[list[tuple[str, dict[str, Any]]]]:
        """All of them in order of arrival, in batches. `Any`: JSON."""
        ...

    def search(self, text: str, n: int) -> list[tuple[str, float]]:
        """At most `n` available items whose words match, best first, with a positive score; any language."""
        ...


class ArtifactStore(Protocol):
    """Keeps saved models: versions of a name, and an alias `live` that points to one of them."""

    def put(self, name: str, artifact: Artifact) -> str:
        """Save a new version of `name`; returns `name/version`. Versions sort by the time they were made."""
        ...

    def publish(self, version: str) -> None:
        """Point the alias of its name at `name/version`, atomically; remembers the one before for `rollback`."""
        ...

    def live(self, name: str) -> str | None:
        """The published `name/version`, None when there is none."""
        ...

    def get(self, version: str) -> Artifact:
        """The artifact `name/version`, every byte checked. Raises ArtifactError; a path outside the store is ArtifactNotFound."""
        ...

    def versions(self, name: str | None = None) -> list[str]:
        """All `name/version`, oldest first."""
        ...
