"""Times are read as people write them; what is ambiguous is decided from the whole column."""

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.core.errors import ConfigError
from penchant.data import times


def micros(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp() * 1_000_000)  # type: ignore[arg-type, misc]  # year, month, day …


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("881250949", micros(1997, 12, 4, 15, 55, 49)),
        ("881250949.0", micros(1997, 12, 4, 15, 55, 49)),
        ("881250949000", micros(1997, 12, 4, 15, 55, 49)),
        ("881250949000000", micros(1997, 12, 4, 15, 55, 49)),
        ("881250949000000000", micros(1997, 12, 4, 15, 55, 49)),
        ("8.81250949e8", micros(1997, 12, 4, 15, 55, 49)),
        ("1997-12-04", micros(1997, 12, 4)),
        ("1997-12-04 15:55", micros(1997, 12, 4, 15, 55)),
        ("1997-12-04 15", micros(1997, 12, 4, 15)),
        ("1997-12-04 15:55:49", micros(1997, 12, 4, 15, 55, 49)),
        ("1997-12-04T15:55:49.5", micros(1997, 12, 4, 15, 55, 49) + 500_000),
        ("1997-12-04T15:55:49Z", micros(1997, 12, 4, 15, 55, 49)),
        ("1997-12-04T15:55:49.277Z", micros(1997, 12, 4, 15, 55, 49) + 277_000),
        ("1997-12-04T17:55:49+02:00", micros(1997, 12, 4, 15, 55, 49)),
        ("1997-12-04 17:55:49 +0200", micros(1997, 12, 4, 15, 55, 49)),
        ("1997-12-04 15:55:49 UTC", micros(1997, 12, 4, 15, 55, 49)),
        ("1997/12/4 15:55", micros(1997, 12, 4, 15, 55)),
        ("12/14/1997 8:26", micros(1997, 12, 14, 8, 26)),
        ("12/14/97 8:26", micros(1997, 12, 14, 8, 26)),
        ("12/14/1997 8:26:00 PM", micros(1997, 12, 14, 20, 26)),
        ("14/12/1997", micros(1997, 12, 14)),
        ("14.12.1997 08:26", micros(1997, 12, 14, 8, 26)),
        ("14-Dec-1997", micros(1997, 12, 14)),
        ("Dec 14, 1997", micros(1997, 12, 14)),
        ("12 14, 1997", micros(1997, 12, 14)),
        ("Thu Dec  4 15:55:49 1997", micros(1997, 12, 4, 15, 55, 49)),
        ("Thu Dec 04 15:55:49 +0000 1997", micros(1997, 12, 4, 15, 55, 49)),
        ("19971204", micros(1997, 12, 4)),
        ("19971204155549", micros(1997, 12, 4, 15, 55, 49)),
        ("1997年12月4日", micros(1997, 12, 4)),
        ("1997年12月4日 15:55", micros(1997, 12, 4, 15, 55)),
        (" 1997-12-04 ", micros(1997, 12, 4)),
    ],
)
def test_a_written_time_is_read(text: str, expected: int) -> None:
    column = pl.Series([text] * 5)
    found, share = times.detect(column)
    assert share == 1.0
    assert found.parse(column).to_list() == [expected] * 5


@pytest.mark.parametrize("texts", [["hello", "world"], ["", None], ["8:26", "9:30"], ["u1", "u2"]])
def test_what_is_no_time_is_not_taken_for_one(texts: list[str]) -> None:
    assert times.detect(pl.Series(texts, dtype=pl.String))[1] < 0.5


def test_order_of_day_and_month_comes_from_the_values_that_tell() -> None:
    american = pl.Series(["1/2/2011 8:00", "12/31/2010 9:00"])
    european = pl.Series(["1/2/2011 8:00", "31/12/2010 9:00"])
    assert times.detect(american)[0].parse(american)[0] == micros(2011, 1, 2, 8)
    assert times.detect(european)[0].parse(european)[0] == micros(2011, 2, 1, 8)


def test_where_no_value_tells_the_order_that_makes_a_log_ascend_is_taken() -> None:
    days = pl.Series([f"{day}/{month}/2011" for month in (1, 2, 3) for day in range(1, 13)])
    assert times.detect(days)[0].parse(days).is_sorted()


def test_one_column_may_mix_iso_forms() -> None:
    column = pl.Series(["2011-12-01 08:26", "2011-12-01", "2011-12-01T08:26:00Z", "2011-12-01 08:26:00.5", "rubbish"])
    found, share = times.detect(column)
    assert share == 0.8
    assert found.parse(column).null_count() == 1


def test_a_value_beyond_what_can_be_held_is_far_away_instead_of_wrapping_around() -> None:
    column = pl.Series(["881250949", "99999999999999999", "1e300", "-99999999999999999"])
    parsed = times.TimeFormat(unit="s").parse(column).to_list()
    assert parsed[0] == 881_250_949_000_000
    assert all(value > micros(9999, 1, 1) for value in parsed[1:])


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
@given(moment=st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2030, 1, 1)))
def test_epochs_of_every_unit_come_back_exactly(unit: str, moment: datetime) -> None:
    factor = {"s": 1_000_000, "ms": 1_000, "us": 1}[unit]
    whole = int(moment.replace(tzinfo=UTC).timestamp()) * 1_000_000
    column = pl.Series([str(whole // factor)])
    assert times.detect(column)[0] == times.TimeFormat(unit=unit)
    assert times.detect(column)[0].parse(column).to_list() == [whole]


def test_typed_columns_are_taken_as_they_are() -> None:
    naive = pl.Series([datetime(1997, 12, 4, 15, 55, 49)])
    zoned = naive.dt.replace_time_zone("Europe/Berlin")
    for column, expected in ((naive, micros(1997, 12, 4, 15, 55, 49)), (zoned, micros(1997, 12, 4, 14, 55, 49))):
        assert times.detect(column)[0].parse(column).to_list() == [expected]
    assert times.detect(naive.dt.date())[0].parse(naive.dt.date()).to_list() == [micros(1997, 12, 4)]


def test_the_user_may_name_the_format() -> None:
    assert times.given("ms") == times.TimeFormat(unit="ms")
    assert times.given("%d.%m.%y").parse(pl.Series(["4.12.97", "x"])).to_list() == [micros(1997, 12, 4), None]
    with pytest.raises(ConfigError, match="neither a unit"):
        times.given("seconds")


def test_the_decision_is_said_in_words() -> None:
    assert times.detect(pl.Series(["881250949"]))[0].words == "epoch seconds"
    assert times.detect(pl.Series(["2011-12-01 08:26"]))[0].words == "dates written %Y-%m-%d %H:%M, taken as UTC"
    assert times.in_words(micros(1997, 12, 4)) == "1997-12-04"
    assert times.in_words(micros(1997, 12, 4, 15, 55)) == "1997-12-04 15:55"
    assert times.in_words(2**62) == "a time beyond the year 9999"
