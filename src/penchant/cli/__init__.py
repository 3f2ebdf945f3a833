"""The command line: one module a group of commands; each parses, calls one function, prints."""

import logging
import os
import sys
from importlib import import_module
from importlib.metadata import version
from typing import Annotated

import typer

from penchant.core.errors import ArtifactNotFound, ConfigError, DataError, MissingExtraError, PenchantError, RequestError
from penchant.core.log import logger
from penchant.core.processes import processes

# In the order of `penchant --help`. A module adds its commands in `register`.
GROUPS = ("init", "import_", "datasets", "doctor", "train", "tune", "evaluate", "recommend", "models", "serve", "demo")

# Mistakes that the caller can mend: exit code 2. Everything else that we raise on purpose is 1.
CALLERS = (ConfigError, DataError, RequestError, ArtifactNotFound, MissingExtraError, FileNotFoundError, NotADirectoryError)


def build_app() -> typer.Typer:
    """The whole command line as one typer app."""
    app = typer.Typer(
        name="penchant",
        help="A self-hosted recommender: events in, personal answers out, quality proved.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_one_process)
    for group in GROUPS:
        import_module(f"penchant.cli.{group}").register(app)
    return app


def _show_version(wanted: bool) -> None:  # noqa: FBT001  (typer calls it)
    if wanted:
        typer.echo(f"penchant {version('penchant')}")
        raise typer.Exit


def _one_process(
    context: typer.Context,
    _version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)] = False,
) -> None:
    size = processes().size
    if size > 1 and context.invoked_subcommand != "train":
        raise ConfigError(f"WORLD_SIZE: {size} processes do the same; only `penchant train` shares its work, start this without torchrun")


def main() -> None:
    """Entry point: exit code 0 = done, 2 = the caller's mistake, 1 = ours."""
    # Threads that wait must sleep, not spin: on busy cores two spinning ones train 4 k targets a second, two sleeping ones 30–65 k.
    # OpenMP reads this when torch is loaded, which no command does before it runs.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    logging.basicConfig(stream=sys.stderr, format="%(message)s")
    logger.setLevel(logging.INFO)
    try:
        build_app()()
    except PenchantError as error:
        typer.echo(f"penchant: {error}", err=True)
        sys.exit(2 if isinstance(error, CALLERS) else 1)
    except OSError as error:
        typer.echo(f"penchant: {error.strerror or error}: {error.filename or ''}".rstrip(": "), err=True)
        sys.exit(2 if isinstance(error, CALLERS) else 1)
    except MemoryError as error:
        typer.echo(f"penchant: {str(error) or 'not enough memory'}", err=True)
        sys.exit(1)
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("penchant: interrupted; what was finished is kept", err=True)
        sys.exit(130)
