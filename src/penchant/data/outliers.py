"""What only the whole file can tell: repeated events and robots. Events wait in a spool, in memory or on disk, until it was read."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from penchant.core import columns
from penchant.core.clock import SECOND
from penchant.core.types import BoolArray
from penchant.data.clean import Cleaning
from penchant.data.options import ReadOptions

# Rows that wait in memory; beyond them the spool goes to disk.
MEMORY_ROWS = 500_000

# A robot has more events than three quartile ranges above the third quartile on a log scale, and at least this many, and this
# many times more than the next user below: the steepest tails of crowds (Zipf, exponent 2) fall by 4 from the first to the second …
ROBOT_EVENTS = 1_000
ROBOT_GAP = 5
# … or at least that many at this pace over its whole life, as few others have. The fastest of MovieLens-1M makes 0.29.
ROBOT_EVENTS_PER_SECOND = 0.5
ROBOT_SHARE = 0.01
_MIN_USERS = 20

_IDENTITY = (columns.USER_ID, columns.ITEM_ID, columns.EVENT_TYPE, columns.VALUE, columns.TIMESTAMP, columns.SESSION_ID)


class Spool:
    """Frames in the order they came; can be walked more than once. Use as a context: its files go with it."""

    def __init__(self) -> None:
        self.rows = 0
        self._frames: list[pl.DataFrame] = []
        self._folder: Path | None = None
        self._files = 0

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self._frames.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, frame: pl.DataFrame) -> None:
        """Append a frame."""
        if not len(frame):
            return
        self.rows += len(frame)
        self._frames.append(frame)
        if sum(map(len, self._frames)) > MEMORY_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="penchant-"))
        for frame in self._frames:
            frame.write_ipc(self._folder / f"{self._files}.arrow", compression="lz4")
            self._files += 1
        self._frames = []

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for number in range(self._files):
            if self._folder is not None:
                yield pl.read_ipc(self._folder / f"{number}.arrow")
        yield from self._frames


class Outliers:
    """Sees every frame once, compares them once more, then tells which rows of each stay."""

    def __init__(self, options: ReadOptions, cleaning: Cleaning, *, timed: bool) -> None:
        self.options = options
        self.cleaning = cleaning
        self.timed = timed
        self.n_events = self.n_users = 0  # without duplicates
        self._hashes: list[NDArray[np.uint64]] = []
        self._masks: list[NDArray[np.uint8]] = []  # packed, one a frame: true for the first of equal events
        self._users = pl.DataFrame()

    def see(self, frame: pl.DataFrame) -> None:
        """Remember what the rows are, 8 bytes each."""
        if self.options.duplicates == "remove" and len(frame):
            self._hashes.append(_hashes(frame))

    def compare(self, spool: Spool) -> None:
        """Find which rows are the first of their kind, and who they are of."""
        self._masks, self._users = self._first_of_each(spool)
        self.n_users, self.n_events = len(self._users), int(self._users["n"].sum())

    def kept(self, spool: Spool) -> Iterator[pl.DataFrame]:
        """The frames of the spool, which were compared, without duplicates and robots, in order."""
        robots = self._robots(self._users) if self.n_users else pl.Series([], dtype=pl.String)
        self.cleaning.count("robots", self._why(len(robots)), 0)
        rows, removed = 0, 0
        for frame, mask in zip(spool, self._masks, strict=True):
            first = frame.filter(pl.Series(np.unpackbits(mask, count=len(frame)).astype(bool)))
            human = first
            if len(robots) and self.options.robots == "remove":
                human = first.filter(~pl.col(columns.USER_ID).is_in(robots.implode()))
            rows, removed = rows + len(first), removed + len(first) - len(human)
            yield human
        self.cleaning.count("robots", "", rows, removed=removed)

    def _why(self, n_robots: int) -> str:
        what = "are removed" if self.options.robots == "remove" else "stay"
        return f"{n_robots} users with absurdly many events, or absurdly fast ones, {what}"

    def _first_of_each(self, spool: Spool) -> tuple[list[NDArray[np.uint8]], pl.DataFrame]:
        """A packed mask for each frame, true for the first of equal events; and events, first and last time of each user.

        Equal means equal 64-bit hashes: among ten million different events two share one with probability 3e-6.
        """
        repeated = _repeated(self._hashes)
        self._hashes = []
        seen = np.zeros(len(repeated), dtype=bool)
        masks, users = [], _Users()
        rows, removed = 0, 0
        for frame in spool:
            mask = _firsts(_hashes(frame), repeated, seen) if len(repeated) else np.ones(len(frame), dtype=bool)
            masks.append(np.packbits(mask))
            users.see(frame.filter(pl.Series(mask)))
            rows, removed = rows + len(frame), removed + int((~mask).sum())
        if self.options.duplicates == "remove":
            self.cleaning.count("duplicates", "the same event again: user, item, kind, value, time and session", rows, removed=removed)
        return masks, users.table()

    def _robots(self, users: pl.DataFrame) -> pl.Series:
        """Their ids. Users whose number of events is large but no gap away from the next ones are the tail of a crowd."""
        ordered = users.sort("n", columns.USER_ID, descending=[True, False])
        events = ordered["n"].to_numpy()
        many = _beyond_a_gap(events, _bound(events)) if len(events) >= _MIN_USERS else 0
        robots = pl.int_range(len(ordered), eager=True) < many
        if self.timed:
            span = ((ordered["last"] - ordered["first"]) / SECOND).clip(60.0)
            fast = (ordered["n"] >= ROBOT_EVENTS) & (ordered["n"] / span > ROBOT_EVENTS_PER_SECOND)
            if fast.sum() <= max(1, ROBOT_SHARE * len(ordered)):  # where many are that fast, the clock is not people's
                robots |= fast
        return ordered.filter(robots)[columns.USER_ID]


def _bound(events: NDArray[np.int64]) -> float:
    first, third = np.quantile(np.log1p(events), [0.25, 0.75])
    return max(float(np.expm1(third + 3.0 * max(third - first, np.log(4.0)))), ROBOT_EVENTS)


def _beyond_a_gap(events: NDArray[np.int64], bound: float) -> int:
    """How many of the largest, above `bound`, are `ROBOT_GAP` times as large as the next one; `events` descends."""
    large = int((events > bound).sum())
    gaps = np.flatnonzero(events[:large] >= ROBOT_GAP * np.append(events, 1)[1 : large + 1])
    return int(gaps[-1]) + 1 if len(gaps) else 0


def _hashes(frame: pl.DataFrame) -> NDArray[np.uint64]:
    names = [columns.EVENT_ID] if columns.EVENT_ID in frame.columns else [name for name in _IDENTITY if name in frame.columns]
    return frame.select(names).hash_rows(seed=0).to_numpy()


def _repeated(hashes: list[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    """[R] sorted, those that occur more than once."""
    if not hashes:
        return np.zeros(0, np.uint64)
    everything = np.concatenate(hashes)
    hashes.clear()
    everything.sort()
    return np.unique(everything[1:][everything[1:] == everything[:-1]])


def _firsts(hashes: NDArray[np.uint64], repeated: NDArray[np.uint64], seen: BoolArray) -> BoolArray:
    """[L] true where a row is the first with its hash, over this and earlier frames; `seen` [R] carries over."""
    places = np.minimum(np.searchsorted(repeated, hashes), len(repeated) - 1)
    candidates = np.flatnonzero(repeated[places] == hashes)
    keep = np.ones(len(hashes), dtype=bool)
    keep[candidates] = False
    values, first = np.unique(places[candidates], return_index=True)
    fresh = ~seen[values]
    keep[candidates[first[fresh]]] = True
    seen[values] = True
    return keep


class _Users:
    """Events, first and last time of each user; merged now and then, so that many users do not cost a merge a frame."""

    def __init__(self) -> None:
        self._parts: list[pl.DataFrame] = []

    def see(self, frame: pl.DataFrame) -> None:
        times = pl.col(columns.TIMESTAMP)
        self._parts.append(frame.group_by(columns.USER_ID).agg(n=pl.len().cast(pl.Int64), first=times.min(), last=times.max()))
        if sum(map(len, self._parts[1:])) > max(MEMORY_ROWS, len(self._parts[0])):
            self._parts = [self.table()]

    def table(self) -> pl.DataFrame:
        if not self._parts:
            return pl.DataFrame(schema={columns.USER_ID: pl.String, "n": pl.Int64, "first": pl.Int64, "last": pl.Int64})
        merged = pl.concat(self._parts).group_by(columns.USER_ID)
        return merged.agg(pl.col("n").sum(), pl.col("first").min(), pl.col("last").max())
