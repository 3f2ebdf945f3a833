"""A small project whose answers are known by reasoning: even users like even items, odd users like odd ones."""

from pathlib import Path

import polars as pl

from penchant.core.clock import DAY, SECOND
from penchant.core.events import EventBatch
from penchant.scenarios import Project

DAY_ONE = 20_000 * DAY  # the events lie before it
N_ITEMS = 12
TITLES = {f"i{item}": f"{'even' if item % 2 == 0 else 'odd'} thing number{item}" for item in range(N_ITEMS)}

# Time enough on any machine: what is left out where time runs short has tests of its own.
CONFIG = """
[project]
name = "small"

[models.item-knn]
shrinkage = 0.0

[models.popular]

[models.trending]
model = "popular"
half_life_days = 1.0

[scenarios.home]
time_budget_ms = 60_000
kind = "for-you"
retrievers = ["item-knn"]

[scenarios.similar]
time_budget_ms = 60_000
kind = "similar"

[scenarios.continue]
time_budget_ms = 60_000
kind = "continue"
retrievers = ["item-knn"]

[scenarios.trending]
time_budget_ms = 60_000
kind = "trending"

[scenarios.search]
time_budget_ms = 60_000
kind = "search"
ranker = "item-knn"

[scenarios.rank]
time_budget_ms = 60_000
kind = "rank"
ranker = "item-knn"
"""


def write_config(folder: Path, text: str = CONFIG) -> None:
    (folder / "penchant.toml").write_text(text, encoding="utf-8")


def events_of(rows: list[tuple[str, str, int]], event_type: str = "view") -> EventBatch:
    return EventBatch.of(
        pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row").with_columns(event_type=pl.lit(event_type))
    )


def fill(project: Project) -> None:
    """User u{k} met the items of the parity of k, from the k-th on but for the last; item i11 and i10 were met least."""
    rows = [
        (f"u{user}", f"i{item}", DAY_ONE - DAY + (user * 100 + item) * SECOND)
        for user in range(8)
        for item in range(user % 2, N_ITEMS - 2, 2)
        if item != user
    ]
    project.events.append(events_of(rows))
    project.features.upsert("items", [(id_, {"title": title, "categories": [title.split()[0]]}) for id_, title in TITLES.items()])
