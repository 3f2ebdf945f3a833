from pathlib import Path

import numpy as np
import polars as pl
import pytest

from penchant.data.load import load_dataset
from penchant.data.order import drawn, is_sorted


def histories(users: int, *, ascending: bool) -> list[list[int]]:
    rng = np.random.default_rng(0)
    lists = [rng.choice(500, 8, replace=False) for _ in range(users)]
    return [sorted(items.tolist()) if ascending else items.tolist() for items in lists]


def rows(lists: list[list[int]], style: str = "{}") -> pl.DataFrame:
    pairs = [(f"u{user}", style.format(item)) for user, items in enumerate(lists) for item in items]
    return pl.DataFrame(pairs, schema=["user_id", "item_id"], orient="row").with_columns(timestamp=pl.int_range(len(pairs), dtype=pl.Int64))


@pytest.mark.parametrize("style", ["{}", "item-{:05}"])
def test_items_in_the_order_of_their_ids_are_found_be_they_numbers_or_words(style: str) -> None:
    assert is_sorted(rows(histories(30, ascending=True), style))
    assert is_sorted(rows(histories(30, ascending=False), style)) is False


def test_a_few_rows_tell_nothing() -> None:
    assert is_sorted(rows(histories(3, ascending=True))) is None


def test_a_drawn_order_deals_each_users_own_times_by_lot() -> None:
    frame = rows(histories(30, ascending=True))
    dealt = drawn(frame)
    assert dealt.select("user_id", "item_id").equals(frame.select("user_id", "item_id"))
    of_users = [each.group_by("user_id", maintain_order=True).agg(pl.col("timestamp").sort()) for each in (frame, dealt)]
    assert of_users[0].equals(of_users[1])
    assert is_sorted(dealt.sort("timestamp")) is False
    assert dealt.equals(drawn(frame))


def test_a_file_sorted_by_item_has_no_last_item(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("user,item\n" + "\n".join(f"{u},{i}" for u, items in enumerate(histories(200, ascending=True)) for i in items))
    dataset = load_dataset(path)
    assert any("order is drawn" in words for words in dataset.facts["decisions"])
    events = dataset.interactions
    last = [int(dataset.items.id(int(code))) for code in events.items[events.offsets[1:] - 1]]
    assert 200 < np.mean(last) < 300  # of 0 to 499; the greatest of eight would be 444 on average
