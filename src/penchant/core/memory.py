"""How much memory this process may still take, so that what does not fit is refused with a remedy instead of being killed."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

from penchant.core.errors import DataError

_CGROUP = Path("/sys/fs/cgroup")


def free_memory() -> int | None:
    """Bytes that this process may still take: the least of what the machine has and what limits allow; None = cannot be told.

    Limits are those of the process (`ulimit -v`, `-d`) and of its control group, as containers and services set them.
    """
    rooms = [room for room in (_machine(), *_control_groups(), *_process()) if room is not None]
    return max(0, min(rooms)) if rooms else None


def refuse_beyond(needed: int, what: str, remedy: str) -> None:
    """Raises DataError where fewer than `needed` bytes are free: `needed` must be a lower bound, so that nothing is refused that fits."""
    room = free_memory()
    if room is not None and needed > room:
        raise DataError(f"{what} need at least {needed / 2**30:.1f} GiB of memory to train, and {room / 2**30:.1f} GiB are free; {remedy}")


def _machine() -> int | None:
    return _kibibytes(Path("/proc/meminfo"), "MemAvailable")


def _control_groups() -> Iterator[int]:
    """What each group above this process leaves, version 2 and 1."""
    for line in _lines(Path("/proc/self/cgroup")):
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _groups(_CGROUP, path, ("memory.max", "memory.current"))
        elif "memory" in controllers.split(","):
            yield from _groups(_CGROUP / "memory", path, ("memory.limit_in_bytes", "memory.usage_in_bytes"))


def _groups(root: Path, path: str, names: tuple[str, str]) -> Iterator[int]:
    """Of the group at `path` and those that hold it. Inside a container `path` is often not there, but `root` is its own group."""
    own = root / path.strip("/")
    for folder in (own, *own.parents):
        if not folder.is_relative_to(root):
            break
        yield from _left(folder, *names)


def _left(folder: Path, limit: str, used: str) -> Iterator[int]:
    """Pages of files count as free: they are in use only until something else wants the memory, and reading events fills all of it."""
    values = [line.strip() for name in (limit, used) for line in _lines(folder / name)]
    if len(values) == 2 and all(value.isdigit() for value in values):
        yield int(values[0]) - int(values[1]) + _pages_of_files(folder)


def _pages_of_files(folder: Path) -> int:
    counted = dict(line.split() for line in _lines(folder / "memory.stat"))
    of_all = "total_" if "total_cache" in counted else ""  # version 1 counts the groups below apart
    return sum(int(counted.get(f"{of_all}{kind}_file", 0)) for kind in ("active", "inactive"))


def _process() -> Iterator[int]:
    """What the limits of the process leave."""
    for limit, used in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
        soft, _ = resource.getrlimit(limit)
        taken = _kibibytes(Path("/proc/self/status"), used)
        if soft != resource.RLIM_INFINITY and taken is not None:
            yield soft - taken


def _kibibytes(path: Path, name: str) -> int | None:
    for line in _lines(path):
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines() if os.access(path, os.R_OK) else []
    except OSError:
        return []  # some of these files exist but cannot be read inside a container
