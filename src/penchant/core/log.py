"""Progress and log lines, always on standard error, so that standard output stays a clean result."""

import logging
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

T = TypeVar("T")

logger = logging.getLogger("penchant")


class _RateColumn(ProgressColumn):
    """Units per second, in the unit that the task names; where what is counted is something else, as fast as it says itself."""

    def render(self, task: Task) -> Text:
        speed = task.fields.get("speed") or task.finished_speed or task.speed
        unit = task.fields.get("unit", "")
        return Text(f"{speed:,.0f} {unit}/s" if speed else "")


def error_console() -> Console:
    """A rich console bound to the standard error of this moment."""
    return Console(stderr=True)


def progress_bar(*, quiet: bool = False) -> Progress:
    """A progress display with rate and remaining time; silent where `quiet` or not a terminal."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=error_console(),
        disable=quiet or not sys.stderr.isatty(),
    )


def track(items: Iterable[T], what: str, *, total: int | None = None, quiet: bool = False) -> Iterator[T]:
    """The same items, one by one, with a progress bar called `what`."""
    with progress_bar(quiet=quiet) as bar:
        task = bar.add_task(what, total=total, unit="", note="")
        for item in items:
            yield item
            bar.advance(task)
