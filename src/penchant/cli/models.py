"""`penchant models`: what was trained, what is live, and how to change that."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from penchant.scenarios.project import Project

Directory = Annotated[Path, typer.Option("--dir", help="The project's folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
SHOWN = ("n_users", "n_items", "n_events", "seconds")  # of a version's facts, in a comparison


def register(app: typer.Typer) -> None:
    """Add `models` with its subcommands."""
    group = typer.Typer(no_args_is_help=True, help="List, publish, roll back, compare and export trained models; list settings.")
    group.command("list")(list_)
    for command in (publish, rollback, compare, export, settings):
        group.command()(command)
    app.add_typer(group, name="models")


def list_(directory: Directory = Path(), as_json: AsJson = False) -> None:
    """List all saved versions, oldest first; a star marks what is live.

    Example: penchant models list --dir shop
    """
    from penchant.scenarios.project import Project

    with Project.open(directory) as project:
        rows = [_row(project, version) for version in project.artifacts.versions()]
    if as_json:
        typer.echo(json.dumps({"models": rows}, ensure_ascii=False))
        return
    for row in rows:
        facts = row["facts"]
        size = f"{facts['n_events']:>11,} events {facts['seconds']:>9,.1f} s" if {"n_events", "seconds"} <= facts.keys() else ""
        typer.echo(f"{'*' if row['live'] else ' '} {row['version']:<44} {row['model']:<10} {size}{row['problem']}".rstrip())
    if not rows:
        typer.echo("no model is trained yet; run `penchant train`", err=True)


def publish(
    version: Annotated[str, typer.Argument(help="NAME/VERSION, as `penchant models list` shows it.")], directory: Directory = Path()
) -> None:
    """Make a version live, if it answers sensibly. A running server takes it up within seconds.

    Example: penchant models publish --dir shop sasrec/20261121T040501.123-5f0c9a1b
    """
    from penchant.jobs.publish import publish as run
    from penchant.scenarios.project import Project

    with Project.open(directory) as project:
        run(project, version)
    typer.echo(f"live: {version}")


def rollback(name: Annotated[str, typer.Argument(help="A model of penchant.toml.")], directory: Directory = Path()) -> None:
    """Make the version that was live before live again.

    Example: penchant models rollback --dir shop sasrec
    """
    from penchant.jobs.publish import rollback as run
    from penchant.scenarios.project import Project

    with Project.open(directory) as project:
        typer.echo(f"live: {run(project, name)}")


def compare(
    first: Annotated[str, typer.Argument(help="NAME/VERSION, or NAME for its live version.")],
    second: Annotated[str, typer.Argument(help="The other one.")],
    directory: Directory = Path(),
    as_json: AsJson = False,
) -> None:
    """Show what differs between two versions, and how far their answers to the same users agree.

    Example: penchant models compare --dir shop sasrec item-knn
    """
    from penchant.jobs.publish import compare as run
    from penchant.scenarios.project import Project

    with Project.open(directory) as project:
        found = run(project, first, second)
    if as_json:
        typer.echo(json.dumps(found.as_json(), ensure_ascii=False))
        return
    one, two = found.first, found.second
    rows = [("version", one["version"], two["version"]), ("model", one["model"], two["model"])]
    rows += [(name, one["facts"].get(name, ""), two["facts"].get(name, "")) for name in SHOWN]
    rows += [(name, one["metrics"].get(name, ""), two["metrics"].get(name, "")) for name in sorted({**one["metrics"], **two["metrics"]})]
    for name, left, right in rows:
        typer.echo(f"{name:<12} {left!s:<46} {right!s}")
    typer.echo(f"of the first ten items for {found.n_users} users they share {found.overlap:.0%}")


def export(
    version: Annotated[str, typer.Argument(help="NAME/VERSION, or NAME for its live version.")],
    directory: Directory = Path(),
    int8: Annotated[bool, typer.Option("--int8", help="Numbers in one byte: a quarter of the memory, answers nearly the same.")] = False,
    publish: Annotated[bool, typer.Option("--publish/--no-publish", help="Make it live, if it answers sensibly.")] = False,
) -> None:
    """Save a new version of a sequence model, or of a blend with one, that answers without torch.

    Example: penchant models export --dir shop sasrec --publish
    """
    from penchant.jobs.export import export as run
    from penchant.scenarios.project import Project

    with Project.open(directory) as project:
        fresh, problem = run(project, version, int8=int8, publish=publish)
    typer.echo(f"{fresh}  {'live' if not problem else f'saved, not live: {problem}'}")
    if publish and problem:
        raise typer.Exit(1)


def settings(model: Annotated[str, typer.Argument(help="A class of models, such as item-knn.")]) -> None:
    """List the settings that a model's table in penchant.toml may hold, with their defaults.

    Example: penchant models settings item-knn
    """
    from penchant.models import MODELS

    kind = MODELS.load(model)
    typer.echo(f"# {(kind.__doc__ or '').splitlines()[0]}\n[models.{model}]")
    typer.echo(f'model = "{model}"')
    for name, value in kind.Config().model_dump(mode="json").items():
        typer.echo(f"# {name} is not set" if value is None else f"{name} = {json.dumps(value)}")


def _row(project: "Project", version: str) -> dict[str, Any]:
    """One version as plain values. `Any`: JSON."""
    from penchant.core.artifact import read_manifest
    from penchant.core.errors import ArtifactError
    from penchant.scenarios.project import MODELS_FOLDER

    row: dict[str, Any] = {"version": version, "model": "?", "live": False, "metrics": {}, "facts": {}, "problem": ""}
    try:
        row["live"] = project.artifacts.live(version.partition("/")[0]) == version
        manifest = read_manifest(project.dir / MODELS_FOLDER / version)
    except ArtifactError as error:
        return {**row, "problem": f"cannot be read: {error}"}
    return {**row, "model": manifest["model"], "metrics": manifest["metrics"], "facts": manifest["facts"]}
