"""Where events happened: kept through everything that is done to them, and of no weight where no event says so."""

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from penchant.data import Dataset, Interactions
from penchant.data.dataset import MOST_KINDS
from penchant.data.mapped import map_dataset, write_dataset
from penchant.data.split import given, leave_one_out
from penchant.data.spool import Spool

ROWS = [  # in order of arrival
    ("ann", "a", 3, "cart"),
    ("ann", "b", 1, None),
    ("bob", "a", 2, ""),
    ("ann", "c", 2, "home"),
    ("bob", "c", 1, "cart"),
    ("bob", "d", 4, "home"),
]


def dataset_of(rows: list[tuple[str, str, int, str | None]]) -> Dataset:
    schema = {"user_id": pl.String, "item_id": pl.String, "timestamp": pl.Int64, "scenario": pl.String}
    return Dataset.from_events(pl.DataFrame(rows, schema=schema, orient="row"))


def told(dataset: Dataset) -> list[tuple[str, str]]:
    """(item, place) of each event."""
    events = dataset.interactions
    names = [*dataset.scenarios.ids, "–"]
    return [(dataset.items.id(item), names[place]) for item, place in zip(events.items.tolist(), events.places.tolist(), strict=True)]


SORTED = [("b", "–"), ("c", "home"), ("a", "cart"), ("c", "cart"), ("a", "–"), ("d", "home")]


def test_events_keep_their_places_in_the_order_of_time() -> None:
    dataset = dataset_of(ROWS)
    assert dataset.scenarios.ids == ("cart", "home")
    assert told(dataset) == SORTED


def test_what_is_cut_out_keeps_its_places() -> None:
    split = leave_one_out(dataset_of(ROWS))
    assert told(split.known) == [SORTED[n] for n in (0, 1, 3, 4)]
    assert told(split.train) == [SORTED[n] for n in (0, 3)]


def test_requests_know_the_places_of_their_histories() -> None:
    queries = dataset_of(ROWS).queries([1, 0], at=2)
    assert queries.scenarios is not None
    assert queries.scenarios.tolist() == [0, -1, 1, -1, 1, 0]
    for seen in (queries.visible(9), queries.take(np.array([0, 1])).visible(9)):
        assert seen.scenarios is not None
        assert seen.scenarios.tolist() == [0, -1, -1, 1]
    last = queries.last(1).take(np.array([1]))
    assert last.scenarios is not None
    assert last.scenarios.tolist() == [0]


def test_without_places_nothing_is_kept() -> None:
    for dataset in (dataset_of([(*row[:3], None) for row in ROWS]), dataset_of([])):
        assert dataset.interactions.scenarios is None
        assert dataset.keep(np.ones(dataset.n_events, dtype=bool)).interactions.scenarios is None
        assert dataset.queries().scenarios is None
        assert len(dataset.scenarios) == 0


def test_the_fingerprint_tells_places_apart_and_is_the_old_one_without_them() -> None:
    without = dataset_of([(*row[:3], None) for row in ROWS])
    events, digest = without.interactions, hashlib.sha256()
    for array in (events.offsets, events.items, events.event_types, events.values, events.timestamps):
        digest.update(array.tobytes())
    digest.update(b"-")  # no targets
    digest.update(b"".join(id_.encode() + b"\0" for ids in (without.users, without.items, without.event_types) for id_ in ids.ids))
    assert without.fingerprint == digest.hexdigest()
    renamed = [(*row[:3], "basket" if row[3] == "cart" else row[3]) for row in ROWS]
    moved = [(*ROWS[0][:3], "home"), *ROWS[1:]]
    assert len({dataset_of(rows).fingerprint for rows in (ROWS, renamed, moved)} | {without.fingerprint}) == 4


def test_a_given_test_set_brings_its_own_places() -> None:
    test = dataset_of([("ann", "a", 9, "search"), ("bob", "b", 9, "home"), ("bob", "c", 10, None)])
    merged = given(dataset_of(ROWS), test).test
    assert merged.scenarios.ids == ("cart", "home", "search")
    assert told(merged) == [*SORTED[:3], ("a", "search"), *SORTED[3:], ("b", "home"), ("c", "–")]


def test_a_given_test_set_without_places_has_none() -> None:
    test = dataset_of([("ann", "a", 9, None)])
    assert told(given(dataset_of(ROWS), test).test) == [*SORTED[:3], ("a", "–"), *SORTED[3:]]
    assert given(test, test, validation=0).test.interactions.scenarios is None


@pytest.mark.parametrize("since", [0, 97, 500, 899, 900])
def test_places_that_come_late_are_sorted_on_disk_as_in_memory(tmp_path: Path, since: int) -> None:
    rng = np.random.default_rng(since)
    users, items = rng.integers(0, 30, 900).astype(np.int32), rng.integers(0, 50, 900).astype(np.int32)
    times, types, values = rng.integers(0, 20, 900), rng.integers(0, 3, 900).astype(np.int16), rng.random(900).astype(np.float32)
    places = np.where(np.arange(900) < since, -1, rng.integers(-1, 4, 900)).astype(np.int16)
    spool = Spool(tmp_path, block=64)
    for first in range(0, 900, 97):
        part = slice(first, first + 97)
        named = places[part] if (places[part] >= 0).any() else None
        spool.add(users[part], items[part], times[part], event_types=types[part], values=values[part], scenarios=named)
    found = spool.interactions(30)
    wanted = Interactions.sort(users, items, times, event_types=types, values=values, n_users=30, scenarios=places)
    assert (found.scenarios is None) == (since == 900)
    assert found.places.dtype == np.dtype(np.int16)
    for name in ("offsets", "items", "event_types", "values", "timestamps", "places"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))


@pytest.mark.parametrize("named", [True, False])
def test_a_mapped_data_set_has_the_same_places(tmp_path: Path, *, named: bool) -> None:
    dataset = dataset_of(ROWS if named else [(*row[:3], None) for row in ROWS])
    write_dataset(dataset, tmp_path)
    found = map_dataset(tmp_path)
    assert found.scenarios == dataset.scenarios
    assert found.fingerprint == dataset.fingerprint
    assert (found.interactions.scenarios is None) == (not named)


def test_a_file_s_places_are_read(tmp_path: Path) -> None:
    lines = [",".join(str(cell or "") for cell in row) for row in ROWS]
    (tmp_path / "events.csv").write_text("\n".join(["user_id,item_id,timestamp,scenario", *lines]))
    assert told(Dataset.read(tmp_path / "events.csv")) == SORTED


def test_a_column_that_names_no_places_stops_nothing() -> None:
    rows = [("ann", "a", n, f"session {n}") for n in range(MOST_KINDS + 1)]
    dataset = dataset_of(rows)
    assert len(dataset.scenarios) == MOST_KINDS
    assert dataset.interactions.places[-1] == -1
    assert dataset.interactions.places[-2] == MOST_KINDS - 1
