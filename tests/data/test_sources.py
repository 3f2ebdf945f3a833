"""Every format gives the same events; every way of writing text is seen; one bad line costs one row."""

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penchant.core.errors import ConfigError, DataError
from penchant.data.load import load_dataset
from penchant.data.options import ReadOptions
from penchant.data.sources import SOURCES, open_table
from penchant.data.sources.table import LINE
from penchant.data.sources.text import guess_encoding

HEADER = ("user_id", "item_id", "rating", "timestamp")
ROWS = [(f"u{n % 7}", f"i{n % 13}", str(n % 5 + 1), str(1_500_000_000 + 60 * n)) for n in range(60)]


def frame_of(path: Path, **options: object) -> pl.DataFrame:
    return pl.concat([chunk.frame for chunk in open_table(path, ReadOptions(**options)).chunks])


def text(separator: str, rows: list[tuple[str, ...]], end: str = "\n") -> str:
    return "".join(separator.join(row) + end for row in rows)


def parquet_bytes(path: Path) -> bytes:
    pl.DataFrame(ROWS, schema=list(HEADER), orient="row").write_parquet(path)
    return path.read_bytes()


WRITERS: dict[str, Callable[[Path], bytes]] = {
    "events.csv": lambda _: text(",", [HEADER, *ROWS]).encode(),
    "events.tsv": lambda _: text("\t", [HEADER, *ROWS]).encode(),
    "events-semicolon.csv": lambda _: text(";", [HEADER, *ROWS]).encode(),
    "events-pipe.txt": lambda _: text("|", [HEADER, *ROWS]).encode(),
    "events.dat": lambda _: text("::", [HEADER, *ROWS]).encode(),
    "events-crlf.csv": lambda _: text(",", [HEADER, *ROWS], "\r\n").encode(),
    "events-old-mac.csv": lambda _: text(",", [HEADER, *ROWS], "\r").encode(),
    "events-bom.csv": lambda _: text(",", [HEADER, *ROWS]).encode("utf-8-sig"),
    "events-utf16.csv": lambda _: text(",", [HEADER, *ROWS]).encode("utf-16"),
    "events-utf16-no-mark.csv": lambda _: text(",", [HEADER, *ROWS]).encode("utf-16-le"),
    "events-all-quoted.csv": lambda _: text(",", [tuple(f'"{cell}"' for cell in row) for row in [HEADER, *ROWS]]).encode(),
    "events-padded.csv": lambda _: text(", ", [HEADER, *ROWS]).encode(),
    "events-no-last-line-end.csv": lambda _: text(",", [HEADER, *ROWS]).rstrip("\n").encode(),
    "events-empty-lines.csv": lambda _: text(",", [HEADER, *ROWS]).replace("\n", "\n\n").encode(),
    "events.jsonl": lambda _: "".join(json.dumps(dict(zip(HEADER, row, strict=True))) + "\n" for row in ROWS).encode(),
    "events-array.json": lambda _: json.dumps([dict(zip(HEADER, row, strict=True)) for row in ROWS]).encode(),
    "events.inter": lambda _: text("\t", [("user_id:token", "item_id:token", "rating:float", "timestamp:float"), *ROWS]).encode(),
    "events.parquet": parquet_bytes,
}


@pytest.mark.parametrize("gzipped", ["", ".gz"], ids=["plain", "gzipped"])
@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str, gzipped: str) -> None:
    content = WRITERS[name](tmp_path / "scratch.parquet")
    path = tmp_path / (name + gzipped)
    path.write_bytes(gzip.compress(content) if gzipped else content)
    frame = frame_of(path)
    assert frame.select(HEADER).rows() == ROWS
    assert open_table(path, ReadOptions()).header


