"""`penchant evaluate`: how good models are on a file or a project, with a report that says so plainly."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from penchant.cli import reading
from penchant.core.errors import ConfigError

if TYPE_CHECKING:
    from penchant.data.dataset import Dataset
    from penchant.data.options import ReadOptions
    from penchant.data.split import Split
    from penchant.evaluation.protocol import Protocol

STDOUT = "-"
JSON_FILE = "evaluation.json"  # in a project's reports
HTML_FILE = "report.html"

_CUT = "Cutting (how the data is divided)"


class _JsonMayStandAlone(TyperCommand):
    """Takes `--json` with a file or alone, when it means standard output."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """What is left of the arguments. `Any`: typer does not export its context's base."""
        alone = [k for k, word in enumerate(args) if word == "--json" and (k + 1 == len(args) or args[k + 1].startswith("--"))]
        for k in reversed(alone):
            args = [*args[: k + 1], STDOUT, *args[k + 1 :]]
        return super().parse_args(ctx, args)


group = typer.Typer()


def register(app: typer.Typer) -> None:
    """Add `evaluate`."""
    app.add_typer(group)


@group.command(cls=_JsonMayStandAlone)
def evaluate(
    directory: Annotated[Path | None, typer.Option("--dir", help="A project's folder; its reports are written too.")] = None,
    events: Annotated[Path | None, typer.Option(help="What people did: a file, or the folder of a known public data set.")] = None,
    items: Annotated[Path | None, typer.Option(help="What there is.")] = None,
    users: Annotated[Path | None, typer.Option(help="Who there is.")] = None,
    protocol: Annotated[str, typer.Option(help="leave-one-out, temporal or ratio.", rich_help_panel=_CUT)] = "leave-one-out",
    test_events: Annotated[Path | None, typer.Option(help="Predict the events of this file instead.", rich_help_panel=_CUT)] = None,
    test_share: Annotated[float | None, typer.Option(help="Share of the events to predict.", rich_help_panel=_CUT)] = None,
    validation_share: Annotated[float | None, typer.Option(help="Share of the events before those.", rich_help_panel=_CUT)] = None,
    models: Annotated[
        str | None, typer.Option(help="Names, a project's own too, with commas; default: auto, its large members, all simple ones.")
    ] = None,
    setting: Annotated[list[str] | None, typer.Option("--set", help="sasrec.epochs=20; may be repeated.")] = None,
    at: Annotated[int, typer.Option(help="How many places of a list count.")] = 10,
    time_known: Annotated[bool, typer.Option("--time-known", help="A request knows its own time, as a live one does.")] = False,
    keep_seen: Annotated[bool, typer.Option("--keep-seen", help="Recommend again what somebody already met.")] = False,
    refit: Annotated[bool, typer.Option("--refit", help="Train again on everything before the test.")] = False,
    seed: Annotated[int, typer.Option(help="Of everything random: training, intervals, tests.")] = 0,
    as_json: Annotated[
        str | None, typer.Option("--json", metavar="[OUT]", help="The report as JSON; alone or - on standard output.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="The report as one HTML file.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
    user_column: reading.UserColumn = None,
    item_column: reading.ItemColumn = None,
    time_column: reading.TimeColumn = None,
    type_column: reading.TypeColumn = None,
    value_column: reading.ValueColumn = None,
    session_column: reading.SessionColumn = None,
    title_column: reading.TitleColumn = None,
    delimiter: reading.Delimiter = None,
    header: reading.Header = None,
    encoding: reading.Encoding = None,
    time_format: reading.TimeFormat = None,
    source: reading.Format = None,
) -> None:
    """Measure models on what people really did next, and say whether the large one wins.

    Works on any file without a project. Every item competes, what somebody already met is left out of their list, every number
    has an interval, and the large model is tested against the best simple one.

    Example: penchant evaluate --events clicks.csv --models popular,ease,sasrec --report report.html
    """
    flags = dict(locals())
    _check_sources(directory, events, (items, users, test_events))
    options = reading.read_options(quiet=quiet, **{name: flags[name] for name in _READING})
    found = _run(directory, (events, items, users, test_events), options, _protocol(flags), (_names(models), _settings(setting or [])))
    _deliver(found, directory, as_json, report)


Files = tuple[Path | None, Path | None, Path | None, Path | None]  # events, items, users, events to predict

_READING = (
    "user_column",
    "item_column",
    "time_column",
    "type_column",
    "value_column",
    "session_column",
    "title_column",
    "delimiter",
    "header",
    "encoding",
    "time_format",
    "source",
)


def _protocol(flags: dict[str, Any]) -> "Protocol":
    """How to judge. `Any`: parsed flags, checked by the class."""
    from penchant.core.config import parse
    from penchant.evaluation.protocol import GIVEN, PROTOCOLS, Protocol

    PROTOCOLS.check(flags["protocol"], "--protocol")
    rules = {name: flags[name] for name in ("at", "time_known", "refit", "seed")}
    rules |= {"test": flags["test_share"], "validation": flags["validation_share"], "exclude_seen": not flags["keep_seen"]}
    return parse(Protocol, rules | {"name": GIVEN if flags["test_events"] else flags["protocol"]}, "evaluate")


def _check_sources(directory: Path | None, events: Path | None, others: Sequence[Path | None]) -> None:
    if (directory is None) == (events is None):
        raise ConfigError("evaluate: name either --events FILE or --dir PROJECT, not both; see `penchant evaluate --help`")
    if directory is not None and any(other is not None for other in others):
        raise ConfigError("evaluate: --items, --users and --test-events go with --events; a project has its own catalogue")


def _names(models: str | None) -> list[str]:
    from penchant.jobs.evaluate import DEFAULT_MODELS

    return list(DEFAULT_MODELS) if models is None else [name.strip() for name in models.split(",") if name.strip()]


def _settings(given: Sequence[str]) -> dict[str, dict[str, Any]]:
    """`model.key=value` → {model: {key: value}}; a value is JSON or else text. `Any`: checked by the model's class."""
    import json

    found: dict[str, dict[str, Any]] = {}
    for each in given:
        target, equals, text = each.partition("=")
        model, dot, key = target.partition(".")
        if not (equals and dot and model and key):
            raise ConfigError(f"--set: must be MODEL.SETTING=VALUE, such as sasrec.epochs=20; received: {each!r}")
        if key == "model":
            raise ConfigError(f"--set: {each!r} would be another model; name that one with --models")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        found.setdefault(model, {})[key] = value
    return found


def _run(
    directory: Path | None,
    files: Files,
    options: "ReadOptions",
    protocol: "Protocol",
    wanted: tuple[Sequence[str], dict[str, dict[str, Any]]],
) -> dict[str, Any]:
    """The report on `wanted` models with these settings. `Any`: JSON."""
    from penchant.jobs.evaluate import check, evaluate_models
    from penchant.models.base import FitOptions

    models, given = wanted
    if directory is None:
        check(models, given)  # before anything is read
        settings, (dataset, split) = given, _of_files(files, options, protocol)
    else:
        settings, dataset, split = *_of_project(directory, models, given, quiet=options.quiet), None
    return evaluate_models(dataset, models, protocol, settings=settings, split=split, options=FitOptions(quiet=options.quiet))


def _of_project(
    directory: Path, models: Sequence[str], given: dict[str, dict[str, Any]], *, quiet: bool
) -> tuple[dict[str, dict[str, Any]], "Dataset"]:
    """How the models to be judged are set, and a project's events. `Any`: settings.

    Models go by their names in the project or, where none is called so, by their class, of which the first one's settings count.
    """
    from penchant.core.errors import DataError
    from penchant.jobs.evaluate import BASELINES, check
    from penchant.scenarios.project import Project

    with Project.open(directory) as project:
        tables = project.config.models
        configured: dict[str, dict[str, Any]] = {table.model: table.settings for table in reversed(tables.values())}
        configured |= {name: {"model": table.model, **table.settings} for name, table in tables.items()}
        asked = dict.fromkeys((*(name for name in (*models, *BASELINES) if name in configured), *given))
        settings = {name: {**configured.get(name, {}), **given.get(name, {})} for name in asked}
        check(models, settings)  # before anything is read
        dataset = project.dataset(quiet=quiet)
    if dataset.n_events == 0:
        raise DataError(f"{directory}: there are no events to evaluate on; run `penchant import` first")
    return settings, dataset


def _of_files(files: Files, options: "ReadOptions", protocol: "Protocol") -> tuple["Dataset", "Split | None"]:
    """The data set in the files and, where the test is a file of its own, the split."""
    from penchant.data.load import load_dataset
    from penchant.data.split import given

    events, items, users, test = files
    if events is None:
        raise ConfigError("evaluate: --events is required")
    dataset = load_dataset(events, items=items, users=users, options=options)
    if test is None:
        return dataset, None
    shares = {} if protocol.validation is None else {"validation": protocol.validation}
    return dataset, given(dataset, load_dataset(test, options=options), **shares)


def _deliver(found: dict[str, Any], directory: Path | None, as_json: str | None, html: Path | None) -> None:
    """Write what was asked for; the table goes to standard output unless the JSON does."""
    from penchant.evaluation.report import to_text, write_html, write_json

    if directory is not None:
        from penchant.scenarios.project import REPORTS_FOLDER

        replaced = _models_in(directory / REPORTS_FOLDER / JSON_FILE)
        if replaced:
            typer.echo(f"replaces the report on {', '.join(replaced)} in {directory / REPORTS_FOLDER}", err=True)
        write_json(found, directory / REPORTS_FOLDER / JSON_FILE)
        write_html(found, directory / REPORTS_FOLDER / HTML_FILE)
    if html is not None:
        write_html(found, html)
    if as_json == STDOUT:
        typer.echo(to_text(found))
        return
    if as_json is not None:
        write_json(found, Path(as_json))
    _show(found)
    written = [str(path) for path in (html, Path(as_json) if as_json else None) if path is not None]
    if directory is not None:
        written += [str(directory / REPORTS_FOLDER / name) for name in (JSON_FILE, HTML_FILE)]
    if written:
        typer.echo(f"written: {', '.join(written)}", err=True)


def _models_in(path: Path) -> list[str]:
    """The models that the report in this file is on; none where there is no such file, or it is no report."""
    import json

    try:
        return [str(result["model"]) for result in json.loads(path.read_text(encoding="utf-8"))["results"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _show(found: dict[str, Any]) -> None:
    """The verdict and the table of models, best first. `Any`: JSON."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from penchant.evaluation.charts import spelled

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    data, rules, metric = found["dataset"], found["protocol"], found["verdict"]["metric"]
    at = rules["at"]
    console.print(
        f"[bold]{escape(data['name'])}[/]: {data['n_users']:,} people, {data['n_items']:,} items, {data['n_events']:,} events; "
        f"{rules['requests']:,} requests, {rules['name']}"
    )
    shown = (f"hit_rate@{at}", f"recall@{at}", f"mrr@{at}", "auc", f"coverage@{at}")
    table = Table("model", *(spelled(name) for name in (metric, "95 % interval", *shown)), "training", box=None, header_style="bold")
    for column in table.columns:
        column.no_wrap, column.justify = True, "left" if column is table.columns[0] else "right"
    for result in sorted(found["results"], key=lambda result: -result["metrics"][metric]):
        low, high = result["confidence"][metric]
        rest = ["–" if (value := result["metrics"][name]) is None else f"{value:.4f}" for name in shown]
        first = (escape(result["model"]), f"{result['metrics'][metric]:.4f}", f"{low:.4f}–{high:.4f}")
        table.add_row(*first, *rest, f"{result['fit_seconds']:,.1f} s")
    console.print(table)
    for each in rules["skipped"]:
        console.print(f"[yellow]skipped[/] {escape(each['model'])}: {escape(each['reason'])}")
    if rules["cold_requests"]:
        counts = f"{rules['cold_requests']:,} of {rules['requests']:,} requests"
        console.print(f"{counts} come from people without history: a model that needs one misses them; see `buckets` in the report")
    if rules["targets_seen_before"]:
        share = 100 * rules["targets_seen_before"] / rules["targets"]
        counts = f"{rules['targets_seen_before']:,} of {rules['targets']:,} wanted items ({share:.1f} %)"
        console.print(f"{counts} were met before and count as misses; --keep-seen lets them be recommended")
    console.print(f"[bold]{escape(found['verdict']['text'])}[/]")
