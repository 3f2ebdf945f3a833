"""`penchant tune`: search for better settings of a model."""

import json
from pathlib import Path
from typing import Annotated

import typer

group = typer.Typer()


def register(app: typer.Typer) -> None:
    """Add `tune`."""
    app.add_typer(group)


@group.command()
def tune(
    name: Annotated[str, typer.Argument(help="A model of penchant.toml, or a class of models, such as sasrec.")],
    directory: Annotated[Path, typer.Option("--dir", help="The project's folder.")] = Path(),
    minutes: Annotated[float, typer.Option(help="How long to search.", min=0.0)] = 10.0,
    trials: Annotated[int | None, typer.Option(help="At most so many trials in this call.", min=1)] = None,
    protocol: Annotated[str, typer.Option(help="How the data are cut: leave-one-out, temporal or ratio.")] = "leave-one-out",
    write: Annotated[bool, typer.Option("--write", help="Put the result into penchant.toml; comments stay.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Search for settings that do better on this project's events. Ctrl-C keeps the best; the same command goes on later.

    Example: penchant tune --dir shop sasrec --minutes 30
    """
    from penchant.core.config import parse
    from penchant.evaluation.protocol import Protocol
    from penchant.jobs.tune import Budget
    from penchant.jobs.tune import tune as run
    from penchant.jobs.tune import write as put
    from penchant.scenarios.project import Project

    with Project.open(directory) as project:
        cut = parse(Protocol, {"name": protocol}, "protocol")
        tuned = run(project, name, Budget(minutes, trials), protocol=cut, quiet=quiet)
        if write and tuned.settings:
            put(project, tuned)
    if as_json:
        typer.echo(json.dumps(tuned.as_json(), ensure_ascii=False))
        return
    typer.echo(f"# ndcg@10 on the validation: {tuned.ndcg:.4f}, before {tuned.before:.4f}; {tuned.n_trials} trials on these data")
    if not tuned.settings:
        typer.echo("# nothing better was found")
        return
    typer.echo(f'[models.{name}]\nmodel = "{tuned.model}"')
    for key, value in tuned.settings.items():
        typer.echo(f"{key} = {json.dumps(value)}")
    said = "written to penchant.toml; `penchant train` uses it" if write else "--write puts this into penchant.toml"
    typer.echo(said, err=True)
