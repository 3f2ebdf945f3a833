"""`penchant datasets`: public data sets by name."""

import json
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add `datasets list` and `datasets get`."""
    group = typer.Typer(no_args_is_help=True, help="Public data sets: what there is, and how to get them.")
    group.command("list")(list_)
    group.command("get")(get)
    app.add_typer(group, name="datasets")


def list_(as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False) -> None:
    """The known public data sets: size, use, licence, home page. Nothing is downloaded.

    Example: penchant datasets list
    """
    from dataclasses import asdict

    from penchant.data.public_sets import PUBLIC_SETS

    if as_json:
        typer.echo(json.dumps([asdict(each) for each in PUBLIC_SETS.values()], ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "what", "use", "licence", "home page", box=None, header_style="bold")
    for each in PUBLIC_SETS.values():
        table.add_row(each.name, f"{each.title}: {each.what}", each.use, each.licence, each.home)
    Console(highlight=False).print(table)


def get(
    name: Annotated[str, typer.Argument(help="As `penchant datasets list` names it.")],
    source: Annotated[
        Path | None, typer.Option("--from", help="A folder that holds the files already; then nothing is downloaded.")
    ] = None,
    into: Annotated[Path, typer.Option(help="Where the set's folder is made.")] = Path("data"),
) -> None:
    """Put the files of a public data set into a folder, digests checked, and print that folder.

    Example: penchant datasets get ml-100k --into data
    """
    from penchant.data.library import fetch, public_set

    known = public_set(name)
    typer.echo(f"{known.title}; licence: {known.licence}; home page: {known.home}", err=True)
    typer.echo(fetch(name, into, source))