@pytest.mark.parametrize("separator", [",", "\t", ";", "|", "::", " "])
def test_a_file_without_header_is_seen_as_one(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "ratings"
    path.write_text(text(separator, ROWS), encoding="ascii")
    table = open_table(path, ReadOptions())
    assert not table.header
    assert table.columns == ["column_1", "column_2", "column_3", "column_4"]
    assert pl.concat([chunk.frame for chunk in table.chunks]).select(table.columns).rows() == ROWS


@pytest.mark.parametrize(
    ("encoding", "first"),
    [("utf-8", "张三"), ("gb18030", "张三"), ("utf-16", "张三"), ("cp1252", "José"), ("latin-1", "Zoë")],
)
def test_the_encoding_is_found(tmp_path: Path, encoding: str, first: str) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(text(",", [("user", "item"), *((f"{first}{n}", f"x{n}") for n in range(30))]).encode(encoding))
    assert frame_of(path)["user"][0] == f"{first}0"


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("gb18030", ["Bär 茶叶", "Größe 手机", "绿茶"]),
        ("big5", ["綠茶 葉", "手機", "書架"]),
        ("cp932", ["緑茶 ティー", "スマートフォン", "本棚"]),
        ("cp949", ["녹차 티", "스마트폰", "책장"]),
        ("cp1251", ["Чай зелёный", "Книга", "Телефон новый"]),
        ("cp1256", ["كتاب جديد", "شاي أخضر", "هاتف ذكي"]),
        ("cp1253", ["Τσάι πράσινο", "Βιβλίο καινούργιο"]),
        ("cp1252", ["Kräutertee", "Größe", "Übergröße"]),
        ("cp1252", ["Señor", "José", "niño"]),
        ("cp1252", ["Rug 2 m²", "Pipe ½ in", "Gift card £10", "Ø 20 tube", "Frame 10×15"]),
        ("cp1252", ["5 µm", "200 °C", "São Paulo", "Ångström", "Þór"]),
        ("cp1252", ["Pão", "Maçã", "Feijão", "Coração"]),
        ("cp1252", ["Men’s shirt", "“Best” tea – green"]),
        ("cp1252", ["Teppich 2 m²", *["Teppich"] * 59]),
        ("euc_jp", ["緑茶 ティー", "スマートフォン", "本棚"]),
        ("koi8_r", ["Чай зелёный", "Книга"]),
    ],
)
def test_titles_of_a_catalogue_in_an_old_encoding(tmp_path: Path, encoding: str, words: list[str]) -> None:
    path = tmp_path / "items.csv"
    rows = [(f"{n:05d}-AB", f"{words[n % len(words)]} {n}") for n in range(60)]
    lines = text(";", [("sku", "title"), *rows]).encode(encoding).split(b"\n")
    lines[-2] += b"\xff\xff" * (encoding != "cp1252")  # one broken line must not decide
    path.write_bytes(b"\n".join(lines))
    found = frame_of(path).rows()
    assert [row[:2] for row in found[:50]] == rows[:50]
    assert any(f"encoding: {encoding} (guessed" in each for each in open_table(path, ReadOptions()).decisions)


def test_the_encoding_of_a_single_long_line() -> None:
    assert guess_encoding(("绿茶 手机 书架, " * 200_000).encode("gb18030")) == "gb18030"
    assert guess_encoding(b"a,b\n") == "utf-8"


