"""The pages of docs/ that are made from the code: written, or with `--check` compared with what is there."""

import argparse
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import typer
from pydantic import BaseModel

from penchant.cli import build_app
from penchant.core import errors
from penchant.data.options import ReadOptions
from penchant.data.public_sets import PUBLIC_SETS
from penchant.metrics import LOWER_IS_BETTER, METRICS
from penchant.models import MODELS
from penchant.scenarios.config import default_toml
from penchant.scenarios.kinds import KINDS
from penchant.scenarios.scenario import Scenario
from penchant.scenarios.templates import TEMPLATES
from penchant.serving.openapi import document
from penchant.serving.routes import ENDPOINTS

FOLDER = Path(__file__).resolve().parent.parent / "docs"
COMMAND = "python scripts/reference.py"
NOTE = f"<!-- Made by `{COMMAND}`; change the code, not this page. -->"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell(value) for value in line) + " |" for line in lines)


def cell(value: object) -> str:
    """One cell: no line ends, no bars that would end it."""
    return " ".join(str(value).split()).replace("|", "\\|").replace("<", "&lt;")


def shown(value: object) -> str:
    """A default as a reader writes it."""
    if value is None:
        return "not set"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`" if str(value) else '`""`'


# ---- commands


def commands() -> str:
    """Every command with its help and its options."""
    parts = [
        "# Commands",
        NOTE,
        "Exit code 0 = done, 2 = the caller's mistake, 1 = ours. Results go to standard output, the rest to standard error.",
    ]
    for path, command in walk(typer.main.get_command(build_app()), ("penchant",)):
        parts += [f"## `{' '.join(path)}`", prose(command.help or "")]
        if rows := list(parameters(command)):
            parts.append(table(("option", "default", "meaning"), rows))
    return page(parts)


def walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The leaves of the tree of commands. `Any`: typer carries its own copy of click's classes."""
    nested = getattr(command, "commands", None)
    if nested is None:
        yield path, command
        return
    for name, each in nested.items():
        yield from walk(each, (*path, name))


def parameters(command: Any) -> Iterator[tuple[str, str, str]]:
    """Name, default and help of everything a command takes. `Any`: see `walk`."""
    for each in command.params:
        argument = each.param_type_name == "argument"
        name = each.metavar or (each.name or "").upper() if argument else ", ".join([*each.opts, *each.secondary_opts])
        default = "required" if each.required else "" if each.default in (None, (), False) else shown(each.default)
        yield f"`{name}`", default, getattr(each, "help", None) or ""


def prose(text: str) -> str:
    """A help text: its example becomes a block of code."""
    text = inspect.cleandoc(text).replace("\f", "")
    return re.sub(r"^Example: (.*)$", r"```sh\n\1\n```", text, flags=re.MULTILINE)


# ---- configuration


def configuration() -> str:
    """penchant.toml, what each key means, and the options of reading."""
    scenario = [(f"`{name}`", field.description or "") for name, field in Scenario.model_fields.items()]
    kinds = [(f"`{name}`", kind.what, f"`{kind.needs}`" if kind.needs else "nothing") for name, kind in KINDS.items()]
    return page(
        [
            "# Configuration",
            NOTE,
            f"Templates for `penchant init --template`: {', '.join(f'`{name}`' for name in TEMPLATES)}.",
            "## Environment",
            "`PENCHANT_KEY`: the key that every HTTP request must show. Needed as soon as `penchant serve` listens on more than loopback.",
            "## A place: `[scenarios.NAME]`",
            table(("key", "meaning"), scenario),
            "## Kinds of places",
            table(("kind", "recommends", "a request must give"), kinds),
            "## Reading files",
            "`penchant import` and `penchant evaluate` detect all of this; a flag wins. Library: `penchant.data.options.ReadOptions`.",
            settings(ReadOptions, flag_helps("import")),
            "## A fresh `penchant.toml`",
            f"```toml\n{default_toml().rstrip()}\n```",
        ]
    )


def flag_helps(name: str) -> Mapping[str, str]:
    """The helps of a command's flags by the names of their parameters."""
    found = {path[-1]: command for path, command in walk(typer.main.get_command(build_app()), ("penchant",))}
    return {each.name: each.help for each in found[name].params if getattr(each, "help", None)}


def settings(kind: type[BaseModel], helps: Mapping[str, str] = MappingProxyType({})) -> str:
    """A table of the fields of a settings class, explained by `helps`, else by the comments beside them."""
    remarks = {**comments(kind), **helps}
    rows = [
        (f"`{name}`", shown(field.get_default(call_default_factory=True)), field.description or remarks.get(name, ""))
        for name, field in kind.model_fields.items()
    ]
    return table(("setting", "default", "meaning"), rows)


def comments(kind: type[BaseModel]) -> Mapping[str, str]:
    """The comment at the end of each field's line, a subclass's before its parents'."""
    found: dict[str, str] = {}
    for each in kind.__mro__:
        if issubclass(each, BaseModel) and each.__module__.startswith("penchant."):
            for name, text in re.findall(r"^    (\w+): [^#\n]*#\s*(.*)$", inspect.getsource(each), flags=re.MULTILINE):
                found.setdefault(name, text)
    return found


# ---- HTTP


def http() -> str:
    """Every route of the API, from the same table that its OpenAPI document is made of."""
    made = document(ENDPOINTS)
    routes = [route for methods in made["paths"].values() for route in methods.values()]
    usual = statuses(max(routes, key=lambda route: sum(statuses(route) == statuses(each) for each in routes)))
    parts = [
        "# HTTP API",
        NOTE,
        "A running server shows the same at `/docs`, and the machine-readable form at `/openapi.json`. "
        'Every error has one shape: `{"error": {"code", "message", "field"}}`.',
    ]
    for path, methods in made["paths"].items():
        for method, route in methods.items():
            parts.append(f"## `{method.upper()} {path}`")
            parts.append(f"{route.get('summary', '')}.")
            parts += fields_of(route, made)
            if statuses(route) != usual:
                parts.append(f"Statuses: {statuses(route)}.")
    return page([*parts[:3], f"Where a route does not say otherwise it answers with one of the statuses {usual}.", *parts[3:]])


def statuses(route: Mapping[str, Any]) -> str:
    """The statuses of a route in order. `Any`: JSON."""
    return ", ".join(sorted(route["responses"]))


def meaning(field: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """What a field means, and its bounds. `Any`: JSON."""
    kinds = [schema, *schema.get("anyOf", ())]
    low = next((kind["minimum"] for kind in kinds if "minimum" in kind), None)
    high = next((kind["maximum"] for kind in kinds if "maximum" in kind), None)
    bounds = f"from {low} to {high}" if low is not None and high is not None else ""
    return "; ".join(part for part in (field.get("description") or schema.get("description", ""), bounds) if part)


def fields_of(route: Mapping[str, Any], made: Mapping[str, Any]) -> Iterator[str]:
    """Tables of a route's parameters and of its body. `Any`: JSON."""
    if given := route.get("parameters"):
        rows = [(f"`{each['name']}`", each["in"], meaning(each, each["schema"])) for each in given]
        yield table(("parameter", "in", "meaning"), rows)
    body = route.get("requestBody", {}).get("content", {})
    names = sorted({name for content in body.values() for name in re.findall(r"#/components/schemas/(\w+)", str(content))})
    for name in names:
        schema = made["components"]["schemas"][name]
        required = schema.get("required", ())
        rows = [
            (f"`{field}`", "required" if field in required else "", meaning(each, each))
            for field, each in schema.get("properties", {}).items()
        ]
        yield f"Body: `{name}`. {(schema.get('description') or '').splitlines()[0] if schema.get('description') else ''}"
        yield table(("field", "", "meaning"), rows)


# ---- catalogues


def models() -> str:
    """Every model: what it does, where it comes from, its settings."""
    parts = ["# Models", NOTE, "The names below are those of `--models`, of `penchant.toml` and of `penchant models settings`."]
    for name in MODELS:
        kind = MODELS.load(name)
        parts += [f"## {name}", f"`penchant.models.{kind.__name__}`", paragraphs(kind), settings(kind.Config)]
    return page(parts)


def metrics() -> str:
    """Every metric: what it says, its formula, its source."""
    parts = ["# Metrics", NOTE, "Each is computed over the whole catalogue: no sampled negatives. `@10` means: in the first ten places."]
    for name in METRICS:
        better = "Lower is better." if name in LOWER_IS_BETTER else "Higher is better."
        parts += [f"## {name}", paragraphs(METRICS.load(name)), better]
    return page(parts)


def paragraphs(thing: object) -> str:
    """A docstring as Markdown; Reference, Differs, Cost and Source begin paragraphs of their own."""
    parts = inspect.cleandoc(thing.__doc__ or "").split("`")  # every other one is code, which shows as it stands
    parts[::2] = [part.replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_") for part in parts[::2]]
    text = "`".join(parts)
    text = re.sub(r"^(Reference|Differs|Cost|Source):", r"\n**\1:**", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text).replace(" [B].", " One value a request.")


def error_tree() -> str:
    """The tree of errors as its module draws it."""
    described = [
        (f"`{name}`", (kind.__doc__ or "").splitlines()[0])
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.PenchantError)
    ]
    tree = inspect.cleandoc(errors.__doc__ or "")
    return page(["# Errors", NOTE, f"```text\n{tree}\n```", table(("error", "means"), described)])


