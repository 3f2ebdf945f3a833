"""`penchant train`: fit the models of `penchant.toml` on everything that the project holds."""

import json
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add `train`."""
    app.command()(train)


def train(
    name: Annotated[str | None, typer.Argument(help="One model of penchant.toml; default: all of them.")] = None,
    directory: Annotated[Path, typer.Option("--dir", help="The project's folder.")] = Path(),
    publish: Annotated[bool, typer.Option("--publish/--no-publish", help="Make what was trained live, if it answers sensibly.")] = True,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Train models, save them, and publish those that answer sensibly. Ctrl-C keeps what was finished.

    Example: penchant train --dir shop
    """
    from penchant.core.processes import processes
    from penchant.jobs.train import train as run
    from penchant.scenarios.project import Project

    with Project.open(directory) as project:
        trained = run(project, name, quiet=quiet, publish=publish)
    if as_json and processes().first:
        typer.echo(json.dumps({"trained": [each.as_json() for each in trained]}))
    for each in () if as_json else trained:
        state = "live" if each.published else f"saved, not live: {each.problem}"
        typer.echo(f"{each.name:<16} {each.seconds:>9,.1f} s  {each.version}  {state}")
    if publish and not all(each.published for each in trained):
        raise typer.Exit(1)
