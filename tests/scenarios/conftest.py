from collections.abc import Iterator
from pathlib import Path

import pytest
from scenario_parts import DAY_ONE, fill, write_config

from penchant.scenarios import Project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Eight users who like even or odd items, a catalogue with titles, and models that train in no time."""
    write_config(tmp_path)
    with Project.open(tmp_path, clock=lambda: DAY_ONE) as opened:
        fill(opened)
        yield opened
