"""Events as a table: columnar, one schema, validated once at the door."""

import hashlib
from dataclasses import dataclass
from typing import Any

import polars as pl

from penchant.core import columns
from penchant.core.errors import SchemaError

EVENT_SCHEMA: dict[str, pl.DataType] = {
    columns.USER_ID: pl.String(),
    columns.ITEM_ID: pl.String(),
    columns.EVENT_TYPE: pl.String(),
    columns.VALUE: pl.Float32(),  # rating, quantity, seconds …; null = none
    columns.TIMESTAMP: pl.Int64(),  # UTC µs, the event's own time
    columns.SESSION_ID: pl.String(),
    columns.SCENARIO: pl.String(),
    columns.EVENT_ID: pl.String(),
    columns.RECOMMENDATION_ID: pl.String(),
    columns.POSITION: pl.Int32(),
    columns.PROPENSITY: pl.Float64(),
    columns.PROPERTIES: pl.String(),  # a JSON object
}

REQUIRED = (columns.USER_ID, columns.ITEM_ID, columns.TIMESTAMP)


@dataclass(frozen=True)
class EventBatch:
    """Rows in order of arrival with exactly the columns of `EVENT_SCHEMA`; ids byte-exact, times UTC µs."""

    frame: pl.DataFrame

    def __len__(self) -> int:
        return len(self.frame)

    @classmethod
    def of(cls, rows: pl.DataFrame | list[dict[str, Any]]) -> "EventBatch":
        """From a table or dicts whose values are already valid: adds what is absent, the event type and event id included.

        `Any`: values of a JSON object. Raises SchemaError where user, item or time is missing or a type cannot be cast.
        """
        frame = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows, schema=_schema_of(rows), orient="row")
        if unknown := [name for name in frame.columns if name not in EVENT_SCHEMA]:
            raise SchemaError(f"events: no such column {unknown[0]!r}; allowed: {', '.join(EVENT_SCHEMA)}")
        absent = [pl.lit(None, dtype=kind).alias(name) for name, kind in EVENT_SCHEMA.items() if name not in frame.columns]
        try:
            frame = frame.with_columns(absent).select(pl.col(name).cast(kind) for name, kind in EVENT_SCHEMA.items())
        except pl.exceptions.PolarsError as error:
            raise SchemaError(f"events: {error}") from None
        for name in REQUIRED:
            if frame[name].null_count():
                raise SchemaError(f"events: column {name!r} is empty in row {frame[name].is_null().arg_max()}")
        frame = frame.with_columns(pl.col(columns.EVENT_TYPE).fill_null(columns.DEFAULT_EVENT_TYPE))
        if frame[columns.EVENT_ID].null_count():
            frame = frame.with_columns(pl.coalesce(columns.EVENT_ID, content_ids(frame)).alias(columns.EVENT_ID))
        return cls(frame)


def content_ids(frame: pl.DataFrame) -> pl.Series:
    """[L] an event id made of what the event says, so that the same event sent twice is one event.

    128 bits of SHA-256 over user, item, type, value, time and session, each with its length.
    """
    named = frame.select(columns.USER_ID, columns.ITEM_ID, columns.EVENT_TYPE, columns.VALUE, columns.TIMESTAMP, columns.SESSION_ID)
    return pl.Series(columns.EVENT_ID, [_content_id(row) for row in named.iter_rows()], dtype=pl.String)


def _content_id(row: tuple[Any, ...]) -> str:
    text = "\x1f".join("" if part is None else f"{len(str(part))}:{part}" for part in row)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _schema_of(rows: list[dict[str, Any]]) -> dict[str, pl.DataType]:
    present = {name for row in rows for name in row}
    if unknown := sorted(present - set(EVENT_SCHEMA)):
        raise SchemaError(f"events: no such column {unknown[0]!r}; allowed: {', '.join(EVENT_SCHEMA)}")
    return {name: kind for name, kind in EVENT_SCHEMA.items() if name in present}
