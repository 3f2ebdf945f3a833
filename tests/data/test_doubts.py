"""A wrong guess about columns is not stored as fact: it is avoided where values tell, and an error where they do not."""

from datetime import UTC, datetime, time
from pathlib import Path

import polars as pl
import pytest

from penchant.core import columns
from penchant.core.errors import SchemaError
from penchant.data import Dataset
from penchant.data.clean import Cleaning
from penchant.data.load import load_dataset, read_events
from penchant.data.options import ReadOptions
from penchant.jobs.ingest import ingest
from penchant.scenarios import Project

MOMENTS = [f"{1_770_000_000 + 60 * n}" for n in range(600)]


def table(path: Path, header: str, *parts: list[str], separator: str = ",") -> Path:
    rows = [separator.join(row) for row in zip(*parts, strict=True)]
    path.write_text("\n".join([*([header] if header else []), *rows]) + "\n", encoding="utf-8")
    return path


def sessions(path: Path, name: str) -> Path:
    """600 events of 150 sessions on two devices."""
    numbers = range(600)
    header = f"{name},artikel,klick_ts,device"
    kinds = [("ios", "web")[n // 4 % 2] for n in numbers]
    return table(path, header, [f"v{n // 4}" for n in numbers], [f"a{n % 37}" for n in numbers], MOMENTS, kinds)


@pytest.mark.parametrize("name", ["visit_ref", "sid", "besuch", "bezug"])
def test_a_device_is_no_user_where_sessions_tell_far_more_apart(tmp_path: Path, name: str) -> None:
    dataset = Dataset.read(sessions(tmp_path / "clicks.csv", name))
    assert (dataset.n_users, dataset.n_items, dataset.n_events) == (150, 37, 600)


def test_a_device_named_by_flag_is_the_user(tmp_path: Path) -> None:
    dataset = load_dataset(sessions(tmp_path / "clicks.csv", "sid"), options=ReadOptions(user_column="device"))
    assert sorted(dataset.users.ids) == ["ios", "web"]


def test_few_players_with_long_histories_one_after_the_other_stay_users(tmp_path: Path) -> None:
    players, games, matches = [f"p{n // 200}" for n in range(600)], [f"g{n % 9}" for n in range(600)], [f"m{n // 3}" for n in range(600)]
    path = table(tmp_path / "e.csv", "player,game,played_at,match", players, games, MOMENTS, matches)
    assert Dataset.read(path).n_users == 3


def test_a_song_is_not_lost_as_a_session(tmp_path: Path) -> None:
    path = table(tmp_path / "e.csv", "uid,sid,ts", [f"u{n % 7}" for n in range(600)], [f"s{n % 50}" for n in range(600)], MOMENTS)
    assert Dataset.read(path).n_items == 50


@pytest.mark.parametrize(
    ("header", "separator", "written", "pattern"),
    [
        ("who;what;wann", ";", "{day:02}.04.2026 12:00", "%d.%m.%Y %H:%M"),
        ("kunde,artikel,tag", ",", "2026-04-{day:02}", "%Y-%m-%d"),
        ("kunde,artikel,augenblick", ",", "17700000{day:02}", "epoch seconds"),
    ],
)
def test_a_time_is_found_by_its_values_where_no_name_tells(tmp_path: Path, header: str, separator: str, written: str, pattern: str) -> None:
    parts = [[f"u{n % 7}" for n in range(28)], [f"i{n % 5}" for n in range(28)], [written.format(day=n + 1) for n in range(28)]]
    dataset = Dataset.read(table(tmp_path / "e.csv", header, *parts, separator=separator))
    assert any(f"{header.split(separator)[2]}, the only column that holds times" in decision for decision in dataset.facts["decisions"])
    assert any(pattern in decision for decision in dataset.facts["decisions"])
    assert dataset.interactions.timestamps.min() > 1_700_000_000_000_000


@pytest.mark.parametrize("name", ["birthdate", "release_date", "beleg_nr"])
def test_a_time_of_something_else_is_not_taken_by_its_values(tmp_path: Path, name: str) -> None:
    parts = [[f"u{n % 7}" for n in range(28)], [f"i{n % 5}" for n in range(28)], ["1770000000"] * 28]
    with pytest.raises(SchemaError, match=rf"not used: {name};.*--time-column COLUMN.*--time-column - that there are none"):
        Dataset.read(table(tmp_path / "e.csv", f"kunde,artikel,{name}", *parts))


def test_times_are_not_invented_beside_columns_that_may_hold_them(tmp_path: Path) -> None:
    path = table(tmp_path / "e.csv", "who,what,wann", ["u1", "u2"], ["i1", "i2"], ["Tag 1/14 Uhr", "Tag 2/9 Uhr"])
    with pytest.raises(SchemaError, match=r"e\.csv: .*not used: wann; guessed: user_id = who, item_id = what; .*--time-column COLUMN"):
        Dataset.read(path)
    assert Dataset.read(path, options=ReadOptions(time_column="-")).n_events == 2


def test_words_and_prices_beside_are_no_times(tmp_path: Path) -> None:
    parts = [["u1", "u2"], ["i1", "i2"], ["9.99", "120"], ["red", "blue 2"]]
    assert Dataset.read(table(tmp_path / "e.csv", "user,item,price,colour", *parts)).n_events == 2


@pytest.mark.parametrize("third", [["2026-04-01", "2026-04-02"], ["k1", "k2"]])
def test_words_above_codes_and_dates_are_no_event(tmp_path: Path, third: list[str]) -> None:
    path = table(tmp_path / "e.csv", "foo,bar,baz", ["u1", "u2"], ["i1", "i2"], third)
    with pytest.raises(SchemaError, match=r"no column looks like a user; columns: foo, bar, baz; name it with --user-column"):
        Dataset.read(path)


def test_words_above_words_stop_and_name_the_flag_for_a_header(tmp_path: Path) -> None:
    path = table(tmp_path / "e.csv", "foo,bar,baz", ["anna", "bert"], ["milk", "bread"], ["shop", "web"])
    with pytest.raises(SchemaError, match=r"not used: column_3;.*--header"):
        Dataset.read(path)


@pytest.mark.parametrize("header", ["item_id,title", "sku,hersteller"])
def test_a_list_of_items_is_not_taken_for_events(tmp_path: Path, header: str) -> None:
    path = table(tmp_path / "items.csv", header, [f"i{n}" for n in range(40)], [f"Thing {n % 30}" for n in range(40)])
    with pytest.raises(SchemaError, match=r"is it a list of items\? That is given as --items"):
        Dataset.read(path)


def test_too_few_guessed_users_stop_an_import_before_anything_is_stored(tmp_path: Path) -> None:
    numbers = range(3_000)
    parts = [[("ios", "web")[n % 2] for n in numbers], [f"a{n % 37}" for n in numbers], [str(1_770_000_000 + n) for n in numbers]]
    path = table(tmp_path / "clicks.csv", "device,artikel,klick_ts", *parts)
    with Project.create(tmp_path / "shop") as project:
        with pytest.raises(
            SchemaError, match=r"user_id = device was guessed, and 3,000 events of 2 users.*--user-column COLUMN.*--user-column -"
        ):
            ingest(project, events=path)
        assert project.events.stats()["n_events"] == 0
        assert ingest(project, events=path, options=ReadOptions(user_column="device")).stored == 3_000


def test_few_users_under_a_plain_name_are_believed(tmp_path: Path) -> None:
    numbers = range(3_000)
    parts = [["me"] * 3_000, [f"a{n % 37}" for n in numbers], [str(1_770_000_000 + 60 * n) for n in numbers]]
    assert Dataset.read(table(tmp_path / "e.csv", "user_id,item_id,ts", *parts)).n_users == 1


def test_columns_of_lists_are_no_times_and_no_users(tmp_path: Path) -> None:
    rows = range(60)
    plain = {
        "device": ["ios", "web"] * 30,
        "visit": [f"v{n // 2}" for n in rows],
        "item_id": [f"i{n % 9}" for n in rows],
        "tags": [["a", "b"]] * 60,
        "clock": [time(1)] * 60,
    }
    path = tmp_path / "events.parquet"
    pl.DataFrame({**plain, "wann": [datetime(2026, 4, 1 + n % 9, tzinfo=UTC) for n in rows]}).write_parquet(path)
    dataset = Dataset.read(path)
    assert dataset.n_users == 30
    assert any("wann, the only column that holds times" in decision for decision in dataset.facts["decisions"])
    pl.DataFrame(plain).write_parquet(path)
    with pytest.raises(SchemaError, match="not used: clock;"):
        Dataset.read(path)


def test_a_column_that_counts_rows_is_no_reason_to_stop(tmp_path: Path) -> None:
    numbers = range(60)
    path = table(
        tmp_path / "e.csv", "user,item,row", [f"u{n % 7}" for n in numbers], [f"i{n % 5}" for n in numbers], [str(n) for n in numbers]
    )
    cleaning = Cleaning()
    (batch,) = read_events(path, ReadOptions(), cleaning)
    assert batch.frame[columns.USER_ID].n_unique() == 7


def test_without_users_each_session_is_one(tmp_path: Path) -> None:
    options = ReadOptions(user_column="-", session_column="bezug")
    assert load_dataset(sessions(tmp_path / "clicks.csv", "bezug"), options=options).n_users == 150


@pytest.mark.parametrize(("rows", "n_users"), [(2_400, 800), (600, 2)])
def test_a_word_for_people_is_doubted_only_where_each_has_a_thousand_events(tmp_path: Path, rows: int, n_users: int) -> None:
    numbers = range(rows)
    moments = [f"{1_770_000_000 + 60 * n}" for n in numbers]
    parts = [[f"k{n % 2}" for n in numbers], [f"v{n // 3}" for n in numbers], [f"a{n % 37}" for n in numbers], moments]
    assert Dataset.read(table(tmp_path / "e.csv", "kunde,besuch,artikel,ts", *parts)).n_users == n_users
