from collections.abc import Iterator
from pathlib import Path

import pytest
from books import events, items
from console_client import ConsoleClient
from fastapi import FastAPI

from penchant.cli.serve import Address, build_site
from penchant.evaluation.protocol import Protocol
from penchant.evaluation.report import write_json
from penchant.jobs.evaluate import evaluate_models
from penchant.jobs.ingest import ingest
from penchant.jobs.train import train
from penchant.scenarios import Project

CONFIG = """
[project]
name = "books"

[models.item-knn]
shrinkage = 0.0

[models.popular]

[models.trending]
model = "popular"
half_life_days = 1.0

[scenarios.home]
kind = "for-you"
retrievers = ["item-knn"]

[scenarios.similar]
kind = "similar"
retrievers = ["item-knn"]

[scenarios.trending]
kind = "trending"

[scenarios.search]
kind = "search"
ranker = "item-knn"
"""


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a project of forty books, imported from files and trained; copied by nobody, so tests only add to it."""
    folder = tmp_path_factory.mktemp("books")
    (folder / "penchant.toml").write_text(CONFIG, encoding="utf-8")
    lines = ["user_id,item_id,event_type,timestamp"]
    lines += [",".join(str(row[name]) for name in ("user_id", "item_id", "event_type", "timestamp")) for row in events()]
    lines += [lines[1], "reader-999,,view,1700000000"]  # a repeat and a row without an item: the import has something to clean
    (folder / "events.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with Project.open(folder) as project:
        ingest(project, events=folder / "events.csv")
        project.features.upsert("items", [(str(row.pop("item_id")), row) for row in items()])
        train(project, quiet=True)
        report = evaluate_models(project.dataset(), ["popular", "item-knn", "last-item", "ease"], Protocol())
    write_json(report, folder / "report.json")
    return folder


@pytest.fixture
def project(shop: Path) -> Iterator[Project]:
    with Project.open(shop) as opened:
        yield opened


@pytest.fixture
def site(project: Project) -> FastAPI:
    return build_site(project, Address())


@pytest.fixture
def client(site: FastAPI) -> Iterator[ConsoleClient]:
    made = ConsoleClient(site)
    yield made
    made.close()
