"""Columns are found under the names that people give them, by their values where there are no names, or by flag."""

from pathlib import Path

import polars as pl
import pytest

from penchant.core import columns
from penchant.core.errors import SchemaError
from penchant.data import names
from penchant.data.mapping import EventMapping, is_header, map_events
from penchant.data.options import ReadOptions

USER, ITEM, TIME, TYPE, VALUE, SESSION = (
    columns.USER_ID,
    columns.ITEM_ID,
    columns.TIMESTAMP,
    columns.EVENT_TYPE,
    columns.VALUE,
    columns.SESSION_ID,
)

# One plausible value a kind of column, so that contents agree with names.
VALUES = {TIME: "1500000000", TYPE: "view", VALUE: "3"}


def mapped(header: str, roles: dict[str, str], **options: object) -> EventMapping:
    by_name = {name: role for role, name in roles.items()}
    found = header.split(",")
    frame = pl.DataFrame({name: [VALUES.get(by_name.get(name, ""), f"{name}-{n}") for n in range(5)] for name in found})
    return map_events(frame, ReadOptions(**options), header=True, where="file")


TABLE = [
    ("userId,movieId,rating,timestamp", {USER: "userId", ITEM: "movieId", VALUE: "rating", TIME: "timestamp"}),
    ("user,item", {USER: "user", ITEM: "item"}),
    ("uid,sku,qty,created_at", {USER: "uid", ITEM: "sku", VALUE: "qty", TIME: "created_at"}),
    ("User-ID,ISBN,Book-Rating", {USER: "User-ID", ITEM: "ISBN", VALUE: "Book-Rating"}),
    ("user,track,plays,ts", {USER: "user", ITEM: "track", VALUE: "plays", TIME: "ts"}),
    ("userID,artistID,weight", {USER: "userID", ITEM: "artistID", VALUE: "weight"}),
    ("User_ID,Anime_ID,Feedback", {USER: "User_ID", ITEM: "Anime_ID", VALUE: "Feedback"}),
    (
        "timestamp,visitorid,event,itemid,transactionid",
        {TIME: "timestamp", USER: "visitorid", TYPE: "event", ITEM: "itemid", SESSION: "transactionid"},
    ),
    (
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country",
        {SESSION: "InvoiceNo", ITEM: "StockCode", VALUE: "Quantity", TIME: "InvoiceDate", USER: "CustomerID"},
    ),
    (
        "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country",
        {SESSION: "Invoice", ITEM: "StockCode", VALUE: "Quantity", TIME: "InvoiceDate", USER: "Customer ID"},
    ),
    (
        "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session",
        {TIME: "event_time", TYPE: "event_type", ITEM: "product_id", USER: "user_id", SESSION: "user_session"},
    ),
    (
        "household_id,store_id,basket_id,product_id,quantity,sales_value,week,transaction_timestamp",
        {USER: "household_id", SESSION: "basket_id", ITEM: "product_id", VALUE: "quantity", TIME: "transaction_timestamp"},
    ),
    (
        "reviewerID,asin,reviewerName,helpful,reviewText,overall,summary,unixReviewTime",
        {USER: "reviewerID", ITEM: "asin", VALUE: "overall", TIME: "unixReviewTime"},
    ),
    (
        "userid,timestamp,musicbrainz-artist-id,artist-name,musicbrainz-track-id,track-name",
        {USER: "userid", TIME: "timestamp", ITEM: "musicbrainz-track-id"},
    ),
    ("review_id,user_id,business_id,stars,date,text", {USER: "user_id", ITEM: "business_id", VALUE: "stars", TIME: "date"}),
    (
        "customer_unique_id,order_id,product_id,order_purchase_timestamp",
        {USER: "customer_unique_id", ITEM: "product_id", SESSION: "order_id"},
    ),
    ("msno,song_id,source_system_tab,target", {USER: "msno", ITEM: "song_id"}),
    ("SessionId,ItemId,Time", {SESSION: "SessionId", USER: "SessionId", ITEM: "ItemId", TIME: "Time"}),
    ("用户,商品,时间", {USER: "用户", ITEM: "商品", TIME: "时间"}),
    (
        "用户ID,商品编号,商品名称,行为类型,下单时间,评分",
        {USER: "用户ID", ITEM: "商品编号", TYPE: "行为类型", TIME: "下单时间", VALUE: "评分"},
    ),
    ("usuario,producto,fecha", {USER: "usuario", ITEM: "producto", TIME: "fecha"}),
    ("cust,sku,dt", {USER: "cust", ITEM: "sku", TIME: "dt"}),
    ("user_name,movie_title", {USER: "user_name", ITEM: "movie_title"}),
    ("traveller_id,sku", {USER: "traveller_id", ITEM: "sku"}),
    (
        "user_id,item_id,event_type,value,timestamp,session_id,scenario,event_id,recommendation_id,position,propensity",
        {USER: "user_id", ITEM: "item_id", TYPE: "event_type", VALUE: "value", TIME: "timestamp", columns.EVENT_ID: "event_id"},
    ),
]


@pytest.mark.parametrize(("header", "roles"), TABLE, ids=[header[:40] for header, _ in TABLE])
def test_columns_are_found_by_name(header: str, roles: dict[str, str]) -> None:
    mapping = mapped(header, roles)
    for role, name in roles.items():
        found = mapping.time_columns[0] if role == TIME else mapping.roles.get(role)
        assert found == name, mapping.roles


