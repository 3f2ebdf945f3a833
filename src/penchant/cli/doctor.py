"""`penchant doctor`: this machine, and what a data set of a given size would need on it."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from penchant.core.errors import ConfigError


def register(app: typer.Typer) -> None:
    """Add `doctor`."""
    app.command()(doctor)


def doctor(
    directory: Annotated[Path, typer.Option("--dir", help="Where the project is or will be.")] = Path(),
    users: Annotated[int | None, typer.Option(min=1, help="Predict for this many users …")] = None,
    items: Annotated[int | None, typer.Option(min=1, help="… this many items …")] = None,
    events: Annotated[int | None, typer.Option(min=1, help="… and this many events.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Check this machine; with three sizes, predict memory, disk and minutes before anything is loaded.

    Example: penchant doctor --users 6040 --items 3706 --events 1000209
    """
    given = [size is not None for size in (users, items, events)]
    if any(given) and not all(given):
        raise ConfigError("doctor: a prediction needs all three of --users, --items and --events")
    from penchant.jobs.doctor import report

    found = report(directory, users=users, items=items, events=events)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        _show(found)


def _show(found: dict[str, Any]) -> None:
    """The report as tables. `Any`: JSON."""
    from rich.console import Console
    from rich.table import Table

    from penchant.jobs.doctor import in_bytes, in_time

    console = Console()
    checks = Table("", "check", "found", "remark", box=None)
    for check in found["checks"]:
        checks.add_row("[green]ok[/]" if check["fine"] else "[red]!![/]", check["name"], check["value"], check["advice"])
    console.print(checks)
    if "predictions" not in found:
        return
    sizes = found["sizes"]
    table = Table(
        "job", "memory", "disk", "time", "reckoned from", title="{users:,} users × {items:,} items × {events:,} events".format(**sizes)
    )
    for each in found["predictions"]:
        tight = found["available_memory"] is not None and each["memory_bytes"] > found["available_memory"]
        memory = f"[red]{in_bytes(each['memory_bytes'])}: too much[/]" if tight else in_bytes(each["memory_bytes"])
        table.add_row(each["job"], memory, in_bytes(each["disk_bytes"]), in_time(each["minutes"]), each["formula"])
    console.print(table)
