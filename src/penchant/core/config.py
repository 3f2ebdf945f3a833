"""The base of every settings class, and one way to report what is wrong with settings.

A config is frozen, typed, and refuses names it does not know; its errors name the nearest valid one.
"""

import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from penchant.core.errors import ConfigError, did_you_mean


class Config(BaseModel):
    """Frozen settings; unknown names are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


C = TypeVar("C", bound=BaseModel)


def parse(kind: type[C], values: Mapping[str, Any], where: str) -> C:
    """`values` as a `kind`, or one ConfigError that lists every problem as `where.key: what; received: value`.

    `Any`: values come from a file or a caller and are exactly what this function checks.
    """
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        raise ConfigError(problems(error, kind, where)) from None


def problems(error: ValidationError, kind: type[BaseModel], where: str) -> list[str]:
    """One line a problem, in the order of the settings."""
    lines = []
    for problem in error.errors():
        path = ".".join([where, *(str(part) for part in problem["loc"])]) if where else ".".join(map(str, problem["loc"]))
        if problem["type"] == "extra_forbidden":
            known = _fields_at(kind, problem["loc"][:-1])
            lines.append(f"{path}: no such setting{did_you_mean(str(problem['loc'][-1]), known)}")
        elif problem["type"] == "missing":
            lines.append(f"{path}: is required")
        else:
            lines.append(f"{path}: {problem['msg'].removeprefix('Value error, ')}; received: {problem['input']!r}")
    return lines


def _fields_at(kind: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """The field names of the settings class that lies at `path` below `kind`."""
    for part in path:
        field = kind.model_fields.get(str(part))
        nested = [kind] if field is None else _models_in(field.annotation)
        if not nested:
            return []
        kind = nested[0]
    return list(kind.model_fields)


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in typing.get_args(annotation) for model in _models_in(argument)]
