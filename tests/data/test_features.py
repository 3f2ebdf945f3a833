"""Items and users: which column is the id, what becomes a list, a number, a title."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from penchant.core.errors import SchemaError
from penchant.data.clean import Cleaning
from penchant.data.features import Kind, properties_of, read_features, tidy_text, typed
from penchant.data.options import ReadOptions


def read(path: Path, content: str, kind: Kind = "items", known: list[str] | None = None, **options: Any) -> tuple[pl.DataFrame, Cleaning]:
    path.write_text(content, encoding="utf-8")
    cleaning = Cleaning()
    series = None if known is None else pl.Series(known)
    return read_features(path, kind, ReadOptions(**options), cleaning, series), cleaning


def test_titles_categories_and_properties_are_found(tmp_path: Path) -> None:
    frame, _ = read(tmp_path / "items.csv", 'movieId,title,genres,price\n1,"Heat, The",Action|Crime,1.50\n2,Up,Animation,\n')
    assert frame.to_dicts() == [
        {"item_id": "1", "title": "Heat, The", "categories": ["Action", "Crime"], "price": 1.5},
        {"item_id": "2", "title": "Up", "categories": ["Animation"], "price": None},
    ]


@pytest.mark.parametrize(
    "header",
    ["Artikelnummer;Bezeichnung;Kategorie", "artículo_id;título;categoría", "article_id;titre;catégorie", "商品编号;商品名称;分类"],
)
def test_columns_are_known_in_other_languages(tmp_path: Path, header: str) -> None:
    frame, _ = read(tmp_path / "items.csv", f"{header}\nA1;Lampe;Licht\n")
    assert frame.to_dicts() == [{"item_id": "A1", "title": "Lampe", "categories": ["Licht"]}]


@pytest.mark.parametrize(
    ("cell", "parts"),
    [
        ("Drama, Romance", ["Drama", "Romance"]),
        ("a|b", ["a", "b"]),
        ("a;b", ["a", "b"]),
        ("['Action', 'Sci-Fi']", ["Action", "Sci-Fi"]),
        ("one", ["one"]),
        ("", []),
    ],
)
def test_categories_are_always_lists(tmp_path: Path, cell: str, parts: list[str]) -> None:
    frame, _ = read(tmp_path / "items.csv", f"id\tname\tcategory\n1\tA\t{cell}\n")
    assert frame["categories"].to_list() == [parts]


def test_ids_and_codes_with_leading_zeros_stay_texts(tmp_path: Path) -> None:
    frame, _ = read(tmp_path / "users.csv", "user_id,age,zip_code,member\n007,24,01002,true\n8,53,94043,false\n", kind="users")
    assert frame.to_dicts() == [
        {"user_id": "007", "age": 24, "zip_code": "01002", "member": True},
        {"user_id": "8", "age": 53, "zip_code": "94043", "member": False},
    ]


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["1", "2", ""], [1, 2, None]),
        (["1.5", "2"], [1.5, 2.0]),
        (["1", "nan"], [1, None]),
        (["1", "01"], ["1", "01"]),
        (["1e3", "2"], ["1e3", "2"]),
        (["True", "false", ""], [True, False, None]),
        (["99999999999999999999"], ["99999999999999999999"]),
        (["", ""], [None, None]),
    ],
)
def test_a_column_becomes_what_all_of_its_cells_are(texts: list[str], values: list[Any]) -> None:
    assert typed(pl.Series("price", texts)).to_list() == values


def test_availability_is_a_truth_value_however_it_is_written(tmp_path: Path) -> None:
    frame, _ = read(tmp_path / "items.csv", "sku,title,in_stock\na,Lamp A,1\nb,Lamp B,no\nc,Lamp C,\n")
    assert frame["available"].to_list() == [True, False, None]
    frame, _ = read(tmp_path / "artikel.csv", "sku,title,lieferbar\na,Lampe A,ja\nb,Lampe B,nein\n")
    assert frame["available"].to_list() == [True, False]


def test_texts_are_tidied_and_counted(tmp_path: Path) -> None:
    frame, cleaning = read(tmp_path / "items.csv", "id,title\n1,Cafe\u0301  Noir\n2,Kimi &amp; Na\n3,fine\n")
    assert frame["title"].to_list() == ["Café Noir", "Kimi & Na", "fine"]
    assert next(step["touched"] for step in cleaning.steps if step["step"] == "items: text of titles") == 2


def test_control_characters_are_no_text() -> None:
    assert tidy_text(" a\x00b\x1bc\t d ") == "a b c d"


def test_the_last_row_of_an_id_wins_and_is_counted(tmp_path: Path) -> None:
    frame, cleaning = read(tmp_path / "items.csv", "id,title\n1,old\n2,other\n1,new\n3,x\n")
    assert dict(frame.rows()) == {"1": "new", "2": "other", "3": "x"}
    assert next(step["removed"] for step in cleaning.steps if step["step"] == "items: repeated ids") == 1


def test_rows_without_id_are_rejected(tmp_path: Path) -> None:
    frame, cleaning = read(tmp_path / "items.csv", "id,title\n1,a\n,b\n")
    assert len(frame) == 1
    assert cleaning.rejects.examples[0]["row"] == 3


def test_a_file_of_events_gives_each_item_its_most_frequent_title(tmp_path: Path) -> None:
    rows = [("1", "84029G", "HOT WATER BOTTLE", 6)] * 5 + [
        ("2", "84029G", "damaged", -1),
        ("3", "22752", "NESTING BOXES", 2),
        ("4", "22752", "", 2),
    ]
    content = "CustomerID,StockCode,Description,Quantity\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)
    frame, _ = read(tmp_path / "events.csv", content)
    assert frame.to_dicts() == [{"item_id": "84029G", "title": "HOT WATER BOTTLE"}, {"item_id": "22752", "title": "NESTING BOXES"}]


def test_many_columns_of_zero_and_one_are_categories(tmp_path: Path) -> None:
    header = "id,title,Action,Comedy,Drama,Horror,War\n"
    frame, _ = read(tmp_path / "items.csv", header + "1,Heat,1,0,1,0,0\n2,Up,0,1,0,0,0\n")
    assert frame["categories"].to_list() == [["Action", "Drama"], ["Comedy"]]
    assert frame.columns == ["item_id", "title", "categories"]


def test_the_column_whose_values_occur_in_events_is_the_id(tmp_path: Path) -> None:
    content = "product_id,barcode,title\n" + "".join(f"p{n},b{n},Thing {n}\n" for n in range(10))
    assert read(tmp_path / "items.csv", content)[0]["item_id"][0] == "p0"
    assert read(tmp_path / "items.csv", content, known=["b1", "b2"])[0]["item_id"][0] == "b0"


def test_without_header_id_title_and_categories_are_seen_by_shape(tmp_path: Path) -> None:
    content = "".join(f"{n}::The Film Number {n} (1995)::Action|Drama\n" for n in range(30))
    frame, _ = read(tmp_path / "films.dat", content)
    assert frame.row(3, named=True) == {"item_id": "3", "title": "The Film Number 3 (1995)", "categories": ["Action", "Drama"]}


def test_recbole_sequences_are_lists_and_titles_are_not(tmp_path: Path) -> None:
    content = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n1\tToy Story\t1995\tAnimation Comedy\n"
    frame, _ = read(tmp_path / "ml.item", content)
    assert frame.to_dicts() == [{"item_id": "1", "title": "Toy Story", "categories": ["Animation", "Comedy"], "release_year": 1995}]


def test_json_keeps_lists_and_objects(tmp_path: Path) -> None:
    rows = [{"id": 7, "title": "A", "tags": ["x", "y"], "size": {"w": 1}}, {"id": "8", "title": "B", "tags": "z"}]
    frame, _ = read(tmp_path / "items.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert properties_of(frame) == [
        ("7", {"title": "A", "categories": ["x", "y"], "size": '{"w": 1}'}),
        ("8", {"title": "B", "categories": ["z"]}),
    ]


def test_an_object_of_ids_is_a_table(tmp_path: Path) -> None:
    frame, _ = read(tmp_path / "attributes.json", json.dumps({"4": [1, 2], "83": [4]}))
    assert frame.to_dicts() == [{"item_id": "4", "categories": ["1", "2"]}, {"item_id": "83", "categories": ["4"]}]


def test_chinese_headers_are_understood(tmp_path: Path) -> None:
    frame, _ = read(tmp_path / "items.csv", "商品ID,商品名称,类别,价格\n10,茶,饮料,5\n")
    assert frame.to_dicts() == [{"item_id": "10", "title": "茶", "categories": ["饮料"], "价格": 5}]


def test_flags_name_id_and_title(tmp_path: Path) -> None:
    frame, _ = read(tmp_path / "items.csv", "a,b,c\nx,y,z\n", item_column="b", title_column="c")
    assert frame.to_dicts() == [{"item_id": "y", "title": "z", "a": "x"}]
    with pytest.raises(SchemaError, match="--title-column"):
        read(tmp_path / "items.csv", "a,b\nx,y\n", item_column="b", title_column="nope")


def test_a_property_that_is_named_like_a_role_makes_way(tmp_path: Path) -> None:
    frame, _ = read(tmp_path / "items.csv", "sku,name,item_id\nx,Lamp,3\n", item_column="sku")
    assert frame.to_dicts() == [{"item_id": "x", "title": "Lamp", "item_id_2": 3}]
