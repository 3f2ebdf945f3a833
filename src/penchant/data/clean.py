"""Cleaning as visible steps: each counts the rows that came in, that it touched and that it took out, and says why.

A row that is wrong goes to the rejects. A row that is right but unwanted (a duplicate, a returned article, a robot's) is counted
by its step only. Ids are byte-exact but for white space around them.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from penchant.core import columns
from penchant.core.clock import DAY, SECOND, Clock, system_clock
from penchant.data import times
from penchant.data.mapping import EventMapping
from penchant.data.options import ReadOptions
from penchant.data.order import drawn, is_sorted
from penchant.data.rejects import Rejects
from penchant.data.sources.table import LINE, ORDER, Bad, Chunk

# Words that stand for nothing in a column of numbers or times. In a column of ids they are ids.
MISSING = ("null", "none", "na", "n/a", "\\n", "-", "nil")

_EPOCH_1990 = 631_152_000 * SECOND
_OPTIONAL = (
    columns.SESSION_ID,
    columns.EVENT_TYPE,
    columns.SCENARIO,
    columns.EVENT_ID,
    columns.RECOMMENDATION_ID,
    columns.PROPERTIES,
)

_SCALES = (1, 5, 10, 20, 100)
_SCALE_SHARE = 0.99
_MIN_SAMPLE = 20


@dataclass
class Step:
    """What one step did, over all chunks."""

    step: str
    why: str
    rows_in: int = 0
    touched: int = 0
    removed: int = 0


class Cleaning:
    """The ledger of one import: steps in order, decisions in words, rejects."""

    def __init__(self, *, rejects: Path | None = None, clock: Clock = system_clock) -> None:
        self.rejects = Rejects(rejects)
        self.decisions: list[str] = []
        self.clock = clock
        self._steps: dict[str, Step] = {}

    def count(self, step: str, why: str, rows_in: int, *, touched: int = 0, removed: int = 0) -> None:
        """Add to a step; a removed row counts as touched."""
        found = self._steps.setdefault(step, Step(step, why))
        found.why = why or found.why
        found.rows_in += rows_in
        found.touched += touched + removed
        found.removed += removed

    @property
    def steps(self) -> list[dict[str, Any]]:
        """Every step in the order of its first use. `Any`: JSON."""
        return [asdict(step) for step in self._steps.values()]

    def removed(self, step: str) -> int:
        """Rows that a step took out so far."""
        return self._steps[step].removed if step in self._steps else 0


class EventCleaner:
    """The steps that need one row at a time, over the chunks of one file."""

    def __init__(self, mapping: EventMapping, options: ReadOptions, cleaning: Cleaning, source: Path) -> None:
        self.mapping = mapping
        self.options = options
        self.cleaning = cleaning
        self.source = source
        self.rows = 0
        self.first: int | None = None
        self.last: int | None = None
        self._latest = cleaning.clock() + DAY
        self._modern: bool | None = None
        self._sorted: bool | None = None
        self._numbers: str | None = None
        self._bounds: tuple[float, float] | None = None
        self._bad: list[Bad] = []

    def clean(self, chunk: Chunk) -> pl.DataFrame:
        """The usable events of a chunk with penchant's columns and LINE, in file order."""
        rows = len(chunk.frame) + len(chunk.bad)
        self.rows += rows
        self.cleaning.count("unreadable rows", "wrong number of fields, open quotes, bytes that are no text", rows, removed=len(chunk.bad))
        self._bad = list(chunk.bad)
        frame = chunk.frame.select(
            pl.col(LINE),
            *[pl.col(name).cast(pl.String).alias(role) for role, name in self.mapping.roles.items()],
            *([self.mapping.times(chunk.frame).alias(columns.TIMESTAMP)] if self.mapping.time_columns else []),
            *([pl.col(ORDER)] if ORDER in chunk.frame.columns else []),
        )
        for step in (self._headers, self._ids, self._not_items, self._times, self._values, self._returns, self._absurd):
            frame = step(frame)
        self.cleaning.rejects.add(self.source, sorted(self._bad, key=lambda bad: bad.line))
        return self._finished(frame)

    def _headers(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Files that were put together bring their headers along."""
        roles = self.mapping.roles
        again = (frame[columns.USER_ID] == roles[columns.USER_ID]) & (frame[columns.ITEM_ID] == roles[columns.ITEM_ID])
        return self._reject(frame, "unreadable rows", again, columns.USER_ID, "is the header again")

    def _ids(self, frame: pl.DataFrame) -> pl.DataFrame:
        if self.options.trim_ids:
            padded = [role for role in (columns.USER_ID, columns.ITEM_ID, columns.SESSION_ID, columns.EVENT_TYPE) if role in frame.columns]
            trimmed = frame.with_columns(pl.col(padded).str.strip_chars())
            touched = int((frame.select(padded) != trimmed.select(padded)).select(pl.any_horizontal(padded)).to_series().sum())
            why = "it is no part of the id; inside, ids are byte-exact"
            self.cleaning.count("white space around ids", why, len(frame), touched=touched)
            frame = trimmed
        step = self._step("missing ids", "an event needs a user and an item", frame)
        for role in (columns.USER_ID, columns.ITEM_ID):
            missing = frame[role].is_null() | (frame[role].str.strip_chars() == "")
            frame = self._reject(frame, step, missing, role, "is empty")
        return frame

    def _not_items(self, frame: pl.DataFrame) -> pl.DataFrame:
        if not self.options.drop_items:
            return frame
        named = frame[columns.ITEM_ID].is_in(list(self.options.drop_items))
        why = f"codes that are no items: {', '.join(self.options.drop_items)}"
        self.cleaning.count("not items", why, len(frame), removed=int(named.sum()))
        return frame.filter(~named)

    def _times(self, frame: pl.DataFrame) -> pl.DataFrame:
        if not self.mapping.time_columns:
            order = pl.col(ORDER) if ORDER in frame.columns else pl.col(LINE)
            frame = frame.with_columns((order * SECOND).alias(columns.TIMESTAMP))
            self._sorted = is_sorted(frame) if self._sorted is None else self._sorted
            return drawn(frame) if self._sorted else frame
        text = frame[columns.TIMESTAMP]
        micros = self.mapping.time_format.parse(text)
        frame = frame.with_columns(micros.alias(columns.TIMESTAMP), text.cast(pl.String).alias("\x00text"))
        step = self._step("unreadable times", "empty, or not written like the rest of the column", frame)
        empty = pl.col("\x00text").str.strip_chars().str.to_lowercase().is_in(["", *MISSING])
        frame = self._reject(frame, step, frame.select(empty.fill_null(value=True)).to_series(), columns.TIMESTAMP, "is empty")
        reason = f"is no time: this column is {self.mapping.time_format.words}"
        frame = self._reject(frame, step, frame[columns.TIMESTAMP].is_null(), columns.TIMESTAMP, reason)
        if self._modern is None and len(frame):
            self._modern = float(frame[columns.TIMESTAMP].median() or 0) > _EPOCH_1990  # type: ignore[arg-type]  # of integers
        impossible = (
            ("is before 1970", pl.col(columns.TIMESTAMP) < 0),
            ("is a zero where the others are dates", (pl.col(columns.TIMESTAMP) < DAY) & pl.lit(bool(self._modern))),
            ("lies in the future", pl.col(columns.TIMESTAMP) > self._latest),
        )
        step = self._step("impossible times", "before 1970, or later than tomorrow", frame)
        for reason, condition in impossible:
            frame = self._reject(frame, step, frame.select(condition).to_series(), columns.TIMESTAMP, reason)
        if len(frame):
            low, high = int(frame[columns.TIMESTAMP].min()), int(frame[columns.TIMESTAMP].max())  # type: ignore[arg-type]  # integers
            self.first = low if self.first is None else min(low, self.first)
            self.last = high if self.last is None else max(high, self.last)
        return frame.drop("\x00text")

    def _values(self, frame: pl.DataFrame) -> pl.DataFrame:
        if columns.VALUE not in frame.columns:
            return frame
        text = frame[columns.VALUE].str.strip_chars()
        text = text.set(text.str.to_lowercase().is_in(["", *MISSING]), None)
        if self._numbers is None:
            self._numbers = number_style(text)
        if self._numbers == "decimal comma":
            text = text.str.replace(",", ".", literal=True)
        elif self._numbers == "thousands":
            text = text.str.replace_all(",", "", literal=True)
        numbers = text.cast(pl.Float32, strict=False)
        frame = frame.with_columns(numbers.alias(columns.VALUE), frame[columns.VALUE].alias("\x00text"))
        step = self._step("values", "the value is not a finite number", frame)
        frame = self._reject(frame, step, text.is_not_null() & numbers.is_null(), columns.VALUE, "is not a number")
        frame = self._reject(frame, step, ~frame[columns.VALUE].is_finite(), columns.VALUE, "is not finite")
        return frame.drop("\x00text")

    def _returns(self, frame: pl.DataFrame) -> pl.DataFrame:
        if not self.mapping.is_quantity() or self.options.returns == "keep":
            return frame
        returned = (frame[columns.VALUE] < 0).fill_null(value=False)
        self.cleaning.count(
            "returns and cancellations", "a quantity below zero takes something back", len(frame), removed=int(returned.sum())
        )
        return frame.filter(~returned)

    def _absurd(self, frame: pl.DataFrame) -> pl.DataFrame:
        if columns.VALUE not in frame.columns or self.options.absurd_values == "keep":
            return frame
        rating = self.mapping.is_rating()
        if self._bounds is None:
            self._bounds = scale_of(frame[columns.VALUE]) if rating else (-np.inf, largest_sensible(frame[columns.VALUE]))
        low, high = self._bounds
        value = frame[columns.VALUE]
        outside = ((value < low) | (value > high)).fill_null(value=False)
        if rating:
            frame = frame.with_columns(value.cast(pl.String).alias("\x00text"))
            why = f"outside the scale {low:g} … {high:g} that nearly all ratings keep to"
            step = self._step("absurd values", why, frame)
            return self._reject(frame, step, outside, columns.VALUE, f"is {why}").drop("\x00text")
        why = f"clipped to {high:,.0f}" if np.isfinite(high) else "no bound: too few values"
        self.cleaning.count("absurd values", why, len(frame), touched=int(outside.sum()))
        return frame.with_columns(value.clip(None, high)) if outside.any() else frame

    def _step(self, step: str, why: str, frame: pl.DataFrame) -> str:
        """The name of a step that begins, its rows counted."""
        self.cleaning.count(step, why, len(frame))
        return step

    def _reject(self, frame: pl.DataFrame, step: str, mask: pl.Series, column: str, reason: str) -> pl.DataFrame:
        """The frame without the masked rows, which go to the rejects with the text that stood in the file."""
        mask = mask.fill_null(value=False)
        self.cleaning.count(step, "", 0, removed=int(mask.sum()))
        if not mask.any():
            return frame
        shown = "\x00text" if "\x00text" in frame.columns else column
        wrong = frame.filter(mask).select(LINE, shown)
        file_column = "+".join(self.mapping.time_columns) if column == columns.TIMESTAMP else self.mapping.roles[column]
        self._bad += [Bad(line, file_column, value or "", reason) for line, value in wrong.iter_rows()]
        return frame.filter(~mask)

    def _finished(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Types as the event schema wants them; an empty session or kind of event is none."""
        for role in (
            columns.SESSION_ID,
            columns.EVENT_TYPE,
            columns.SCENARIO,
            columns.EVENT_ID,
            columns.RECOMMENDATION_ID,
            columns.PROPERTIES,
        ):
            if role in frame.columns:
                frame = frame.with_columns(pl.col(role).replace("", None))
        for role, kind in ((columns.POSITION, pl.Int32), (columns.PROPENSITY, pl.Float64)):
            if role in frame.columns:
                frame = frame.with_columns(pl.col(role).cast(kind, strict=False))
        if columns.EVENT_TYPE not in frame.columns:
            frame = frame.with_columns(pl.lit(self.options.event_type or columns.DEFAULT_EVENT_TYPE).alias(columns.EVENT_TYPE))
        return frame.drop(ORDER, strict=False).with_columns(pl.col(columns.EVENT_TYPE).fill_null(columns.DEFAULT_EVENT_TYPE))

    def decide(self) -> None:
        """Say what was found about times, once all chunks are behind us."""
        if self._sorted:
            text = (
                "timestamp: none in the file, and each user's items are in the order of their ids; that is no time, so their order is drawn"
            )
        elif not self.mapping.time_columns:
            text = "timestamp: none in the file; the order of rows is the time, one second a row from 1970-01-01"
        elif self.first is None or self.last is None:
            text = f"timestamp: {self.mapping.time_format.words}, none usable"
        else:
            text = f"timestamp: {self.mapping.time_format.words}, {times.in_words(self.first)} … {times.in_words(self.last)}"
        self.cleaning.decisions.append(text)
        if self._numbers and self._numbers != "plain":
            self.cleaning.decisions.append(f"value: numbers written with {self._numbers}")


def number_style(text: pl.Series) -> str:
    """How the numbers of a column are written: plain, with a decimal comma, or with commas between thousands."""
    commas = text.filter(text.str.contains(r"^[+-]?\d+(,\d+)+(\.\d+)?$"))
    if not len(commas):
        return "plain"
    grouped = commas.str.contains(r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$").sum()
    return "thousands" if grouped == len(commas) else "decimal comma"


def scale_of(values: pl.Series) -> tuple[float, float]:
    """The narrowest usual rating scale that holds nearly all values, with none just above it; no bounds where none does."""
    known = values.drop_nulls().to_numpy()
    if len(known) < _MIN_SAMPLE:
        return -np.inf, np.inf
    for top in _SCALES:
        for low in (0.0, -float(top)):
            inside = np.mean((known >= low) & (known <= top))
            just_above = (known > top) & (known <= 2 * top)  # what lies there is the tail of a count, not a mistake
            if inside >= _SCALE_SHARE and not just_above.any():
                return low, float(top)
    return -np.inf, np.inf


def largest_sensible(values: pl.Series) -> float:
    """The value above which a count is absurd: four quartile ranges above the third quartile on a log scale, and ten times
    what 999 of 1,000 rows stay below.

    The pieces of a retail invoice line have Q1 2 and Q3 12: the bound is 20,000 or so, and of 400,000 lines two lie above.
    """
    known = values.filter(values > 0).drop_nulls().to_numpy()
    if len(known) < _MIN_SAMPLE:
        return float("inf")
    first, third = np.quantile(np.log1p(known), [0.25, 0.75])
    spread = np.expm1(third + 4.0 * max(third - first, np.log(4.0)))
    return float(np.ceil(max(spread, 10.0 * np.quantile(known, 0.999))))
