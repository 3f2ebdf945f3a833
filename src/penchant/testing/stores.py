# ruff: noqa: D102  (the name of a test is its claim)
"""Contract suites for stores: what every Store with its EventStore, FeatureStore and Listing, and every ArtifactStore must do.

Subclass one in a test module and give it the fixture that it names: `store` is an empty, open `Store`, `artifacts` an empty
`ArtifactStore`.
"""

import random
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest

from penchant.core import columns
from penchant.core.artifact import Artifact
from penchant.core.errors import ArtifactNotFound, DataError
from penchant.core.events import EventBatch
from penchant.core.protocols import Ack, ArtifactStore
from penchant.stores import Store

# Ids that some program somewhere takes for a number, a key word, an end of text, or for one another.
AWKWARD_IDS = (
    *("0", "00", "1e1", "10.0", "-0", "+1", "0x10", "NaN", "null", "None", "true", "Infinity", "__proto__", "constructor"),
    *(" ", " a", "a ", "a\tb", "a\nb", "a\r", "a\0b", "\0", "a\0", "'", '"', "'; DROP TABLE event; --", "%", "_", "\\", "a,b", "\ufeffa"),
    *("caf\u00e9", "cafe\u0301", "ﬁ", "fi", "ß", "SS", "İ", "i", "I", "ｆｕｌｌ", "full", "\u202eabc", "a\u200bb", "\ufffd", "\U0010ffff"),
    *(
        "🍕",
        "👩‍👩‍👧",
        "星期天",
        "𠜎𠜱",
        "مرحبا",
        "हिन्दी",
        "x" * 5_000,
        "d41d8cd98f00b204e9800998ecf8427e",
        "D41D8CD98F00B204E9800998ECF8427E",
    ),
)

QUERY_ATTACKS = (
    *('"', '""', "'", "*", "a*b*", "^a", "a AND", "OR", "NOT a", "NEAR(a b, 2)", "title:a", "-a", "a + b", "(", ")", "((a)", "{title}: a"),
    *("a;DROP TABLE item", "\\", "%", "\0", "a\0b", "\ud800", "\ufffe", " ", "\t\n", "!!!", "a" * 100_000, "a " * 10_000, "猫" * 5_000),
)


def batch(rows: list[dict[str, Any]]) -> EventBatch:
    """Events from dicts in which only what matters to the test is given. `Any`: JSON."""
    plain = {columns.USER_ID: "u", columns.ITEM_ID: "i", columns.TIMESTAMP: 0}
    return EventBatch.of([plain | row for row in rows])


def items_of(events: EventBatch) -> list[str]:
    """The item ids of events, in their order."""
    return events.frame[columns.ITEM_ID].to_list()


