"""The published sizes of real data sets come out of their original files."""

import os
from pathlib import Path

import pytest

from penchant.data import Dataset
from penchant.data.library import fetch
from penchant.data.load import load_dataset
from penchant.data.public_sets import PUBLIC_SETS

FOLDER = os.environ.get("PENCHANT_DATA", "")

pytestmark = pytest.mark.skipif(not FOLDER, reason="PENCHANT_DATA is not set; it names the folder of real data sets")


def touched(dataset: Dataset, step: str) -> int:
    return next(each["touched"] for each in dataset.facts["cleaning"] if each["step"] == step)


def test_movielens_100k_is_the_same_from_both_of_its_forms() -> None:
    atomic = load_dataset(Path(FOLDER) / "ml-100k")
    original = Dataset.read(Path(FOLDER) / "ml-100k" / "u.data", items=Path(FOLDER) / "ml-100k" / "u.item")
    assert (atomic.n_users, atomic.n_items, atomic.n_events) == (943, 1682, 100_000)
    assert atomic.fingerprint == original.fingerprint
    for dataset in (atomic, original):
        assert dataset.item_features is not None
        row = dataset.item_features.row(dataset.items.code("50"), named=True)
        assert row["title"].startswith("Star Wars")
        assert row["categories"] == ["Action", "Adventure", "Romance", "Sci-Fi", "War"]
    assert atomic.user_features is not None
    assert atomic.user_features.row(atomic.users.code("1"), named=True)["age"] == 24


def test_movielens_1m_loses_nothing() -> None:
    dataset = load_dataset(Path(FOLDER) / "ml-1m")
    assert (dataset.n_users, dataset.n_items, dataset.n_events) == (6040, 3883, 1_000_209)
    assert touched(dataset, "robots") == touched(dataset, "duplicates") == dataset.facts["rejects"]["count"] == 0
    assert dataset.item_features is not None
    assert dataset.item_features.row(dataset.items.code("73"), named=True)["title"] == "Misérables, Les (1995)"


def test_online_retail_shows_all_of_its_dirt() -> None:
    dataset = load_dataset(Path(FOLDER) / "online-retail")
    assert touched(dataset, "missing ids") == dataset.facts["rejects"]["count"] == 135_080
    assert touched(dataset, "returns and cancellations") == 8_539
    assert touched(dataset, "absurd values") == 2
    assert touched(dataset, "duplicates") == 5_193
    assert touched(dataset, "not items") == 1_920
    removed = sum(step["removed"] for step in dataset.facts["cleaning"] if not step["step"].startswith("items"))
    assert dataset.n_events == 541_909 - removed
    assert dataset.item_features is not None
    titles = dataset.item_features.row(dataset.items.code("85123A"), named=True)
    assert titles["title"] == "WHITE HANGING HEART T-LIGHT HOLDER"


@pytest.mark.parametrize(
    ("events", "sizes"),
    [
        ("hetrec-lastfm-2k", (1892, 17632, 92834)),
        ("caserec-anime", (5000, 7390, 520_609)),
        ("s3rec-amazon/Beauty.txt.gz", (22363, 12101, 198_502)),
        ("s3rec-amazon/Toys_and_Games.txt", (19412, 11924, 167_597)),
        ("s3rec-amazon/LastFM.txt", (1090, 3646, 52_551)),
        ("lightgcn/gowalla", (29858, 40981, 810_128)),
        ("ml-1m/sasrec/ml-1m.txt.gz", (6040, 3416, 999_611)),
        ("arules-epub/epub.dat", (15732, 936, 29_624)),
        ("arules-groceries/groceries_baskets.txt", (9835, 169, 43_367)),
        ("complete-journey/transactions_100k.csv.gz", (2405, 23_950, 100_000)),
    ],
)
def test_published_sizes_come_out(events: str, sizes: tuple[int, int, int]) -> None:
    dataset = load_dataset(Path(FOLDER) / events)
    assert (dataset.n_users, dataset.n_items, dataset.n_events) == sizes


def test_sequences_keep_their_order() -> None:
    dataset = load_dataset(Path(FOLDER) / "s3rec-amazon" / "LastFM.txt")
    second = dataset.users.code("2")
    history = dataset.queries([second]).history(0)
    assert dataset.items.decode(history)[:3] == ["9", "10", "11"]


@pytest.mark.parametrize("name", PUBLIC_SETS)
def test_each_known_set_is_found_there_and_has_its_digests(tmp_path: Path, name: str) -> None:
    assert fetch(name, tmp_path, Path(FOLDER)) == tmp_path / name
