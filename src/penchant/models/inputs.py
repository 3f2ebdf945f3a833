"""Histories as a sequence model reads them: numbers side by side, left-aligned. Free of torch, for an exported model reads the same."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from penchant.core.clock import seconds_since
from penchant.core.types import UNKNOWN, FloatArray, IntArray, LongArray, Queries, SmallArray
from penchant.core.widths import width_of

POSITIONS = 4_096  # positions encoded at once when scoring: bounds memory, keeps products large


class Inputs(NamedTuple):
    """B requests; codes, times and asked are those of `penchant.training.loader.Batch`."""

    codes: LongArray  # [B, L]
    times: IntArray  # [B, L] seconds
    asked: IntArray  # [B, L] seconds
    lengths: LongArray  # [B], at least 1

    @classmethod
    def of(cls, histories: Queries, *, longest: int, start: int, width: int | None = None) -> "Inputs":
        """From histories of at most `longest` events; `start` begins those where it still fits. L is `width`, or what the longest needs."""
        counts = np.diff(histories.offsets)
        begins = (counts < longest).astype(np.int64)
        # Each history is followed by its request, whose time is `at`.
        items = np.insert(histories.items, histories.offsets[1:], start)
        stamps = np.insert(histories.timestamps, histories.offsets[1:], histories.at)
        wide = width or int((counts + begins).max())
        places = np.arange(wide + 1) - begins[:, None]  # −1 = the start code, at the time of what follows it
        found = (histories.offsets[:-1] + np.arange(len(counts)))[:, None] + np.clip(places, 0, counts[:, None])
        codes = np.where(places < 0, start, items[found])[:, :-1].astype(np.int64)
        seconds = seconds_since(stamps[found][:, :1], stamps[found])
        return cls(
            np.ascontiguousarray(codes), np.ascontiguousarray(seconds[:, :-1]), np.ascontiguousarray(seconds[:, 1:]), counts + begins
        )


def inputs(queries: Queries, *, longest: int, start: int) -> Iterator[tuple[LongArray, Inputs]]:
    """Rows of requests and what is read for them, at most `POSITIONS` positions at once, those of like length together.

    Of a history the last `longest` events are read: no position was trained beyond. As many as fill a batch are padded to one of few
    widths, for what computes them keeps a kernel for each shape; fewer are as wide as they are.
    """
    histories = queries.last(longest)
    widths = np.minimum(np.diff(histories.offsets) + 1, longest)
    order = np.argsort(-widths, kind="stable")
    first = 0
    while first < len(order):
        widest = int(widths[order[first]])
        padded = min(int(width_of(np.array([widest]))[0]), longest)
        many = max(1, POSITIONS // padded)
        rows = order[first : first + many]
        yield rows, Inputs.of(histories.take(rows), longest=longest, start=start, width=padded if len(rows) == many else widest)
        first += many


class EventFacts(NamedTuple):
    """What else is known of the events that the codes of `Inputs` stand for, in the order in which an encoder takes it."""

    event_types: SmallArray  # [B, L], −1 at start codes and padding
    values: FloatArray  # [B, L], NaN there
    scenarios: SmallArray  # [B, L] where each event happened, −1 there
    asked_scenarios: SmallArray  # [B, L] where the next one did, at the last position the place of the request


def event_facts(queries: Queries, *, longest: int, scenario: int, width: int | None = None) -> EventFacts:
    """What else the codes of `Inputs.of` stand for, as wide as they are; `scenario` is the code of the place that is asked for.

    Where that is not known, −1, no position is told the place of what follows it, as in training.
    """
    histories = queries.last(longest)
    counts = np.diff(histories.offsets)
    begins = (counts < longest).astype(np.int64)
    places = np.arange(width or int((counts + begins).max())) - begins[:, None]
    inside = (places >= 0) & (places < counts[:, None])
    found = np.where(inside, histories.offsets[:-1, None] + places, len(histories.items))
    types = np.append(histories.event_types, np.int16(-1))[found]
    values = np.append(histories.values, np.float32(np.nan))[found]
    scenarios, asked = np.full((2, *found.shape), UNKNOWN, np.int16)
    if histories.scenarios is not None:
        scenarios = np.append(histories.scenarios, np.int16(UNKNOWN))[found]
    if scenario != UNKNOWN:
        asked[:, :-1] = scenarios[:, 1:]
        asked[np.arange(len(counts)), counts + begins - 1] = scenario
    return EventFacts(types, values, scenarios, asked)
