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


def group(folder: Path, names: tuple[str, str], limit: str, used: int, stat: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in (*zip(names, (limit, used), strict=True), ("memory.stat", stat)):
        (folder / name).write_text(f"{value}\n")


V2, V1 = ("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")


def test_of_a_group_is_left_its_limit_less_its_use_without_pages_of_files(tmp_path: Path) -> None:
    group(tmp_path / "a", V2, "1000", 900, "anon 300\nfile 600\nactive_file 250\ninactive_file 350\nshmem 0")
    assert list(memory._groups(tmp_path, "/a", V2)) == [700]
    group(tmp_path / "a", V2, "max", 900, "active_file 250")
    assert list(memory._groups(tmp_path, "/a", V2)) == []


def test_groups_of_the_first_version_count_those_below_apart(tmp_path: Path) -> None:
    stat = "cache 0\nactive_file 0\ninactive_file 0\ntotal_cache 600\ntotal_active_file 250\ntotal_inactive_file 350"
    group(tmp_path, V1, "1000", 900, stat)
    assert list(memory._groups(tmp_path, "/docker/not-seen-from-inside", V1)) == [700]


def test_the_groups_around_a_group_count(tmp_path: Path) -> None:
    for folder, limit in ((tmp_path, "5000"), (tmp_path / "slice", "400"), (tmp_path / "slice/service", "1000")):
        group(folder, V2, limit, 100, "active_file 0\ninactive_file 0")
    assert list(memory._groups(tmp_path, "/slice/service", V2)) == [900, 300, 4900]


def test_ease_says_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    from penchant.core.errors import DataError
    from penchant.models import EASE
    from penchant.testing.data import everyday

    monkeypatch.setattr("penchant.models.ease.free_memory", lambda: 2_400)
    with pytest.raises(DataError, match=r"set max_items, e\.g\. 10,"):
        EASE().fit(everyday())
    assert EASE(max_items=10).fit(everyday()).n_items > 10