@pytest.mark.parametrize(("header", "roles"), TABLE, ids=[header[:40] for header, _ in TABLE])
def test_such_a_row_is_seen_as_a_header(header: str, roles: dict[str, str]) -> None:
    assert is_header(header.split(","), [["1"] * len(header.split(","))])


def test_rows_of_values_are_no_header() -> None:
    rows = [["196", "242", "3", "881250949"], ["186", "302", "3", "891717742"]]
    assert not is_header(rows[0], rows[1:])
    assert not is_header(["session_4795", "doc_154"], [["session_4797", "doc_3d6"]])
    assert not is_header(["citrus fruit", "margarine"], [["yogurt", "coffee"]])


def test_words_above_numbers_are_a_header_whatever_they_are() -> None:
    assert is_header(["tagA", "tagB"], [["1", "metal"], ["2", "rock"]])


def shaped(columns_: dict[str, list[str]], **options: object) -> EventMapping:
    frame = pl.DataFrame({f"column_{n}": values for n, values in enumerate(columns_.values(), start=1)})
    return map_events(frame, ReadOptions(**options), header=False, where="file")


USERS, ITEMS = [f"{n % 7}" for n in range(40)], [f"{n % 13}" for n in range(40)]
EPOCHS, RATINGS = [f"{880_000_000 + n}" for n in range(40)], [f"{n % 5 + 1}" for n in range(40)]


def test_without_header_user_item_value_time_are_seen() -> None:
    mapping = shaped({"user": USERS, "item": ITEMS, "rating": RATINGS, "time": EPOCHS})
    assert mapping.roles == {USER: "column_1", ITEM: "column_2", VALUE: "column_3"}
    assert mapping.time_columns == ("column_4",)


def test_without_header_a_time_in_between_is_stepped_over() -> None:
    dates = [f"2014-04-07T10:51:{n:02}.277Z" for n in range(40)]
    mapping = shaped({"session": USERS, "time": dates, "item": ITEMS})
    assert mapping.roles == {USER: "column_1", ITEM: "column_3"}
    assert mapping.time_columns == ("column_2",)


def test_without_header_coordinates_are_no_items() -> None:
    latitude = [f"30.{n + 11}" for n in range(40)]
    mapping = shaped({"user": USERS, "time": EPOCHS, "lat": latitude, "lon": latitude, "place": ITEMS})
    assert mapping.roles == {USER: "column_1", ITEM: "column_5"}


def test_without_header_a_few_words_that_repeat_are_kinds_of_events() -> None:
    mapping = shaped({"user": USERS, "game": [f"The Game {n % 9}" for n in range(40)], "kind": ["purchase", "play"] * 20, "hours": RATINGS})
    assert mapping.roles == {USER: "column_1", ITEM: "column_2", TYPE: "column_3", VALUE: "column_4"}


def test_a_column_that_counts_rows_is_left_out() -> None:
    mapping = shaped({"index": [str(n) for n in range(40)], "user": USERS, "item": ITEMS, "rating": RATINGS})
    assert mapping.roles == {USER: "column_2", ITEM: "column_3", VALUE: "column_4"}


def test_large_ids_are_no_times() -> None:
    mapping = shaped({"user": [str(151_603_712 + n) for n in range(40)], "item": ITEMS, "rating": RATINGS})
    assert mapping.time_columns == ()


def test_flags_win_over_names() -> None:
    mapping = mapped("user_id,item_id,buyer,when2", {}, user_column="buyer", time_column="-")
    assert mapping.roles[USER] == "buyer"
    assert mapping.time_columns == ()


def test_flags_may_count_columns_where_there_is_no_header() -> None:
    mapping = shaped({"item": ITEMS, "user": USERS}, user_column="2", item_column="1")
    assert mapping.roles == {USER: "column_2", ITEM: "column_1"}


def test_a_flag_that_names_no_column_shows_the_nearest() -> None:
    with pytest.raises(SchemaError, match=r"--user-column: no column 'buyr'; did you mean 'buyer'"):
        mapped("buyer,item_id", {}, user_column="buyr")


def test_what_cannot_be_found_is_said_with_its_flag() -> None:
    with pytest.raises(SchemaError, match=r"no column looks like a user; columns: a, b, c; name it with --user-column"):
        mapped("a,b,c", {})


def test_durations_and_release_dates_are_not_the_time_of_an_event() -> None:
    assert names.rank("release_date", TIME) == names.UNKNOWN_RANK
    frame = pl.DataFrame({"user": USERS, "movie": ITEMS, "watch_time": RATINGS})
    assert map_events(frame, ReadOptions(), header=True, where="file").time_columns == ()


def test_a_date_and_a_time_of_day_are_joined() -> None:
    frame = pl.DataFrame({"date": ["2020-01-01"] * 3, "time": ["10:00:05"] * 3, "user": ["a"] * 3, "item": ["b"] * 3})
    mapping = map_events(frame, ReadOptions(), header=True, where="file")
    assert mapping.time_columns == ("date", "time")
    assert mapping.time_format.parse(mapping.times(frame))[0] == 1_577_872_805_000_000


def test_an_event_column_that_holds_ids_is_no_kind() -> None:
    frame = pl.DataFrame({"user": [str(n) for n in range(300)], "event": [str(n) for n in range(300)], "invited": ["0"] * 300})
    with pytest.raises(SchemaError, match="an item"):
        map_events(frame, ReadOptions(), header=True, where=str(Path("file")))
