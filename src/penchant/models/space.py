"""What `penchant tune` may try for a setting. A config class lists it beside its settings, in `space`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Real:
    """A number from `low` to `high`; `log` = by its magnitude, so that 0.001 to 0.01 is as wide as 0.01 to 0.1."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Whole:
    """A whole number from `low` to `high`, both included; `log` as for `Real`."""

    low: int
    high: int
    log: bool = False


@dataclass(frozen=True)
class OneOf:
    """One of some values: numbers, texts or truth values."""

    values: tuple[Any, ...]


Knob = Real | Whole | OneOf
Space = Mapping[str, Knob]  # by the name of the setting
