from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from api_client import Client, OpenClient
from fastapi import FastAPI

from penchant.scenarios.project import Project
from penchant.serving.app import create_app

# A small shop: everybody meets the first films, so that popularity has an order.
FILMS = [{"item_id": f"film-{n}", "title": f"Film {n}", "categories": ["drama" if n % 2 else "comedy"]} for n in range(12)]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project.create(tmp_path / "shop")
    yield made
    made.close()


@pytest.fixture
def app(project: Project) -> FastAPI:
    return create_app(project)


@pytest.fixture
def open_client() -> Iterator[OpenClient]:
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(closing(Client(*args, **options)))


@pytest.fixture
def client(app: FastAPI, open_client: OpenClient) -> Client:
    return open_client(app)


@pytest.fixture
def shop(client: Client) -> Client:
    """A client of a shop with films and some events."""
    assert client.post("/v1/items", FILMS).status_code == 200
    events = [{"user_id": f"user-{u}", "item_id": f"film-{n}", "timestamp": 1_700_000_000 + u} for u in range(6) for n in range(6 - u)]
    assert client.post("/v1/events", events).json() == {"stored": 21, "duplicates": 0}
    return client
