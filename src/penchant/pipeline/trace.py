"""What happened to a request on its way: one step a component, with counts, reasons and time.

The executor writes it; components neither count nor time.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from penchant.core.types import IntArray, LongArray


@dataclass(frozen=True, slots=True)
class Step:
    """What one component did. `entered` = `kept` + `removed`, over all requests of the batch."""

    stage: str  # context, retrieve, filter, rank, rerank, answer, log
    component: str
    entered: int
    kept: int
    why: str = ""  # why candidates were removed, or what went wrong
    milliseconds: float = 0.0
    failed: bool = False  # the component raised, and the answer went on without it
    removed_rows: LongArray | None = None  # [R] which request lost …; None where none did
    removed_items: IntArray | None = None  # [R] … which item

    @property
    def removed(self) -> int:
        """How many candidates did not pass."""
        return self.entered - self.kept

    def as_json(self) -> dict[str, Any]:
        """This step as plain values. `Any`: JSON."""
        return {
            "stage": self.stage,
            "component": self.component,
            "in": self.entered,
            "kept": self.kept,
            "removed": self.removed,
            "why": self.why,
            "ms": round(self.milliseconds, 3),
            "failed": self.failed,
        }


@dataclass(frozen=True)
class Trace:
    """All steps of one call, in the order in which they ran."""

    steps: tuple[Step, ...] = ()

    @property
    def failures(self) -> tuple[Step, ...]:
        """The steps that raised; an answer with any is a degraded one."""
        return tuple(step for step in self.steps if step.failed)

    def removal(self, item: int, request: int = 0) -> Step | None:
        """The step that removed this item from this request's candidates, None where none did."""
        for step in self.steps:
            if step.removed_items is None or step.removed_rows is None:
                continue
            if np.any((step.removed_items == item) & (step.removed_rows == request)):
                return step
        return None

    def as_json(self) -> list[dict[str, Any]]:
        """All steps as plain values. `Any`: JSON."""
        return [step.as_json() for step in self.steps]
