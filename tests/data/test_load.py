"""A data set is read from files of any kind, with what was found beside it, in memory that does not grow with the file."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from penchant.core.errors import DataError, SchemaError
from penchant.data import Dataset
from penchant.data.load import load_dataset
from penchant.data.options import ReadOptions


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_data_set_knows_what_reading_found(tmp_path: Path) -> None:
    events = write(tmp_path / "clicks.csv", "user_id,item_id,timestamp\nu1,a,1500000000\nu2,b,1500000100\nu1,b,x\n")
    dataset = Dataset.read(events)
    assert (dataset.name, dataset.n_users, dataset.n_items, dataset.n_events) == ("clicks", 2, 2, 2)
    assert set(dataset.facts["cleaning"][0]) == {"step", "rows_in", "touched", "removed", "why"}
    assert dataset.facts["rejects"]["examples"][0]["row"] == 4
    assert any(decision.startswith("columns: ") for decision in dataset.facts["decisions"])


def test_items_and_users_without_events_get_codes_after_those_with(tmp_path: Path) -> None:
    events = write(tmp_path / "e.csv", "user_id,item_id,timestamp\nu1,b,1500000000\n")
    items = write(tmp_path / "i.csv", "item_id,title\na,First\nb,Second\n")
    users = write(tmp_path / "u.csv", "user_id,age\nu0,3\nu1,4\n")
    dataset = load_dataset(events, items=items, users=users)
    assert dataset.items.ids == ("b", "a")
    assert dataset.users.ids == ("u1", "u0")
    assert dataset.item_features is not None and dataset.item_features["title"].to_list() == ["Second", "First"]
    assert dataset.user_features is not None and dataset.user_features["age"].to_list() == [4, 3]


def test_kinds_values_and_equal_times_keep_their_order(tmp_path: Path) -> None:
    text = "user,item,action,rating,ts\nu,c,view,1,1500000000\nu,a,buy,2,1500000000\nu,b,,,1400000000\n"
    dataset = Dataset.read(write(tmp_path / "e.csv", text))
    assert dataset.items.decode(dataset.interactions.items) == ["b", "c", "a"]
    assert [dataset.event_types.id(int(code)) for code in dataset.interactions.event_types] == ["interaction", "view", "buy"]
    assert dataset.interactions.values[1:].tolist() == [1.0, 2.0]


def test_strict_counts_bad_items_too(tmp_path: Path) -> None:
    events = write(tmp_path / "e.csv", "user_id,item_id\nu1,b\n")
    items = write(tmp_path / "i.csv", "item_id,title\n,First\nb,Second\n")
    with pytest.raises(DataError, match=r"i\.csv row 2"):
        load_dataset(events, items=items, options=ReadOptions(strict=True))


def test_what_is_wrong_with_columns_is_a_schema_error_that_names_file_and_flag(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"e\.csv.*--user-column"):
        Dataset.read(write(tmp_path / "e.csv", "colour,size\nred,3\nblue,4\n"))


def test_the_same_file_gives_the_same_data_set(tmp_path: Path) -> None:
    events = write(tmp_path / "e.csv", "user,item\n" + "".join(f"{n % 5},{n % 7}\n" for n in range(50)))
    assert Dataset.read(events).fingerprint == Dataset.read(events).fingerprint


MEASURE = """
import resource, sys
from pathlib import Path
from penchant.data.clean import Cleaning
from penchant.data.load import read_events
from penchant.data import outliers
from penchant.data.options import ReadOptions

outliers.MEMORY_ROWS = 100_000

def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
sum(len(batch) for batch in read_events(Path(sys.argv[1]), ReadOptions(), Cleaning()))
before = peak()
assert sum(len(batch) for batch in read_events(Path(sys.argv[2]), ReadOptions(), Cleaning())) == int(sys.argv[3])
print(peak() - before)
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """The second 300,000 rows of 600,000, 12 MB of text and 50 MB as columns of strings, cost next to nothing."""

    def file(name: str, n: int) -> Path:
        with (tmp_path / name).open("w", encoding="ascii") as out:
            out.write("user_id,item_id,rating,timestamp\n")
            out.writelines(f"user-{k % 9973},item-{k % 1009},{k % 5},{1_400_000_000 + 37 * k}\n" for k in range(n))
        return tmp_path / name

    command = [sys.executable, "-c", MEASURE, str(file("half.csv", 300_000)), str(file("whole.csv", 600_000)), "600000"]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert grown < 30, f"{grown} MiB more for 300,000 more rows"


def test_a_data_set_prints_as_one_line(tmp_path: Path) -> None:
    dataset = Dataset.read(write(tmp_path / "clicks.csv", "user,item\nu,a\nu,b\nv,a\n"))
    assert repr(dataset) == "Dataset('clicks': 2 users, 2 items, 3 events)"
    assert repr(dataset.marked(np.array([False, True, False]))).endswith("3 events, 1 to predict)")
