"""`penchant recommend`, `similar`, `search` and `explain`: the answers that the server gives, on the command line."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from penchant.scenarios.answer import Recommendation
    from penchant.scenarios.engine import Engine, Request

Directory = Annotated[Path, typer.Option("--dir", help="The project's folder.")]
Scenario = Annotated[str, typer.Option(help="A place of penchant.toml, by name or kind: the first of that kind.")]
User = Annotated[str | None, typer.Option(help="A user id; without one the answer is for a new visitor.")]
Seeds = Annotated[
    list[str] | None,
    typer.Option("--seed-item", help="An item that the request is about, or one of a list to put in order; may be repeated."),
]
Number = Annotated[int | None, typer.Option("--n", "-n", help="How many items; default: as the place says.")]
Why = Annotated[bool, typer.Option("--explain", help="Measure which past events moved each item.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
FOR_YOU = "for-you"  # every template has a place of this kind, whatever its name


def register(app: typer.Typer) -> None:
    """Add `recommend`, `similar`, `search` and `explain`."""
    for command in (recommend, similar, search, explain):
        app.command()(command)


def recommend(
    directory: Directory = Path(),
    scenario: Scenario = FOR_YOU,
    user: User = None,
    seed_item: Seeds = None,
    n: Number = None,
    explain: Why = False,
    as_json: AsJson = False,
) -> None:
    """Recommend items for one place of the product.

    Example: penchant recommend --dir shop --scenario home --user 42 -n 5
    """
    with _Opened(directory) as engine:
        request = _request(engine, scenario, user, tuple(seed_item or ()))
        _show(engine, _with(request, n=n, explain=explain), as_json=as_json)


def similar(
    item: Annotated[list[str], typer.Argument(help="One item, or several such as a cart.")],
    directory: Directory = Path(),
    user: User = None,
    n: Number = None,
    explain: Why = False,
    as_json: AsJson = False,
) -> None:
    """Find items that go with others.

    Example: penchant similar --dir shop 1197 -n 5
    """
    with _Opened(directory) as engine:
        _show(engine, _with(_request(engine, "similar", user, tuple(item)), n=n, explain=explain), as_json=as_json)


def search(
    query: Annotated[str, typer.Argument(help="Words, in any language.")],
    directory: Directory = Path(),
    user: User = None,
    n: Number = None,
    explain: Why = False,
    as_json: AsJson = False,
) -> None:
    """Search the catalogue, the order moved a little by the user's taste.

    Example: penchant search --dir shop "red shoes" --user 42
    """
    with _Opened(directory) as engine:
        _show(engine, _with(_request(engine, "search", user, ()), text=query, n=n, explain=explain), as_json=as_json)


def explain(
    item: Annotated[str, typer.Argument(help="The item to ask about, recommended or not.")],
    directory: Directory = Path(),
    scenario: Scenario = FOR_YOU,
    user: User = None,
    seed_item: Seeds = None,
    n: Number = None,
    as_json: AsJson = False,
) -> None:
    """Say why an item is recommended, or why it is not, and what became of the candidates on the way.

    Example: penchant explain --dir shop --scenario home --user 42 1197
    """
    with _Opened(directory) as engine:
        answer = engine.recommend(_with(_request(engine, scenario, user, tuple(seed_item or ())), n=n))
        why = engine.explain(answer.recommendation_id, item)
    if as_json:
        typer.echo(json.dumps(why.as_json(), ensure_ascii=False))
        return
    typer.echo(f"{printable(item)}: {why.verdict}")
    for reason in why.reasons:
        typer.echo(f"  {reason.weight:+.4g}  {printable(reason.text)}")
    typer.echo("\nstage     component              in   kept  removed        ms  why")
    for step in why.trace.steps:
        counts = f"{step.entered:>6} {step.kept:>6} {step.removed:>8} {step.milliseconds:>9.2f}"
        typer.echo(f"{step.stage:<9} {printable(step.component):<17} {counts}  {printable(step.why)}".rstrip())


def printable(text: str) -> str:
    """`text` with control characters shown as escapes, so that a title cannot steer the terminal."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


class _Opened:
    """An engine over the project in a folder, closed at the end."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __enter__(self) -> "Engine":
        from penchant.scenarios import Engine, Project

        self._project = Project.open(self._directory)
        return Engine(self._project)

    def __exit__(self, *_: object) -> None:
        self._project.close()


def _request(engine: "Engine", scenario: str, user: str | None, items: tuple[str, ...]) -> "Request":
    """A request about `items`, which for a scenario that ranks are the list to put in order."""
    from penchant.scenarios import Request

    place = engine.scenarios.get(scenario)
    if (place.kind if place is not None else scenario) == "rank":
        return Request(scenario, user_id=user, items=items)
    return Request(scenario, user_id=user, seed_items=items)


def _with(request: "Request", **changes: Any) -> "Request":
    """The request with further fields, of any type."""
    from dataclasses import replace

    return replace(request, **changes)


def _show(engine: "Engine", request: "Request", *, as_json: bool) -> None:
    """The items on standard output, what there is to say about them on standard error."""
    answer = engine.recommend(request)
    if as_json:
        typer.echo(json.dumps(answer.as_json(), ensure_ascii=False))
        return
    typer.echo(_headline(answer), err=True)
    width = max((len(item.item_id) for item in answer.items), default=0)
    for place, item in enumerate(answer.items, start=1):
        score = "·" if item.score is None else f"{item.score:.4g}"
        title = printable(str(item.properties.get("title") or ""))
        typer.echo(f"{place:>3}  {printable(item.item_id):<{width}}  {score:>9}  {title}".rstrip())
        for reason in item.reasons:
            typer.echo(f"{'':>3}  {'':<{width}}  {reason.weight:>+9.3g}  {printable(reason.text)}")


def _headline(answer: "Recommendation") -> str:
    source = (answer.model_version or "no trained model") if answer.items else "no items"
    why = f"  ·  fallback: {answer.fallback_reason}" if answer.fallback_reason else ""
    unknown = f"  ·  unknown: {printable(', '.join(answer.unknown_items))}" if answer.unknown_items else ""
    return f"{answer.scenario}  ·  {source}  ·  {answer.took_ms:.1f} ms{why}{unknown}"
