import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from penchant.core.clock import SECOND
from penchant.core.protocols import ArtifactStore
from penchant.stores import STORES, Store, open_store
from penchant.stores.files import FileArtifactStore

BORN = 1_795_000_000 * SECOND


def url_of(scheme: str, folder: Path) -> str:
    """SQLite needs nothing; any other store is tested where its variable names an empty database."""
    if scheme == "sqlite":
        return f"sqlite:///{folder}/store.db"
    variable = f"PENCHANT_{scheme.upper()}_URL"
    if variable not in os.environ:
        pytest.skip(f"{variable} is not set")
    return os.environ[variable]


@pytest.fixture(params=list(STORES))
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return url_of(request.param, tmp_path)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    ticks = count(BORN)
    store = open_store(url, clock=lambda: next(ticks))
    yield store
    store.close()


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    return FileArtifactStore(tmp_path / "models", clock=lambda: BORN)