class EventStoreContract:
    """What every EventStore must do; fixture: `store`."""

    def test_events_come_back_as_they_were_given(self, store: Store) -> None:
        row = {
            "user_id": "u",
            "item_id": "i",
            "event_type": "click",
            "value": 2.5,
            "timestamp": 1_700_000_000_123_456,
            "session_id": "s",
            "scenario": "home",
            "event_id": "e",
            "recommendation_id": "r",
            "position": 3,
            "propensity": 0.1,
            "properties": '{"a": [1, "é"]}',
        }
        given = EventBatch.of([row, {"user_id": "v", "item_id": "j", "timestamp": -1}])
        assert store.events.append(given) == Ack(2, 0)
        [(_, scanned)] = store.events.scan()
        assert scanned.frame.equals(given.frame)
        assert scanned.frame.schema == given.frame.schema
        assert store.events.history("u").frame.equals(given.frame[:1])

    @pytest.mark.parametrize("column", ["user_id", "item_id", "event_id", "event_type", "session_id", "scenario", "recommendation_id"])
    def test_ids_are_byte_exact_and_never_merge(self, store: Store, column: str) -> None:
        given = batch([{"event_id": f"e{n}"} | {column: id_} for n, id_ in enumerate(AWKWARD_IDS)])
        assert store.events.append(given) == Ack(len(AWKWARD_IDS), 0)
        [(_, scanned)] = store.events.scan()
        assert scanned.frame[column].to_list() == list(AWKWARD_IDS)
        if column == "user_id":
            assert all(len(store.events.history(id_)) == 1 for id_ in AWKWARD_IDS)

    def test_numbers_keep_every_bit(self, store: Store) -> None:
        bits = np.random.default_rng(0).integers(0, 2**63 - 2**52, 2_000).view(np.float64)
        doubles = [*bits[np.isfinite(bits)].tolist(), 1 / 3, 5e-324, 1.7976931348623157e308, 0.1, 1.0, 0.0]
        with np.errstate(over="ignore"):
            singles = np.array(doubles).astype(np.float32)
        singles[~np.isfinite(singles)] = 1.1
        times = [-(2**63), 2**63 - 1, 0, -1] * (len(doubles) // 4 + 1)
        given = batch(
            [
                {"event_id": str(n), "propensity": double, "value": float(single), "timestamp": time}
                for n, (double, single, time) in enumerate(zip(doubles, singles, times, strict=False))
            ]
        )
        store.events.append(given)
        [(_, scanned)] = store.events.scan()
        assert scanned.frame.equals(given.frame)

    @pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
    @pytest.mark.parametrize("column", ["value", "propensity"])
    def test_a_number_that_is_not_finite_is_refused(self, store: Store, column: str, number: float) -> None:
        with pytest.raises(DataError, match=f"{column} is .* in row 1"):
            store.events.append(batch([{"event_id": "a", column: 1.0}, {"event_id": "b", column: number}]))
        assert store.events.stats()["n_events"] == 0

    def test_a_repeated_event_id_adds_nothing(self, store: Store) -> None:
        assert store.events.append(batch([{"event_id": "a"}, {"event_id": "b"}, {"event_id": "a", "item_id": "other"}])) == Ack(2, 1)
        assert store.events.append(batch([{"event_id": "b", "user_id": "new", "item_id": "new"}, {"event_id": "c"}])) == Ack(1, 1)
        assert store.events.stats() == {"n_events": 3, "n_users": 1, "n_items": 1, "first": 0, "last": 0}
        assert store.listing.users(10) == ([("u", 3)], 1)
        assert store.listing.items()[1] == ["i"]

    def test_the_same_event_without_an_id_is_stored_once(self, store: Store) -> None:
        assert store.events.append(batch([{"timestamp": 1}])) == Ack(1, 0)
        assert store.events.append(batch([{"timestamp": 1}])) == Ack(0, 1)
        assert store.events.append(batch([{"timestamp": 2}])) == Ack(1, 0)

    def test_a_batch_sent_fifty_times_at_once_is_stored_once(self, store: Store) -> None:
        given = batch([{"event_id": str(n), "timestamp": n} for n in range(40)])
        with ThreadPoolExecutor(50) as pool:
            acks = list(pool.map(lambda _: store.events.append(given), range(50)))
        assert sum(ack.stored for ack in acks) == 40
        assert sum(ack.duplicates for ack in acks) == 49 * 40
        assert store.events.stats()["n_events"] == 40

    def test_an_empty_batch_is_acknowledged(self, store: Store) -> None:
        assert store.events.append(batch([{}]).__class__(batch([{}]).frame[:0])) == Ack(0, 0)
        assert list(store.events.scan()) == []

    def test_history_is_in_order_of_time_then_arrival(self, store: Store) -> None:
        store.events.append(batch([{"item_id": name, "timestamp": time} for name, time in [("c", 5), ("a", 1), ("d", 5), ("b", 1)]]))
        store.events.append(batch([{"item_id": "e", "timestamp": 5}, {"user_id": "other", "item_id": "x", "timestamp": 2}]))
        assert items_of(store.events.history("u")) == ["a", "b", "c", "d", "e"]

    def test_history_is_read_as_of_a_time(self, store: Store) -> None:
        store.events.append(batch([{"item_id": str(time), "timestamp": time} for time in range(10)]))
        assert items_of(store.events.history("u", until=4)) == ["0", "1", "2", "3", "4"]
        assert items_of(store.events.history("u", until=4, limit=2)) == ["3", "4"]
        assert items_of(store.events.history("u", limit=1)) == ["9"]
        assert len(store.events.history("u", until=-1)) == len(store.events.history("u", limit=0)) == 0

    def test_history_of_an_unknown_user_is_empty(self, store: Store) -> None:
        store.events.append(batch([{}]))
        for user in ("nobody", "", "U", "u ", "\ud800"):
            assert store.events.history(user).frame.schema == batch([{}]).frame.schema
            assert len(store.events.history(user)) == 0

    def test_order_of_arrival_does_not_change_history(self, store: Store) -> None:
        shuffle = random.Random(8)
        rows = [{"user_id": f"u{n % 7}", "item_id": f"i{n % 31}", "timestamp": n * 60_000_000, "event_id": str(n)} for n in range(2_000)]
        arriving = shuffle.sample(rows, len(rows))
        for start in range(0, len(arriving), 300):
            store.events.append(batch(arriving[start : start + 300]))
        for user in range(7):
            expected = batch([row for row in rows if row["user_id"] == f"u{user}"])
            assert store.events.history(f"u{user}", limit=10_000).frame.equals(expected.frame)

    def test_scan_resumes_where_it_stopped(self, store: Store) -> None:
        for start in range(0, 100, 10):
            store.events.append(batch([{"event_id": str(n), "item_id": str(n)} for n in range(start, start + 10)]))
        parts = list(store.events.scan(rows=33))
        assert [len(part) for _, part in parts] == [33, 33, 33, 1]
        assert [item for _, part in parts for item in items_of(part)] == [str(n) for n in range(100)]
        cursors = [cursor for cursor, _ in parts]
        assert all(left < right for left, right in pairwise(cursors))
        assert [item for _, part in store.events.scan(after=cursors[1]) for item in items_of(part)] == [str(n) for n in range(66, 100)]
        assert list(store.events.scan(after=cursors[-1])) == []

    def test_stats_count_what_has_events(self, store: Store) -> None:
        assert store.events.stats() == {"n_events": 0, "n_users": 0, "n_items": 0, "first": 0, "last": 0}
        store.features.upsert("items", [("i", {}), ("unseen", {})])
        store.features.upsert("users", [("unseen", {})])
        store.events.append(batch([{"timestamp": 5}, {"timestamp": 9, "item_id": "j"}, {"timestamp": 7, "user_id": "v"}]))
        assert store.events.stats() == {"n_events": 3, "n_users": 2, "n_items": 2, "first": 5, "last": 9}

    def test_many_threads_append_and_read_at_once(self, store: Store) -> None:
        def client(thread: int) -> int:
            for n in range(20):
                store.events.append(batch([{"user_id": f"u{thread}", "item_id": str(n), "timestamp": n, "event_id": f"{thread}-{n}"}]))
                assert items_of(store.events.history(f"u{thread}"))[-1] == str(n)  # what was acknowledged is read at once
            return sum(len(part) for _, part in store.events.scan(rows=50))

        with ThreadPoolExecutor(8) as pool:
            counts = list(pool.map(client, range(8)))
        assert max(counts) == store.events.stats()["n_events"] == 160


class FeatureStoreContract:
    """What every FeatureStore must do; fixture: `store`."""

    def test_properties_come_back_as_they_were_given(self, store: Store) -> None:
        given = {"title": "Ⅻ 猫\0🍕", "price": 0.1, "huge": 2**80, "none": None, "deep": {"a": [1, {"b": []}]}, "": "x", "available": True}
        assert store.features.upsert("items", [("a", given), ("b", {})]) == 2
        assert store.features.get("items", ["b", "a", "missing", "a", "\ud800"]) == {"b": {}, "a": given}
        assert store.features.get("items", []) == {}
        assert store.features.get("users", ["a"]) == {}

    def test_upsert_replaces_and_counts_new_ids(self, store: Store) -> None:
        assert store.features.upsert("users", [("a", {"x": 1, "y": 1}), ("a", {"x": 2}), ("b", {})]) == 2
        assert store.features.upsert("users", [("a", {"z": 3}), ("c", {})]) == 1
        assert store.features.get("users", ["a"]) == {"a": {"z": 3}}
        assert store.features.upsert("users", []) == 0

    @pytest.mark.parametrize("kind", ["items", "users"])
    def test_delete_removes_and_counts(self, store: Store, kind: str) -> None:
        store.features.upsert(kind, [(id_, {"title": id_}) for id_ in "abc"])
        assert store.features.delete(kind, ["a", "c", "a", "missing", "\ud800"]) == 2
        assert store.features.delete(kind, ["a"]) == 0
        assert [row for part in store.features.scan(kind) for row in part] == [("b", {"title": "b"})]
        assert store.features.upsert(kind, [("a", {"title": "back"})]) == 1
        assert store.features.get(kind, ["a"]) == {"a": {"title": "back"}}

    def test_scan_is_in_order_of_arrival_and_in_batches(self, store: Store) -> None:
        ids = random.Random(1).sample(range(1_000), 100)
        store.features.upsert("items", [(str(n), {"n": n}) for n in ids])
        parts = list(store.features.scan("items", rows=30))
        assert [len(part) for part in parts] == [30, 30, 30, 10]
        assert [row for part in parts for row in part] == [(str(n), {"n": n}) for n in ids]

    def test_ids_are_byte_exact(self, store: Store) -> None:
        store.features.upsert("items", [(id_, {"id": id_}) for id_ in AWKWARD_IDS])
        assert store.features.get("items", AWKWARD_IDS) == {id_: {"id": id_} for id_ in AWKWARD_IDS}

    @pytest.mark.parametrize(
        "row",
        [("\ud800", {}), ("a", {"x": float("nan")}), ("a", {"x": [float("inf")]}), ("a", {"x": "\udfff"}), ("a", {"x": {1, 2}}), ("a", [])],
        ids=["surrogate id", "nan", "infinity", "surrogate", "set", "list"],
    )
    def test_what_json_cannot_hold_is_refused_whole(self, store: Store, row: tuple[str, Any]) -> None:
        with pytest.raises(DataError):
            store.features.upsert("items", [("fine", {}), row])
        assert store.features.get("items", ["fine"]) == {}

    def test_an_unknown_kind_is_refused(self, store: Store) -> None:
        with pytest.raises(DataError, match="no such kind 'shops'; allowed: items, users"):
            store.features.upsert("shops", [("a", {})])

    def test_a_new_item_is_found_at_once_and_a_changed_one_by_its_new_words(self, store: Store) -> None:
        assert store.features.search("lamp", 5) == []
        store.features.upsert("items", [("a", {"title": "Desk lamp"})])
        assert found(store, "lamp") == ["a"]
        store.features.upsert("items", [("a", {"title": "Desk chair"})])
        assert found(store, "lamp") == []
        assert found(store, "chair") == ["a"]
        store.features.delete("items", ["a"])
        assert found(store, "chair") == []

    def test_hidden_items_and_users_are_not_found(self, store: Store) -> None:
        store.features.upsert("items", [("a", {"title": "lamp", "available": False}), ("b", {"title": "lamp"})])
        store.features.upsert("users", [("c", {"title": "lamp"})])
        assert found(store, "lamp") == ["b"]
        store.features.upsert("items", [("a", {"title": "lamp", "available": True})])
        assert found(store, "lamp") == ["a", "b"]

    def test_title_counts_more_than_description(self, store: Store) -> None:
        store.features.upsert(
            "items",
            [("text", {"title": "Table", "description": "with a lamp"}), ("title", {"title": "Lamp", "description": "with a table"})],
        )
        assert found(store, "lamp") == ["title", "text"]
        assert found(store, "table") == ["text", "title"]

    @pytest.mark.parametrize(
        ("item", "query"),
        [
            ({"title": "Toy Story (1995)"}, "toy sto"),
            ({"title": "Toy Story (1995)"}, "STORY 1995"),
            ({"title": "Amélie à Évian"}, "amelie evian"),
            ({"title": "Cafe\u0301"}, "café"),
            ({"title": "Straße"}, "STRASSE"),
            ({"title": "Smørrebrød"}, "smorrebrod"),
            ({"title": "ｆｕｌｌ ｗｉｄｔｈ"}, "full width"),
            ({"title": "Москва́ слезам не верит"}, "москва"),
            ({"title": "我想在星期天看电影"}, "电影"),
            ({"title": "我想在星期天看电影"}, "星期天"),
            ({"title": "iPhone手机壳"}, "手机壳 iphone"),
            ({"title": "我想看"}, "想"),
            ({"title": "となりのトトロ"}, "トトロ"),
            ({"title": "기생충 영화"}, "영화"),
            ({"title": "हिन्दी फिल्म"}, "हिन्दी"),
            ({"title": "ภาพยนตร์ไทย"}, "ไทย"),
            ({"title": "Best 🍕 in town"}, "🍕"),
            ({"title": "x", "tags": ["film noir", "1940s"]}, "noir"),
            ({"title": "x", "categories": ["Home > Lighting"]}, "lighting"),
            ({"title": "x", "maker": {"name": "Grundig"}}, "grundig"),
        ],
    )
    def test_words_are_found_in_any_language(self, store: Store, item: dict[str, Any], query: str) -> None:
        store.features.upsert("items", [("other", {"title": "Nothing of the sort 完全不同"}), ("wanted", item)])
        [(best, score)] = store.features.search(query, 5)
        assert best == "wanted"
        assert score > 0

    def test_a_chinese_word_is_not_found_in_other_words_with_its_characters(self, store: Store) -> None:
        store.features.upsert("items", [("a", {"title": "天星小轮"}), ("b", {"title": "星天"})])
        assert found(store, "天星") == ["a"]

    def test_items_with_all_words_leave_out_those_with_some(self, store: Store) -> None:
        store.features.upsert("items", [("both", {"title": "red lamp"}), ("one", {"title": "red chair"}), ("none", {"title": "desk"})])
        assert found(store, "red lamp") == ["both"]
        assert found(store, "lamp of gold") == ["both"]

    def test_results_are_at_most_n_and_best_first(self, store: Store) -> None:
        store.features.upsert("items", [(str(n), {"title": "lamp " + "filler " * n}) for n in range(20)])
        results = store.features.search("lamp", 7)
        assert [id_ for id_, _ in results] == [str(n) for n in range(7)]
        assert all(left[1] >= right[1] > 0 for left, right in pairwise(results))
        assert store.features.search("lamp", 0) == []

    @pytest.mark.parametrize("attack", QUERY_ATTACKS, ids=range(len(QUERY_ATTACKS)))
    def test_query_syntax_is_only_text(self, store: Store, attack: str) -> None:
        store.features.upsert("items", [("a", {"title": "a b or not near title and drop table 猫"}), ("z", {"title": "z"})])
        assert {id_ for id_, _ in store.features.search(attack, 5)} <= {"a"}
        assert store.features.get("items", ["z"]) == {"z": {"title": "z"}}


class ListingContract:
    """What every Listing must do; fixture: `store`."""

    def test_users_are_those_of_events_and_of_the_catalogue(self, store: Store) -> None:
        store.events.append(batch([{"user_id": user, "event_id": f"{user}{n}"} for user, n in [("b", 0), ("b", 1), ("ab", 0)]]))
        store.features.upsert("users", [("a", {}), ("b", {})])
        assert store.listing.users(10) == ([("a", 0), ("ab", 1), ("b", 2)], 3)
        assert store.listing.users(1, 1) == ([("ab", 1)], 3)
        assert store.listing.users(10, 0, "a") == ([("a", 0), ("ab", 1)], 2)
        assert store.listing.users(10, 5) == ([], 3)
        store.features.delete("users", ["a", "b"])
        assert store.listing.users(10) == ([("ab", 1), ("b", 2)], 2)

    @pytest.mark.parametrize("prefix", ["a", "caf", "\U0010ffff", "星", "%", "_", "\ud7ff", ""])
    def test_prefixes_are_text(self, store: Store, prefix: str) -> None:
        ids = [*AWKWARD_IDS, "\ud7ffx", "\U0010ffff\U0010ffff"]
        store.features.upsert("users", [(id_, {}) for id_ in ids])
        expected = sorted((id_ for id_ in ids if id_.startswith(prefix)), key=str.encode)
        listed, total = store.listing.users(1_000, 0, prefix)
        assert [id_ for id_, _ in listed] == expected
        assert total == len(expected)

    def test_items_are_listed_once_in_order_of_first_arrival(self, store: Store) -> None:
        assert store.listing.items() == (0, [])
        store.events.append(batch([{"item_id": "b", "timestamp": 1}, {"item_id": "a", "timestamp": 2}]))
        store.features.upsert("items", [("c", {}), ("a", {})])
        cursor, known = store.listing.items()
        assert known == ["b", "a", "c"]
        assert store.listing.items(cursor) == (cursor, [])
        store.features.delete("items", ["c"])
        store.events.append(batch([{"item_id": "c", "timestamp": 3}, {"item_id": "d", "timestamp": 4}]))
        assert store.listing.items(cursor)[1] == ["d"]
        assert store.listing.items()[1] == ["b", "a", "c", "d"]

    def test_deleted_and_hidden_items_are_unavailable_until_they_come_back(self, store: Store) -> None:
        store.events.append(batch([{"item_id": "events only", "timestamp": 1}, {"item_id": "deleted", "timestamp": 2}]))
        store.features.upsert("items", [("hidden", {"available": False}), ("deleted", {}), ("fine", {"available": True})])
        assert store.features.delete("items", ["deleted", "events only"]) == 1
        assert store.listing.unavailable() == {"hidden", "deleted"}
        store.events.append(batch([{"item_id": "deleted", "timestamp": 3}]))
        assert store.listing.unavailable() == {"hidden", "deleted"}
        store.features.upsert("items", [("hidden", {}), ("deleted", {})])
        assert store.listing.unavailable() == set()

    def test_popular_counts_events_since_a_time_of_available_items(self, store: Store) -> None:
        rows = [{"item_id": item, "timestamp": n, "event_id": str(n)} for n, item in enumerate("aaaabbbcchh")]
        store.events.append(batch(rows))
        store.features.upsert("items", [("h", {"available": False}), ("never", {})])
        assert store.listing.popular(10) == [("a", 4), ("b", 3), ("c", 2)]
        assert store.listing.popular(2, 3) == [("b", 3), ("c", 2)]
        assert store.listing.popular(10, 100) == []

    def test_catalogue_pages_in_order_of_arrival(self, store: Store) -> None:
        store.events.append(batch([{"item_id": "events only"}]))
        store.features.upsert("items", [(id_, {"title": id_}) for id_ in "cab"])
        assert store.listing.catalogue("items", 2) == ([("c", {"title": "c"}), ("a", {"title": "a"})], 3)
        assert store.listing.catalogue("items", 2, 2) == ([("b", {"title": "b"})], 3)
        assert store.listing.catalogue("users", 2) == ([], 0)


class EraseContract:
    """What `Store.erase` must do; fixture: `store`."""

    def test_nothing_is_left_of_whom_it_erases_and_all_of_the_others(self, store: Store) -> None:
        store.events.append(batch([{"user_id": "gone", "item_id": "only"}, {"user_id": "stays"}, {"user_id": "gone", "timestamp": 9}]))
        store.features.upsert("users", [("gone", {"age": 7}), ("stays", {"age": 8})])
        before = store.listing.items()
        assert store.erase("gone")
        assert len(store.events.history("gone")) == 0
        assert store.features.get("users", ["gone", "stays"]) == {"stays": {"age": 8}}
        assert store.listing.users(10) == ([("stays", 1)], 1)
        assert frame_of(store)[columns.USER_ID].to_list() == ["stays"]
        assert store.events.stats() == {"n_events": 1, "n_users": 1, "n_items": 1, "first": 0, "last": 0}
        assert store.listing.popular(10) == [("i", 1)]
        assert store.listing.items() == before

    @pytest.mark.parametrize("rows", [[{}], [], [{"user_id": "stays"}, {}]], ids=["events", "catalogue", "last event"])
    def test_one_is_erased_once_known_from_events_or_from_the_catalogue(self, store: Store, rows: list[dict[str, Any]]) -> None:
        store.events.append(batch(rows))
        store.features.upsert("users", [("u", {})] if not rows else [])
        assert [store.erase("u"), store.erase("u"), store.erase("nobody"), store.erase("\ud800")] == [True, False, False, False]

    def test_who_reads_on_misses_no_event_that_comes_after(self, store: Store) -> None:
        store.events.append(batch([{"user_id": "stays", "event_id": "0"}, {"event_id": "1"}, {"event_id": "2"}]))
        [(cursor, _)] = store.events.scan()
        for n in range(3):  # each time the last event is of whom is erased
            assert store.erase("u")
            assert list(store.events.scan(after=cursor)) == []
            store.events.append(batch([{"event_id": f"new {n}", "item_id": f"new {n}"}]))
            [(cursor, found)] = store.events.scan(after=cursor)
            assert items_of(found) == [f"new {n}"]
        assert len(frame_of(store)) == store.events.stats()["n_events"] == 2

    def test_a_store_that_lost_everybody_is_empty_and_takes_events(self, store: Store) -> None:
        store.events.append(batch([{"timestamp": 5}]))
        assert store.erase("u")
        assert store.events.stats() == {"n_events": 0, "n_users": 0, "n_items": 0, "first": 0, "last": 0}
        assert list(store.events.scan()) == []
        assert store.events.append(batch([{"timestamp": 5}])) == Ack(1, 0)
        assert items_of(store.events.history("u")) == ["i"]


class ArtifactStoreContract:
    """What every ArtifactStore must do; fixture: `artifacts`."""

    def test_an_artifact_comes_back_as_it_was_given(self, artifacts: ArtifactStore) -> None:
        given = artifact(3)
        version = artifacts.put("home", given)
        got = artifacts.get(version)
        assert version.startswith("home/")
        assert np.array_equal(got.arrays["weights"], given.arrays["weights"])
        assert (got.model, got.config, got.item_ids, got.metrics) == (given.model, given.config, given.item_ids, given.metrics)

    def test_versions_are_listed_oldest_first(self, artifacts: ArtifactStore) -> None:
        made = [artifacts.put("home", artifact(n)) for n in range(5)]
        other = artifacts.put("other", artifact(1))
        assert artifacts.versions("home") == made
        assert set(artifacts.versions()) == {*made, other}
        assert artifacts.versions("nothing") == []

    def test_the_alias_points_to_the_published_version(self, artifacts: ArtifactStore) -> None:
        first, second = (artifacts.put("home", artifact(n)) for n in range(2))
        assert artifacts.live("home") is None
        artifacts.publish(second)
        assert artifacts.live("home") == second
        artifacts.publish(first)
        assert artifacts.live("home") == first
        assert artifacts.live("other") is None

    @pytest.mark.parametrize(
        "version",
        [
            *("", "/", ".", "..", "home", "home/", "home/..", "home/../home", "../../etc/passwd", "/etc/passwd", "home//etc/passwd"),
            *("home/20260101T000000.000-00000000", "..\\..\\etc", "%2e%2e%2fetc", "home/\0", "home\0/x", "home/" + "a" * 4_096, "ｈome/x"),
            *("home/20260101T000000.000-00000000/../../..", "~/x", "home/*", "home/live.json", "\ud800/\ud800"),
        ],
    )
    def test_a_version_that_is_not_there_is_not_found(self, artifacts: ArtifactStore, version: str) -> None:
        artifacts.put("home", artifact(1))
        with pytest.raises(ArtifactNotFound):
            artifacts.get(version)
        with pytest.raises(ArtifactNotFound):
            artifacts.publish(version)


def artifact(n: int) -> Artifact:
    """A small model that differs with `n`."""
    return Artifact(
        "popular", {"n": n}, {"weights": np.arange(4, dtype=np.float32) * n}, "f" * 64, ("a", "b"), ("click",), {"ndcg@10": 0.5}
    )


def found(store: Store, query: str) -> list[str]:
    """The ids that a search finds, best first."""
    return [id_ for id_, _ in store.features.search(query, 100)]


def frame_of(store: Store) -> pl.DataFrame:
    """Everything in the event store, in order of arrival."""
    return pl.concat([part.frame for _, part in store.events.scan()])