def test_an_encoding_that_shows_late_is_still_found(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    plain = text(",", [("user", "item"), *((f"u{n}", f"item {n}") for n in range(300_000))])
    path.write_bytes(plain.encode() + "José,café\n".encode("latin-1"))
    assert frame_of(path).rows()[-1][:2] == ("José", "café")


def test_lines_that_are_not_valid_utf8_are_rejected_alone(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(b"user,item\n" + "".join(f"u{n},café {n}\n" for n in range(50)).encode() + b"u99,\xff\xfe\nu100,x\n")
    chunks = list(open_table(path, ReadOptions()).chunks)
    assert sum(len(chunk.frame) for chunk in chunks) == 51
    assert [(bad.line, bad.reason) for chunk in chunks for bad in chunk.bad] == [(52, "bytes that are not valid utf-8")]


def test_ragged_rows_are_rejected_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("user,item,ts\nu1,i1,1\nu2,i2\n\nu3,i3,3,extra\nu4,i4,4\n", encoding="ascii")
    (chunk,) = open_table(path, ReadOptions()).chunks
    assert chunk.frame[LINE].to_list() == [2, 6]
    assert [(bad.line, bad.reason) for bad in chunk.bad] == [(3, "2 fields, expected 3"), (5, "4 fields, expected 3")]


def test_a_quote_that_is_never_closed_costs_one_row(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text('user,item\nu1,"i1\n' + "".join(f"u{n},i{n}\n" for n in range(5_000)), encoding="ascii")
    chunks = list(open_table(path, ReadOptions()).chunks)
    assert sum(len(chunk.frame) for chunk in chunks) == 5_000
    assert [bad.line for chunk in chunks for bad in chunk.bad] == [2]


def test_a_stray_quote_does_not_swallow_the_rows_up_to_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text('user,item\nu1,"i1\nu2,i2\nu3,i3\nu4,"i4"\nu5,i5\n', encoding="ascii")
    (chunk,) = open_table(path, ReadOptions()).chunks
    assert chunk.frame["user"].to_list() == ["u2", "u3", "u4", "u5"]
    assert [bad.line for bad in chunk.bad] == [2]


def test_quoted_fields_hold_delimiters_quotes_and_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text('user,item,note\nu1,"a, ""b"", c","two\nlines"\nu2,d,e\n', encoding="ascii")
    frame = frame_of(path)
    assert frame.rows() == [("u1", 'a, "b", c', "two\nlines", 2), ("u2", "d", "e", 4)]


def test_inches_in_a_tab_separated_file_are_no_quotes(tmp_path: Path) -> None:
    path = tmp_path / "events.tsv"
    path.write_text("user\titem\n" + "".join(f'u{n}\t12" vinyl {n}\n' for n in range(20)), encoding="ascii")
    assert frame_of(path)["item"][3] == '12" vinyl 3'


def test_a_field_of_ten_megabytes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text('user,item,note\nu1,i1,"' + "y" * 10_000_000 + '"\nu2,i2,z\n', encoding="ascii")
    assert frame_of(path)["note"].str.len_chars().to_list() == [10_000_000, 1]


@pytest.mark.parametrize("mark", ["#", "# ", "%", "% "])
def test_comments_above_the_table_are_passed_over_and_may_be_its_header(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "events.txt"
    path.write_text(f"{mark}about this file\n{mark}user item\n" + "".join(f"{n} {n + 5}\n" for n in range(9)), encoding="ascii")
    table = open_table(path, ReadOptions())
    assert (table.columns, table.header) == (["user", "item"], True)
    assert sum(len(chunk.frame) for chunk in table.chunks) == 9
    path.write_text(f"{mark}about this file\n" + "".join(f"{n},{n + 5}\n" for n in range(9)), encoding="ascii")
    table = open_table(path, ReadOptions())
    assert not table.header
    assert sum(len(chunk.frame) for chunk in table.chunks) == 9


def test_row_names_that_the_header_leaves_out_become_a_column(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text('author;title\nd1;"A, B";"First"\nd2;C;Second\n', encoding="ascii")
    assert open_table(path, ReadOptions()).columns == ["column_1", "author", "title"]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "is empty"),
        (b"\n\n", "has no rows"),
        (b"a\nb\nc\n", "single field"),
        (b"PK\x03\x04....", "zip archive"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x08\x02\x90wS", "binary"),
        (b"\x1f\x8b\x08\x00damaged", "damaged"),
        (b"PAR1 this is none", "Parquet"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, content: bytes, part: str) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(content)
    with pytest.raises(DataError, match=part):
        open_table(path, ReadOptions())


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no such file"):
        open_table(tmp_path / "nothing.csv", ReadOptions())
    with pytest.raises(DataError, match="is a folder"):
        open_table(tmp_path, ReadOptions())


def test_an_unknown_format_or_encoding_names_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("user,item\na,b\n", encoding="ascii")
    with pytest.raises(ConfigError, match="delimited"):
        open_table(path, ReadOptions(source="delimted"))
    with pytest.raises(ConfigError, match="gb18030"):
        open_table(path, ReadOptions(encoding="latin-99"))


def test_every_source_of_the_catalogue_can_be_asked_for() -> None:
    for name in SOURCES:
        assert callable(SOURCES.load(name)().open)


def test_one_user_a_line_is_a_sequence(tmp_path: Path) -> None:
    path = tmp_path / "Beauty.txt"
    path.write_text("".join(f"{user} " + " ".join(str(item) for item in range(user, 2 * user + 3)) + "\n" for user in range(1, 30)))
    table = open_table(path, ReadOptions())
    assert table.kind == "sequences"
    frame = pl.concat([chunk.frame for chunk in table.chunks])
    assert frame.filter(pl.col("user_id") == "2")["item_id"].to_list() == ["2", "3", "4", "5", "6"]


def test_baskets_without_user_are_numbered(tmp_path: Path) -> None:
    path = tmp_path / "baskets.csv"
    goods = ["whole milk", "rolls/buns", "soda", "yogurt", "root vegetables"]
    path.write_text("".join(",".join(goods[: n % 5 + 1]) + "\n" for n in range(40)))
    frame = frame_of(path)
    assert frame.filter(pl.col("user_id") == "3")["item_id"].to_list() == goods[:3]


def test_json_lines_that_are_none_are_rejected_alone(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"user": 1, "item": 18446744073709551617}\nnonsense\n[1]\n{"user": "1", "item": NaN}\n', encoding="ascii")
    (chunk,) = open_table(path, ReadOptions()).chunks
    assert chunk.frame.rows() == [("1", "18446744073709551617", 1), ("1", "NaN", 4)]
    assert [bad.line for bad in chunk.bad] == [2, 3]


def test_a_json_document_may_wrap_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    path.write_text(json.dumps({"events": [{"user": "a", "item": "b"}, {"user": "c", "item": "d"}]}, indent=2), encoding="utf-16")
    assert frame_of(path).rows() == [("a", "b", 1), ("c", "d", 2)]


def test_parquet_floats_that_are_whole_become_whole_ids(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    pl.DataFrame({"user": [17850.0, None, 3.5], "item": [1, 2, 3]}).write_parquet(path)
    assert frame_of(path)["user"].to_list() == ["17850", None, "3.5"]


ids = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=20).filter(
    lambda text: text.strip() == text
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(ids, ids), min_size=1, max_size=30))
def test_ids_written_as_csv_come_back_byte_for_byte(tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    path = tmp_path / "events.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerows([("user_id", "item_id"), *pairs])
    assert frame_of(path, encoding="utf-8", delimiter=",").select("user_id", "item_id").rows() == pairs


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(ids, ids), min_size=1, max_size=30))
def test_ids_written_as_json_come_back_byte_for_byte(tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps({"user_id": user, "item_id": item}) + "\n" for user, item in pairs), encoding="ascii")
    assert frame_of(path).select("user_id", "item_id").rows() == pairs


def test_each_person_s_baskets_in_one_json_object(tmp_path: Path) -> None:
    path = tmp_path / "baskets.json"
    path.write_text('{"1": [[-1], [7, 8], [7], [-1]], "2": [[-1], [8, 9], [-1]]}', encoding="utf-8")
    dataset = load_dataset(path)
    assert dataset.users.ids == ("1", "2")
    assert [dataset.items.ids[code] for code in dataset.interactions.items] == ["7", "8", "7", "8", "9"]
    times = dataset.interactions.timestamps
    assert times[0] == times[1] < times[2]
    assert times[3] == times[4]
