"""Times as people write them → UTC µs. How a column is written is decided once, from its values, and said in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from penchant.core.clock import SECOND
from penchant.core.errors import ConfigError

SAMPLE_ROWS = 2_000

# Epoch units by the size of the median: 1e11 s is the year 5138, 1e11 ms is 1973.
UNITS = {
    "s": (1_000_000, "seconds", 1e11),
    "ms": (1_000, "milliseconds", 1e14),
    "us": (1, "microseconds", 1e17),
    "ns": (0.001, "nanoseconds", 1e20),
}

NUMBER = r"^[+-]?\d+(\.\d*)?([eE][+-]?\d+)?$"
_YEAR_ONE_THOUSAND = -30_610_224_000 * SECOND  # a two-digit year that was read as four digits lies before this


@dataclass(frozen=True)
class Pattern:
    """A strptime format, and what must be added to a value for it (polars wants minutes with hours)."""

    format: str
    suffix: str = ""

    def parse(self, text: pl.Series) -> pl.Series:
        """[L] UTC µs, null where the value is written otherwise."""
        values = text + self.suffix if self.suffix else text
        times = values.str.to_datetime(self.format, strict=False, time_unit="us").dt.epoch("us")
        return times.set(times < _YEAR_ONE_THOUSAND, None)


@dataclass(frozen=True)
class TimeFormat:
    """How the times of one column are written: an epoch unit, or patterns of one family, the most frequent first."""

    unit: str = ""
    patterns: tuple[Pattern, ...] = ()

    @property
    def words(self) -> str:
        """The decision, for people."""
        if self.unit:
            return f"epoch {UNITS[self.unit][1]}"
        zoned = "z" in self.patterns[0].format
        return f"dates written {self.patterns[0].format}" + ("" if zoned else ", taken as UTC")

    def parse(self, column: pl.Series) -> pl.Series:
        """[L] Int64 UTC µs; null where there is none or it cannot be read; the greatest integer where it cannot be held."""
        if column.dtype.is_temporal():
            return _typed(column)
        text = _tidy(column)
        if self.unit:
            return _epoch(text, self.unit)
        result = pl.repeat(None, len(text), dtype=pl.Int64, eager=True)
        for pattern in self.patterns:
            open_rows = (result.is_null() & text.is_not_null()).arg_true()
            if not len(open_rows):
                break
            result = result.scatter(open_rows, pattern.parse(text.gather(open_rows)))
        return result


def given(time_format: str) -> TimeFormat:
    """The format that the user names: s, ms, us, ns or a strptime pattern."""
    if time_format in UNITS:
        return TimeFormat(unit=time_format)
    if "%" not in time_format:
        raise ConfigError(f"time_format: {time_format!r} is neither a unit ({', '.join(UNITS)}) nor a pattern such as %d.%m.%Y %H:%M")
    try:
        Pattern(time_format).parse(pl.Series(["1"]))
    except pl.exceptions.PolarsError as error:
        raise ConfigError(f"time_format: {time_format!r} cannot be used: {str(error).splitlines()[0]}") from None
    return TimeFormat(patterns=(Pattern(time_format),))


def detect(column: pl.Series) -> tuple[TimeFormat, float]:
    """The format that most values of the column are written in, and their share (0 where there is none)."""
    if column.dtype.is_temporal():
        return TimeFormat(unit="us"), 1.0
    text = _tidy(column).drop_nulls()
    if not len(text):
        return TimeFormat(unit="s"), 0.0
    sample = text.gather_every(max(1, len(text) // SAMPLE_ROWS))
    if (numbers := sample.filter(sample.str.contains(NUMBER))).len() >= 0.5 * len(sample):
        return _numeric(numbers), numbers.len() / len(sample)
    families = [(_fitting(family, sample), family) for family in _families()]
    (patterns, share), _ = max(families, key=lambda found: found[0][1])
    if not patterns:
        return TimeFormat(unit="s"), 0.0
    month_first, day_first = (_fitting(family, sample) for family in (_MONTH_FIRST, _DAY_FIRST))
    if share == month_first[1] == day_first[1]:
        patterns = min(month_first[0], day_first[0], key=lambda each: _disorder(TimeFormat(patterns=each).parse(text)))
    return TimeFormat(patterns=patterns), share


def _typed(column: pl.Series) -> pl.Series:
    """A column that a file already holds as dates; those without a zone are UTC."""
    if column.dtype == pl.Duration:
        return column.dt.total_microseconds()
    return column.cast(pl.Datetime("us")).dt.epoch("us") if column.dtype == pl.Date else column.dt.epoch("us")


def _tidy(column: pl.Series) -> pl.Series:
    """Trimmed texts, single blanks, null where empty."""
    text = column.cast(pl.String).str.strip_chars()
    if text.str.contains(r"\s\s").any():
        text = text.str.replace_all(r"\s+", " ")
    return text.replace("", None)


def _epoch(text: pl.Series, unit: str) -> pl.Series:
    factor = UNITS[unit][0]
    whole = text.cast(pl.Int64, strict=False)
    rough = text.cast(pl.Float64, strict=False)
    limit = (2**62) / factor
    scaled = whole // 1_000 if unit == "ns" else whole * int(factor)
    fractional = (rough.set(rough.abs() > limit, None) * factor).round().cast(pl.Int64, strict=False)
    frame = pl.DataFrame({"whole": scaled, "part": fractional, "rough": rough})
    too_large = pl.col("rough").is_finite() & (pl.col("rough").abs() > limit)
    return frame.select(
        pl.when(too_large).then(pl.lit(2**62)).when(pl.col("rough").is_nan()).then(None).otherwise(pl.coalesce("whole", "part"))
    ).to_series()


def _numeric(numbers: pl.Series) -> TimeFormat:
    """An epoch unit by size, or dates written without separators."""
    for digits, pattern in ((8, "%Y%m%d"), (14, "%Y%m%d%H%M%S")):
        if (numbers.str.len_chars() == digits).all():
            times = Pattern(pattern).parse(numbers)
            sensible = times.is_between(_micros(1900), _micros(2100)).sum() or 0
            if sensible >= 0.95 * len(numbers):
                return TimeFormat(patterns=(Pattern(pattern),))
    median = numbers.cast(pl.Float64, strict=False).abs().median()
    size = float(median) if isinstance(median, int | float) else 0.0
    for unit, (_, _, below) in UNITS.items():
        if size < below:
            return TimeFormat(unit=unit)
    return TimeFormat(unit="ns")


def _micros(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * SECOND


def _fitting(family: Sequence[Pattern], sample: pl.Series) -> tuple[tuple[Pattern, ...], float]:
    """The family's patterns, those that fit most of the sample first, and the share that any of them fits; none where none fits."""
    counts = {pattern: len(sample) - pattern.parse(sample).null_count() for pattern in family}
    ordered = tuple(sorted(family, key=lambda pattern: -counts[pattern]))
    if not counts[ordered[0]]:
        return (), 0.0
    fitted = len(sample) - TimeFormat(patterns=ordered).parse(sample).null_count()
    return ordered, fitted / len(sample)


