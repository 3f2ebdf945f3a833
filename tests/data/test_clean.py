"""Every step counts what it touched, every bad row is kept with its place and reason, and nothing vanishes silently."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penchant.core.clock import DAY, SECOND
from penchant.core.errors import DataError
from penchant.data.clean import Cleaning, largest_sensible, number_style, scale_of
from penchant.data.load import read_events
from penchant.data.options import ReadOptions
from penchant.data.outliers import MEMORY_ROWS
from penchant.data.rejects import neutral

NOW = 1_600_000_000 * SECOND


def write(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return path


def read(path: Path, **options: Any) -> tuple[list[dict[str, Any]], Cleaning]:
    cleaning = Cleaning(rejects=options.get("rejects"), clock=lambda: NOW)
    try:
        rows = [row for batch in read_events(path, ReadOptions(**options), cleaning) for row in batch.frame.iter_rows(named=True)]
    finally:
        cleaning.rejects.close()
    return rows, cleaning


def step(cleaning: Cleaning, name: str) -> tuple[int, int, int]:
    found = next(each for each in cleaning.steps if each["step"] == name)
    return found["rows_in"], found["touched"], found["removed"]


HEADER = ("user_id", "item_id", "rating", "timestamp")
DIRTY = [
    HEADER,
    ("u1", "i1", 5, 1_500_000_000),  # row 2, fine
    ("", "i2", 4, 1_500_000_001),  # no user
    ("u3", "  ", 4, 1_500_000_002),  # no item
    ("u4", "i4", "abc", 1_500_000_003),  # no number
    ("u5", "i5", "NaN", 1_500_000_004),
    ("u6", "i6", "1e400", 1_500_000_005),
    ("u7", "i7", 3, "yesterday"),
    ("u8", "i8", 3, ""),
    ("u9", "i9", 3, -5),
    ("u10", "i10", 3, 0),  # a zero among dates
    ("u11", "i11", 3, 99_999_999_999),  # the year 5138
    ("u1", "i1", 5, 1_500_000_000),  # row 13, a duplicate of row 2
    (" u13", "i13 ", 4, 1_500_000_006),  # padded
    ("u14", "i14", "", 1_500_000_007),  # no value is fine
    ("=cmd()", "i15", "bad", 1_500_000_008),
]


def test_each_kind_of_bad_row_is_rejected_with_row_column_value_and_reason(tmp_path: Path) -> None:
    rows, cleaning = read(write(tmp_path / "events.csv", DIRTY))
    assert [row["user_id"] for row in rows] == ["u1", "u13", "u14"]
    found = {row["row"]: (row["column"], row["value"], row["reason"]) for row in cleaning.rejects.examples}
    assert found[3] == ("user_id", "", "is empty")
    assert found[4] == ("item_id", "", "is empty")
    assert found[5] == ("rating", "abc", "is not a number")
    assert found[6] == ("rating", "NaN", "is not finite")
    assert found[7] == ("rating", "1e400", "is not finite")
    assert found[8] == ("timestamp", "yesterday", "is no time: this column is epoch seconds")
    assert found[9] == ("timestamp", "", "is empty")
    assert found[10] == ("timestamp", "-5", "is before 1970")
    assert found[11] == ("timestamp", "0", "is a zero where the others are dates")
    assert found[12] == ("timestamp", "99999999999", "lies in the future")
    assert set(found) == {3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16}
    assert [row["row"] for row in cleaning.rejects.examples] == sorted(found)


def test_the_steps_account_for_every_row(tmp_path: Path) -> None:
    rows, cleaning = read(write(tmp_path / "events.csv", DIRTY))
    assert step(cleaning, "white space around ids") == (15, 2, 0)
    assert step(cleaning, "missing ids") == (15, 2, 2)
    assert step(cleaning, "unreadable times") == (13, 2, 2)
    assert step(cleaning, "impossible times") == (11, 3, 3)
    assert step(cleaning, "values") == (8, 4, 4)
    assert step(cleaning, "duplicates") == (4, 1, 1)
    assert step(cleaning, "robots") == (3, 0, 0)
    assert 15 - sum(each["removed"] for each in cleaning.steps) == len(rows)


def test_strict_names_the_first_bad_rows_and_gives_no_event(tmp_path: Path) -> None:
    path = write(tmp_path / "events.csv", DIRTY)
    events = read_events(path, ReadOptions(strict=True), Cleaning(clock=lambda: NOW))
    with pytest.raises(DataError, match=r"(?s)11 bad rows.*row 3: column user_id, value '': is empty.*and 6 more"):
        next(events)


def test_strict_accepts_a_clean_file(tmp_path: Path) -> None:
    rows, _ = read(write(tmp_path / "events.csv", [HEADER, ("u1", "i1", 5, 1_500_000_000)]), strict=True)
    assert len(rows) == 1


def test_the_rejects_file_holds_all_bad_rows_and_no_formula(tmp_path: Path) -> None:
    dirty = [*DIRTY, *((cell, "i", "bad", 1_500_000_000) for cell in ("+1", "-1", "@x"))]
    dirty += [("u", "i", text, 1_500_000_000) for text in ("=1+1", "\tx=", "-2+3")]
    path = tmp_path / "reports" / "rejects.csv"
    _, cleaning = read(write(tmp_path / "events.csv", dirty), rejects=path)
    with path.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == cleaning.rejects.count == 17
    assert [row["value"] for row in found][-3:] == ["'=1+1", "'\tx=", "'-2+3"]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in found for cell in row.values())


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_a_spreadsheet_would_run_is_neutralised(start: str) -> None:
    assert neutral(f"{start}x") == f"'{start}x"
    assert neutral(f"x{start}") == f"x{start}"


def test_no_bad_row_makes_no_rejects_file(tmp_path: Path) -> None:
    read(write(tmp_path / "events.csv", [HEADER, ("u1", "i1", 5, 1_500_000_000)]), rejects=tmp_path / "rejects.csv")
    assert not (tmp_path / "rejects.csv").exists()


def test_a_file_without_one_usable_event_is_an_error_that_shows_why(tmp_path: Path) -> None:
    path = write(tmp_path / "events.csv", [HEADER, ("", "i1", 5, 1_500_000_000), ("", "i2", 5, 1_500_000_000)])
    with pytest.raises(DataError, match=r"(?s)none of 2 rows is a usable event.*row 2: column user_id"):
        read(path)


def test_a_header_that_comes_again_is_no_event(tmp_path: Path) -> None:
    rows, cleaning = read(write(tmp_path / "events.csv", [("user", "item"), ("u1", "i1"), ("user", "item"), ("u2", "i2")]))
    assert [row["user_id"] for row in rows] == ["u1", "u2"]
    assert cleaning.rejects.examples[0]["row"] == 3


def test_similar_ids_stay_different(tmp_path: Path) -> None:
    ids = ["00", "0", "1e1", "10", "null", "NaN", "nan", "true", "True", "None", "__proto__", "é", "e\u0301", "a b", "1.0", "1"]
    rows, _ = read(write(tmp_path / "events.csv", [("user_id", "item_id"), *((id_, id_) for id_ in ids)]))
    assert [row["user_id"] for row in rows] == ids
    assert [row["item_id"] for row in rows] == ids


def test_white_space_around_ids_stays_where_the_user_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "events.csv", [("user_id", "item_id"), (" u1", "i1"), ("u1", "i1")])
    assert [row["user_id"] for row in read(path, trim_ids=False)[0]] == [" u1", "u1"]


def test_without_times_the_order_of_rows_is_the_time(tmp_path: Path) -> None:
    rows, cleaning = read(write(tmp_path / "events.csv", [("user", "item"), ("u", "b"), ("u", "a"), ("u", "b")]))
    assert [row["timestamp"] for row in rows] == [2 * SECOND, 3 * SECOND, 4 * SECOND]
    assert any("order of rows is the time" in decision for decision in cleaning.decisions)


def test_the_decision_about_times_names_format_and_range(tmp_path: Path) -> None:
    _, cleaning = read(write(tmp_path / "events.csv", [HEADER, ("u", "i", 1, 1_500_000_000), ("u", "j", 1, 1_500_086_400)]))
    assert "timestamp: epoch seconds, 2017-07-14 02:40 … 2017-07-15 02:40" in cleaning.decisions


def test_tomorrow_is_still_possible_and_the_day_after_is_not(tmp_path: Path) -> None:
    soon, late = (NOW + DAY) // SECOND, (NOW + DAY) // SECOND + 1
    rows, _ = read(write(tmp_path / "events.csv", [HEADER, ("u", "i", 1, soon), ("u", "j", 1, late)]))
    assert [row["item_id"] for row in rows] == ["i"]


RETAIL = ("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "CustomerID")


def test_returns_are_removed_and_counted_or_kept(tmp_path: Path) -> None:
    rows = [(f"53{n}", "85123A", n % 9 + 1, "2010-12-01 08:26:00", "17850") for n in range(50)]
    path = write(tmp_path / "events.csv", [RETAIL, *rows, ("C536379", "85123A", -1, "2010-12-01 09:41:00", "14527")])
    kept, cleaning = read(path)
    assert len(kept) == 50
    assert step(cleaning, "returns and cancellations") == (51, 1, 1)
    assert cleaning.rejects.count == 0
    assert len(read(path, returns="keep")[0]) == 51


def test_absurd_quantities_are_clipped_and_counted_or_kept(tmp_path: Path) -> None:
    rows = [(f"53{n}", "85123A", n % 12 + 1, "2010-12-01 08:26:00", "17850") for n in range(2_000)]
    path = write(tmp_path / "events.csv", [RETAIL, *rows, ("541431", "23166", 74_215_000, "2011-01-18 10:01:00", "12346")])
    found, cleaning = read(path)
    assert step(cleaning, "absurd values")[1:] == (1, 0)
    assert 100 < found[-1]["value"] < 100_000
    assert read(path, absurd_values="keep")[0][-1]["value"] == 74_215_000


def test_ratings_outside_their_scale_are_rejected(tmp_path: Path) -> None:
    rows = [(f"u{n}", "i", n % 5 + 1, 1_500_000_000) for n in range(200)]
    found, cleaning = read(write(tmp_path / "events.csv", [HEADER, *rows, ("u", "i", 999, 1_500_000_000)]))
    assert len(found) == 200
    assert cleaning.rejects.examples[0]["reason"] == "is outside the scale 0 … 5 that nearly all ratings keep to"


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([1, 2, 3, 4, 5] * 10, (0, 5)),
        ([0.5, 10] * 20, (0, 10)),
        ([-9.5, 9.5] * 20, (-10, 10)),
        ([0, 100] * 20, (0, 100)),
        ([0, 1] * 20, (0, 1)),
    ],
)
def test_the_scale_of_ratings_is_seen(values: list[float], scale: tuple[float, float]) -> None:
    assert scale_of(pl.Series(values, dtype=pl.Float32)) == scale


def test_a_score_with_a_tail_has_no_scale() -> None:
    votes = np.random.default_rng(0).geometric(0.4, 20_000)
    assert np.mean(votes <= 10) > 0.99
    assert scale_of(pl.Series(votes))[1] >= votes.max() - 1


def test_heavy_tails_of_play_counts_are_not_absurd() -> None:
    plays = np.exp(np.random.default_rng(0).normal(5.5, 1.3, 20_000)).round()
    assert largest_sensible(pl.Series(plays)) > plays.max()


@pytest.mark.parametrize(
    ("texts", "style"),
    [(["1", "2.5"], "plain"), (["1,5", "2"], "decimal comma"), (["1,234", "12,345,678"], "thousands"), (["1,234", "1,5"], "decimal comma")],
)
def test_the_style_of_numbers_is_seen(texts: list[str], style: str) -> None:
    assert number_style(pl.Series(texts)) == style


def test_decimal_commas_are_read(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("user;item;rating\nu;i;3,5\nu;j;4\n", encoding="ascii")
    assert [row["value"] for row in read(path)[0]] == [3.5, 4.0]


def test_duplicates_are_removed_across_chunks_and_kept_where_asked(tmp_path: Path) -> None:
    rows = [(f"u{n}", f"i{n % 97}", 1_400_000_000 + n) for n in range(120_000)]
    path = write(tmp_path / "events.csv", [("user", "item", "ts"), *rows, *rows[:1_000], *rows[:10]])
    found, cleaning = read(path)
    assert [(row["user_id"], row["item_id"]) for row in found] == [row[:2] for row in rows]
    assert step(cleaning, "duplicates") == (121_010, 1_010, 1_010)
    assert len(read(path, duplicates="keep")[0]) == 121_010


def crowd(n_users: int, n_events: int) -> list[tuple[str, str, int]]:
    return [(f"u{n % n_users}", f"i{n % 101}", 1_400_000_000 + 600 * n) for n in range(n_users * n_events)]


def test_a_user_with_absurdly_many_events_is_a_robot(tmp_path: Path) -> None:
    robot = [("robot", f"i{n % 997}", 1_400_000_000 + 3_600 * n) for n in range(5_000)]
    path = write(tmp_path / "events.csv", [("user", "item", "ts"), *crowd(50, 30), *robot])
    found, cleaning = read(path)
    assert {row["user_id"] for row in found} == {f"u{n}" for n in range(50)}
    assert step(cleaning, "robots") == (6_500, 5_000, 5_000)
    assert len(read(path, robots="keep")[0]) == 6_500


def test_a_user_with_an_absurd_pace_is_a_robot(tmp_path: Path) -> None:
    robot = [("robot", f"i{n}", 1_400_000_000 + n) for n in range(2_000)]
    path = write(tmp_path / "events.csv", [("user", "item", "ts"), *crowd(50, 600), *robot])
    assert step(read(path)[1], "robots")[2] == 2_000


def test_a_power_user_is_no_robot(tmp_path: Path) -> None:
    """The keenest of MovieLens-1M has 2,314 ratings where half of all users have fewer than 96."""
    keen = [("keen", f"i{n}", 1_400_000_000 + 60 * n) for n in range(2_314)]
    path = write(tmp_path / "events.csv", [("user", "item", "ts"), *crowd(60, 96), *keen])
    assert step(read(path)[1], "robots")[2] == 0


@pytest.mark.parametrize("exponent", [1.1, 1.3, 2.0])
def test_the_tail_of_a_heavy_tailed_crowd_is_no_robot(tmp_path: Path, exponent: float) -> None:
    users = np.random.default_rng(0).zipf(exponent, 50_000) % 5_000
    rows = [(f"u{user}", f"i{n % 499}", 1_400_000_000 + 3 * n) for n, user in enumerate(users.tolist())]
    assert step(read(write(tmp_path / "events.csv", [("user", "item", "ts"), *rows]))[1], "robots")[2] == 0


def test_several_robots_are_found_together(tmp_path: Path) -> None:
    robots = [(f"robot-{n % 3}", f"i{n}", 1_400_000_000 + 3_600 * n) for n in range(9_000)]
    path = write(tmp_path / "events.csv", [("user", "item", "ts"), *crowd(50, 30), *robots])
    assert step(read(path)[1], "robots")[2] == 9_000


def test_events_beyond_the_memory_limit_wait_on_disk_and_keep_their_order(tmp_path: Path) -> None:
    n = MEMORY_ROWS + 150_000
    path = tmp_path / "events.csv"
    path.write_text("user,item\n" + "".join(f"{k % 5003},{k % 977}\n" for k in range(n)), encoding="ascii")
    cleaning = Cleaning(clock=lambda: NOW)
    sizes, last = [], 0
    for batch in read_events(path, ReadOptions(), cleaning):
        sizes.append(len(batch))
        times = batch.frame["timestamp"]
        assert times.is_sorted() and times[0] > last
        last = times[-1]
    assert sum(sizes) == n
    assert max(sizes) <= 100_000


words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(words, words, words, words), min_size=1, max_size=20))
def test_no_content_of_cells_breaks_reading_and_every_row_is_accounted_for(tmp_path: Path, rows: list[tuple[str, ...]]) -> None:
    path = tmp_path / "events.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([HEADER, *rows, ("u", "i", "1", "1500000000")])
    cleaning = Cleaning(clock=lambda: NOW)
    options = ReadOptions(encoding="utf-8", delimiter=",", header=True, time_column=HEADER[-1])
    try:
        usable = sum(len(batch) for batch in read_events(path, options, cleaning))
    except DataError:
        usable = 0
    assert usable + sum(each["removed"] for each in cleaning.steps) == cleaning.steps[0]["rows_in"] == len(rows) + 1
