"""A data set: what happened, who and what there is. Frozen; every split of it is a data set again."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from penchant.core import columns
from penchant.core.errors import DataError, SchemaError
from penchant.core.types import BoolArray, IntArray, LongArray, Queries, chosen, gather_rows
from penchant.data.interactions import Interactions
from penchant.data.vocabulary import Vocabulary

if TYPE_CHECKING:
    from penchant.data.options import ReadOptions

MOST_KINDS = 2**15 - 1  # codes of event types and places take two bytes; of places the first so many are known, the others not told


@dataclass(frozen=True)
class Dataset:
    """Interactions with their vocabularies and the catalogue's features (row = code).

    `targets` marks the events that a model must predict: set on the test part of a split, None on training data.
    """

    interactions: Interactions
    users: Vocabulary
    items: Vocabulary
    event_types: Vocabulary
    item_features: pl.DataFrame | None = None  # [n_items] rows in code order, first column item_id
    user_features: pl.DataFrame | None = None  # [n_users] rows in code order, first column user_id
    scenarios: Vocabulary = field(default_factory=lambda: Vocabulary(()))  # places where events happened, as far as they name one
    targets: BoolArray | None = None  # [E]
    name: str = "dataset"
    facts: dict[str, Any] = field(default_factory=dict)  # what reading and cleaning found; JSON values

    def __post_init__(self) -> None:
        if len(self.event_types) > MOST_KINDS:
            raise DataError(
                f"{self.name!r}: {len(self.event_types):,} different values of {columns.EVENT_TYPE!r}, at most {MOST_KINDS:,}; "
                "is that the right column? An event type says what was done: view, purchase …"
            )

    def __repr__(self) -> str:
        """Name and sizes; arrays of millions say nothing in a line."""
        what = "" if self.targets is None else f", {int(self.targets.sum()):,} to predict"
        return f"Dataset({self.name!r}: {self.n_users:,} users, {self.n_items:,} items, {self.n_events:,} events{what})"

    @classmethod
    def read(
        cls,
        events: str | Path,
        *,
        items: str | Path | None = None,
        users: str | Path | None = None,
        options: "ReadOptions | None" = None,
    ) -> "Dataset":
        """From files in any format that `penchant import` takes; columns are found by name and content, or `options` name them.

        Cleaning is done and counted in `facts["cleaning"]`. Raises SchemaError naming file, column and remedy.
        """
        from penchant.data.load import load_dataset  # the reader needs this class in turn

        return load_dataset(Path(events), items=items, users=users, options=options)

    @classmethod
    def from_events(
        cls,
        events: pl.DataFrame,
        *,
        items: pl.DataFrame | None = None,
        users: pl.DataFrame | None = None,
        name: str = "dataset",
        facts: dict[str, Any] | None = None,
    ) -> "Dataset":
        """From a table in order of arrival with at least user_id, item_id and timestamp (int64 µs).

        Items and users of the side tables that have no event get codes too, after those that have: they can be
        recommended by models that read content. Codes follow the order of the first event.
        """
        for column in (columns.USER_ID, columns.ITEM_ID, columns.TIMESTAMP):
            if column not in events.columns:
                raise SchemaError(f"events: column {column!r} is missing; there are: {', '.join(events.columns)}")
        user_ids, item_ids = _first_seen(events, users, columns.USER_ID), _first_seen(events, items, columns.ITEM_ID)
        kinds = events[columns.EVENT_TYPE] if columns.EVENT_TYPE in events.columns else None
        kind_ids = Vocabulary(kinds.unique(maintain_order=True)) if kinds is not None else Vocabulary([columns.DEFAULT_EVENT_TYPE])
        codes = kind_ids.encode(kinds) if kinds is not None else np.zeros(len(events), np.int32)
        places = _places(events)
        place_ids = Vocabulary(places.drop_nulls().unique(maintain_order=True).head(MOST_KINDS))
        values = events[columns.VALUE] if columns.VALUE in events.columns else pl.repeat(None, len(events), dtype=pl.Float32, eager=True)
        return cls(
            Interactions.sort(
                user_ids.encode(events[columns.USER_ID]),
                item_ids.encode(events[columns.ITEM_ID]),
                events[columns.TIMESTAMP].to_numpy().astype(np.int64),
                event_types=codes.astype(np.int16),
                values=values.cast(pl.Float32).fill_null(float("nan")).to_numpy(),
                n_users=len(user_ids),
                scenarios=place_ids.encode(places).astype(np.int16) if len(place_ids) else None,
            ),
            user_ids,
            item_ids,
            kind_ids,
            _in_code_order(items, item_ids, columns.ITEM_ID),
            _in_code_order(users, user_ids, columns.USER_ID),
            place_ids,
            name=name,
            facts=facts or {},
        )

    @property
    def n_users(self) -> int:
        """Users, those without events included."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """Items, those without events included."""
        return len(self.items)

    @property
    def n_events(self) -> int:
        """Events, targets included."""
        return len(self.interactions)

    @cached_property
    def fingerprint(self) -> str:
        """Hex SHA-256 over events, vocabularies and targets: equal data sets have equal fingerprints.

        Where no event names its place, places add nothing to it.
        """
        digest = hashlib.sha256()
        events = self.interactions
        places = () if events.scenarios is None else (events.scenarios,)
        for array in (events.offsets, events.items, events.event_types, events.values, events.timestamps, self.targets, *places):
            digest.update(b"-" if array is None else np.ascontiguousarray(array).view(np.uint8).data)
        for vocabulary in (self.users, self.items, self.event_types, self.scenarios):
            for id_ in vocabulary.ids:
                digest.update(id_.encode("utf-8", "surrogatepass") + b"\0")
        return digest.hexdigest()

    def keep(self, keep: BoolArray) -> "Dataset":
        """This data set with only the events where `keep` [E] is true; codes and features stay."""
        targets = None if self.targets is None else self.targets[keep]
        return replace(self, interactions=self.interactions.keep(keep), targets=targets)

    def marked(self, targets: BoolArray) -> "Dataset":
        """This data set with these events [E] as the ones to predict."""
        return replace(self, targets=targets)

    def queries(self, users: Sequence[int] | IntArray | None = None, *, at: LongArray | int | None = None) -> Queries:
        """One request a user (default: everybody), each with the user's whole history.

        `at` defaults to just after the last event of the whole data set; no place is asked for.
        """
        events = self.interactions
        rows = np.arange(self.n_users, dtype=np.int64) if users is None else np.asarray(users, dtype=np.int64)
        positions, offsets = gather_rows(events.offsets, rows)
        if at is None:
            at = int(events.timestamps.max()) + 1 if len(events) else 0
        return Queries(
            users=rows.astype(np.int32),
            offsets=offsets,
            items=events.items[positions],
            event_types=events.event_types[positions],
            values=events.values[positions],
            timestamps=events.timestamps[positions],
            at=np.broadcast_to(np.asarray(at, dtype=np.int64), rows.shape).copy(),
            scenarios=chosen(events.scenarios, positions),
        )


def _first_seen(events: pl.DataFrame, features: pl.DataFrame | None, column: str) -> Vocabulary:
    """Ids in order of their first event, then those that only the side table knows."""
    ids = events[column].cast(pl.String)
    if features is not None:
        ids = pl.concat([ids, features[column].cast(pl.String)])
    return Vocabulary(ids.unique(maintain_order=True))


def _places(events: pl.DataFrame) -> pl.Series:
    """[E] where each event happened; null where it does not say."""
    if columns.SCENARIO not in events.columns:
        return pl.repeat(None, len(events), dtype=pl.String, eager=True)
    return events[columns.SCENARIO].cast(pl.String).replace("", None)


def _in_code_order(features: pl.DataFrame | None, ids: Vocabulary, column: str) -> pl.DataFrame | None:
    """One row a code; the last row wins where the table names an id twice."""
    if features is None:
        return None
    latest = features.unique(subset=column, keep="last", maintain_order=True)
    return pl.DataFrame({column: pl.Series(ids.ids, dtype=pl.String)}).join(latest, on=column, how="left", maintain_order="left")
