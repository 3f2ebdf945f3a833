"""Learning by steps: from a model's settings and a task to trained weights and the facts of the training."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from penchant.data import Dataset
from penchant.models.base import FitOptions, Model
from penchant.models.encoder_config import TrainingConfig
from penchant.models.identity import identity_of
from penchant.training.device import choose_device, choose_precision, machine
from penchant.training.loop import Plan, Run, train
from penchant.training.optimizers import optimizer_of
from penchant.training.schedules import SCHEDULES
from penchant.training.task import Task

# A task whose module is on the device, its weights fresh from torch's generator. `Any`: batches are the task's own affair.
Begin = Callable[[torch.device, torch.dtype], Task[Any]]


def learn(model: Model, dataset: Dataset, options: FitOptions, begin: Begin) -> dict[str, Any]:
    """Trains what `begin` makes, as the model's `TrainingConfig` says; its module ends on the CPU, ready to answer.

    Returns facts: curve, seconds, targets a second, device, precision. `Any`: JSON values.
    """
    config: TrainingConfig = model.config
    device = choose_device(options.device)
    precision = choose_precision(config.precision, device)
    with machine(device, seed=config.seed, threads=options.threads):
        with _out_of_memory(model.name):
            task = begin(device, precision)
        optimizer = optimizer_of(
            config.optimizer,
            task.module,
            learning_rate=config.learning_rate,
            embedding_learning_rate=config.embedding_learning_rate,
            weight_decay=config.weight_decay,
        )
        epochs = config.epochs_for(dataset.n_events)
        plan = Plan(optimizer, SCHEDULES[config.schedule](config.warmup), epochs, config.patience, config.clip, config.ema)
        run = Run(
            model.name,
            device,
            identity_of(model, dataset, options.validation),
            options.checkpoint,
            quiet=options.quiet,
            report=options.report,
            precision=precision,
            curves=options.curves,
            seed=config.seed,
        )
        try:
            with _out_of_memory(model.name):
                curve = train(task, plan, run)
        finally:
            task.module.to("cpu").eval()
    return _facts(curve, device, precision)


@contextmanager
def _out_of_memory(name: str) -> Iterator[None]:
    """Says MemoryError where torch has none: on a CPU it says so in words, on a GPU in a class of its own."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
            raise MemoryError(f"{name}: its training does not fit into memory; lower batch_size, max_len or size") from None
        raise


def _facts(curve: list[dict[str, float]], device: torch.device, precision: torch.dtype) -> dict[str, Any]:
    """What the training was like. `Any`: JSON values."""
    seconds = sum(point["seconds"] for point in curve)
    targets = sum(point["targets"] for point in curve)
    return {
        "curve": [{name: value for name, value in point.items() if name != "targets"} for point in curve],
        "tokens_per_second": round(targets / seconds) if seconds > 0 else None,
        "train_seconds": round(seconds, 3),
        "device": str(device),
        "precision": str(precision).removeprefix("torch."),
    }
