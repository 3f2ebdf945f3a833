import subprocess
import sys
from pathlib import Path

import pytest

from penchant.core import memory
from penchant.core.memory import free_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's files")

ROOM = 2**30


def test_there_is_some() -> None:
    room = free_memory()
    assert room is not None
    assert room > 0


def test_a_limit_of_the_process_counts() -> None:
    code = (
        "import resource; from penchant.core.memory import free_memory, _kibibytes; from pathlib import Path\n"
        "used = _kibibytes(Path('/proc/self/status'), 'VmSize')\n"
        f"resource.setrlimit(resource.RLIMIT_AS, (used + {ROOM}, used + {ROOM}))\n"
        "print(free_memory())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 < int(run.stdout) <= ROOM


def test_what_is_left_is_limit_minus_use(tmp_path: Path) -> None:
    limit, used = tmp_path / "memory.max", tmp_path / "memory.current"
    limit.write_text("1000\n")
    used.write_text("300\n")
    assert list(memory._left(limit, used)) == [700]
    limit.write_text("max\n")
    assert list(memory._left(limit, used)) == []


def test_ease_says_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    from penchant.core.errors import DataError
    from penchant.models import EASE
    from penchant.testing.data import everyday

    monkeypatch.setattr("penchant.models.ease.free_memory", lambda: 2_400)
    with pytest.raises(DataError, match=r"set max_items, e\.g\. 10,"):
        EASE().fit(everyday())
    assert EASE(max_items=10).fit(everyday()).n_items > 10
