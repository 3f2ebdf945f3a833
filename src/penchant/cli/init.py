"""`penchant init`: a new project folder."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add `init`."""
    app.command()(init)


def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make.")],
    template: Annotated[str, typer.Option(help="A ready set of places: default, shop, social, media, news.")] = "default",
) -> None:
    """Make a project: its commented settings in penchant.toml and an empty store. Prints the path of the settings.

    Example: penchant init --template shop shop
    """
    from penchant.scenarios.project import CONFIG_FILE, Project

    Project.create(directory, template).close()
    typer.echo(directory / CONFIG_FILE)
    typer.echo(f"next: penchant import --dir {directory} --events FILE", err=True)