def data_sets() -> str:
    """The public data sets by name."""
    rows = [(f"`{each.name}`", each.title, each.what, each.use, each.licence, f"[home]({each.home})") for each in PUBLIC_SETS.values()]
    return page(
        [
            "# Public data sets",
            NOTE,
            "`penchant datasets get NAME` fetches one and checks its digest; with `--from FOLDER` nothing is downloaded.",
            table(("name", "title", "what", "use", "licence", "home"), rows),
        ]
    )


def papers() -> str:
    """Where every model and metric comes from, as its docstring says."""
    listed = [(f"[{name}](reference/models.md#{name})", source(MODELS.load(name), "Reference")) for name in MODELS]
    measured = [(f"[{name}](reference/metrics.md#{name})", source(METRICS.load(name), "Source")) for name in METRICS]
    return page(
        [
            "# Papers",
            NOTE,
            "The publications that the models and metrics follow. A deviation is explained on the [page of models](reference/models.md).",
            "## Models",
            table(("model", "source"), listed),
            "## Metrics",
            table(("metric", "source"), measured),
        ]
    )


def source(thing: object, label: str) -> str:
    """The paragraph of a docstring that begins with `label`, arXiv ids as links."""
    found = re.search(rf"^{label}: (.*?)(?=^(?:Differs|Cost):|\Z)", inspect.cleandoc(thing.__doc__ or ""), re.MULTILINE | re.DOTALL)
    text = found.group(1).strip() if found else ""
    return re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", text)


PAGES: Mapping[str, Callable[[], str]] = {
    "reference/commands.md": commands,
    "reference/configuration.md": configuration,
    "reference/http.md": http,
    "reference/models.md": models,
    "reference/metrics.md": metrics,
    "reference/errors.md": error_tree,
    "reference/data-sets.md": data_sets,
    "papers.md": papers,
}


def page(parts: Iterable[str]) -> str:
    """Parts with an empty line between them."""
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"


def main() -> int:
    """Write the pages, or say which are stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a page differs from the code")
    only_check = parser.parse_args().check
    stale = []
    for name, make in PAGES.items():
        path, text = FOLDER / name, make()
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not only_check:
            path.write_text(text, encoding="utf-8")
    if only_check:
        for name in stale:
            print(f"docs/{name} differs from the code; run: {COMMAND}", file=sys.stderr)
    return 1 if only_check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