def _disorder(times: pl.Series) -> float:
    """How often a time is earlier than the one before: logs are mostly written in order."""
    return float((times.diff() < 0).mean() or 0.0)  # type: ignore[arg-type]  # the mean of booleans is a float


def _clock_times() -> Iterator[str]:
    yield from ("%H:%M:%S", "%H:%M:%S%.f", "%H:%M", "%I:%M:%S %p", "%I:%M %p")


def _iso() -> list[Pattern]:
    found = []
    for date in ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日"):
        found.append(Pattern(date))
        found.append(Pattern(f"{date} %H:%M", ":00"))
        for joint in (" ", "T"):
            for clock in ("%H:%M:%S", "%H:%M:%S%.f", "%H:%M"):
                found += [Pattern(f"{date}{joint}{clock}{zone}") for zone in ("", "%#z", " %#z", " UTC", " GMT")]
    found += [Pattern("%Y年%m月%d日 %H时%M分"), Pattern("%Y年%m月%d日 %H时%M分%S秒"), Pattern("%Y%m%dT%H%M%S"), Pattern("%Y%m%d %H:%M:%S")]
    return found


def _slashed(dates: Sequence[str]) -> list[Pattern]:
    """Short years first: `%Y` would read 10 as the year ten."""
    years = [date + year for date in dates for year in ("%y", "%Y")]
    return [Pattern(date) for date in years] + [Pattern(f"{date} {clock}") for date in years for clock in _clock_times()]


_MONTH_FIRST = _slashed(("%m/%d/", "%m-%d-"))
_DAY_FIRST = _slashed(("%d/%m/", "%d.%m.", "%d-%m-"))
_NAMED = [
    Pattern(date if clock == "" else f"{date} {clock}")
    for date in ("%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%y", "%m %d, %Y", "%a, %d %b %Y")
    for clock in ("", "%H:%M:%S", "%H:%M", "%H:%M:%S %#z", "%H:%M:%S GMT", "%I:%M %p")
] + [
    Pattern("%a %b %d %H:%M:%S %Y"),
    Pattern("%a %b %d %H:%M:%S %z %Y"),
    Pattern("%a %b %d %H:%M:%S UTC %Y"),
    Pattern("%Y %m %d"),
    Pattern("%d %m %Y"),
]


def _families() -> tuple[list[Pattern], ...]:
    """Ways of writing that one column does not mix."""
    return (_iso(), _MONTH_FIRST, _DAY_FIRST, _NAMED)


def in_words(micros: int) -> str:
    """A UTC time for people: the day, and the time of day where it is not midnight."""
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    except OverflowError:
        return "a time beyond the year 9999"
    return f"{moment:%Y-%m-%d}" if moment.hour == moment.minute == 0 else f"{moment:%Y-%m-%d %H:%M}"
