"""`penchant.toml`: read with every problem reported at once, and written with every default shown and explained."""

import json
import textwrap
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from penchant.core.config import Config, problems
from penchant.core.errors import ConfigError, did_you_mean
from penchant.models import MODELS
from penchant.scenarios.kinds import GIVEN, KINDS, WORDS
from penchant.scenarios.scenario import Name, Scenario, with_defaults
from penchant.scenarios.templates import DEFAULT, TEMPLATES, models_of, scenarios_of

# Values of a TOML file are of any type until they are checked, hence `Any` throughout this module.


class ProjectTable(Config):
    """What the project is called and where its data is."""

    name: str = Field(default="penchant", description="what the project is called")
    database: str = Field(
        default="sqlite:///penchant.db", description="where events and catalogue are; a relative path starts at this folder"
    )


class ModelTable(BaseModel):
    """A model to train: its class, and any settings of that class (`penchant models settings` lists them)."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    model: str = Field(description="the class of the model")

    @property
    def settings(self) -> dict[str, Any]:
        """The settings for the model's class."""
        return dict(self.model_extra or {})


class ProjectConfig(Config):
    """All of `penchant.toml`."""

    project: ProjectTable = ProjectTable()
    models: dict[Name, ModelTable]
    scenarios: dict[Name, Scenario]

    @classmethod
    def of_template(cls, template: str = DEFAULT) -> "ProjectConfig":
        """The settings that a new project starts with. Raises ConfigError for an unknown template."""
        _check_template(template)
        return check({"models": models_of(template), "scenarios": scenarios_of(template)}, "")


def read_config(path: Path) -> ProjectConfig:
    """The settings in the file `path`. Raises ConfigError listing every problem, each with the name of its key."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}; save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    return check(values, str(path))


def check(values: Mapping[str, Any], where: str) -> ProjectConfig:
    """`values` as settings, kinds filling in what scenarios leave open. Raises ConfigError listing every problem."""
    completed = {
        **values,
        "models": _each(values.get("models"), lambda name, table: {"model": name, **table}),
        "scenarios": _each(values.get("scenarios"), lambda _, table: with_defaults(table)),
    }
    found: list[str] = []
    config = None
    try:
        config = ProjectConfig.model_validate(completed)
    except ValidationError as error:
        found += problems(error, ProjectConfig, "")
    found += _unknown_names(completed)
    if found or config is None:
        raise ConfigError([f"{where}: {problem}" if where else problem for problem in found])
    return config


def default_toml(template: str = DEFAULT, *, name: str | None = None) -> str:
    """The text of a new project's `penchant.toml`: every setting with its default and what it means. `name` is the project's."""
    config = ProjectConfig.of_template(template)
    project = config.project if name is None else config.project.model_copy(update={"name": name})
    lines = ["# Settings of a penchant project. What is left out has the value shown in a fresh `penchant init`.", ""]
    lines += ["[project]", *_explained(project), ""]
    lines += _comment(
        "What `penchant train` trains: one table a model. `model` names its class; any setting of that class may follow."
        f" Classes: {', '.join(MODELS)}."
    )
    for name, model in config.models.items():
        lines += ["", f"[models.{name}]", *_values({"model": model.model, **model.settings})]
    lines += ["", "# The places of the product: one table a place, each with an address of its own: /v1/recommend/NAME.", "#"]
    lines += [f"#   {name:<10} {kind.what}" for name, kind in KINDS.items()]
    lines += ["#", *(f"#   {name:<15} {text}" for name, text in _descriptions(Scenario))]
    for name, scenario in config.scenarios.items():
        lines += ["", f"[scenarios.{name}]", *_values(scenario.model_dump())]
    return "\n".join(lines) + "\n"


def _check_template(template: str) -> None:
    if template not in TEMPLATES:
        raise ConfigError(f"template: no such template {template!r}{did_you_mean(template, TEMPLATES)}")


# ---- checking


def _each(tables: Any, complete: Callable[[str, dict[str, Any]], dict[str, Any]]) -> Any:
    """Every table of `tables` completed; what is no table stays for the check to find."""
    if not isinstance(tables, dict):
        return {} if tables is None else tables
    return {name: complete(name, dict(table)) if isinstance(table, dict) else table for name, table in tables.items()}


def _unknown_names(values: Mapping[str, Any]) -> Iterator[str]:
    """Problems with names that refer to something else: kinds, classes of models, models."""
    models, scenarios = (values[key] if isinstance(values[key], dict) else {} for key in ("models", "scenarios"))
    if not scenarios:
        yield 'scenarios: there is none; add a table [scenarios.home] with kind = "for-you"'
    for name, table in models.items():
        if isinstance(table, dict) and isinstance(table.get("model"), str) and table["model"] not in MODELS:
            wrong = f"no model {table['model']!r}" if table["model"] != name else f"is missing, and {name!r} is no model"
            yield f"models.{name}.model: {wrong}{did_you_mean(table['model'], MODELS)}"
    for name, table in scenarios.items():
        if not isinstance(table, dict):
            continue
        kind = table.get("kind")
        if isinstance(kind, str) and kind not in KINDS:
            yield f"scenarios.{name}.kind: no kind {kind!r}{did_you_mean(kind, KINDS)}"
        for key, others in (("retrievers", (WORDS, GIVEN)), ("ranker", ("",)), ("fallback", (WORDS,))):
            for wanted in _strings(table.get(key)):
                if wanted not in models and wanted not in others:
                    known = [*models, *(other for other in others if other)]
                    yield f"scenarios.{name}.{key}: no model {wanted!r}{did_you_mean(wanted, known)}"


def _strings(value: Any) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return [each for each in values if isinstance(each, str)]


# ---- writing


def _explained(table: BaseModel) -> list[str]:
    texts = dict(_descriptions(type(table)))
    return [line for name, value in table.model_dump().items() for line in (f"# {texts[name]}", f"{name} = {_toml(value)}")]


def _descriptions(kind: type[BaseModel]) -> list[tuple[str, str]]:
    return [(name, field.description or "") for name, field in kind.model_fields.items()]


def _values(settings: Mapping[str, Any]) -> list[str]:
    return [f"{name} = {_toml(value)}" for name, value in settings.items()]


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, 118)]


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(each) for each in value)}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
