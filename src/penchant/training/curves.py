"""Curves for TensorBoard: loss, gradient and learning rate by steps, validation and speed by epochs."""

import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from penchant.core.errors import how_to_install
from penchant.core.log import logger

EVERY_S = 2.0  # between two points of the steps' curves


class Curves:
    """Writes to a folder that `tensorboard --logdir` reads; without a folder nothing. Use as a context.

    A run that goes on from step `begin` writes on from there: what a killed run had written beyond it is no longer shown.
    """

    def __init__(self, folder: Path | None, begin: int = 0) -> None:
        self._folder, self._begin = folder, begin
        self._writer: Any = None  # `Any`: torch does not type it
        self._written = 0.0

    def __enter__(self) -> Self:
        if self._folder is not None:
            try:
                from torch.utils.tensorboard import SummaryWriter

                self._writer = SummaryWriter(str(self._folder), purge_step=self._begin + 1 if self._begin else None)
            except ImportError:
                logger.warning("no training curves: tensorboard is not installed: %s", how_to_install("torch"))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._writer is not None:
            self._writer.close()

    def step(self, step: int, **values: float) -> None:
        """A point of the steps' curves, now and then."""
        if self._writer is not None and time.monotonic() - self._written >= EVERY_S:
            self._written = time.monotonic()
            self._add("step", step, values)

    def epoch(self, step: int, point: Mapping[str, float]) -> None:
        """A point of the epochs' curves."""
        if self._writer is not None:
            rate = point["targets"] / point["seconds"] if point["seconds"] else 0.0
            self._add("epoch", step, {"targets a second": rate, **{name: point[name] for name in ("loss", "ndcg@10") if name in point}})

    def _add(self, group: str, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(f"{group}/{name}", value, step)
