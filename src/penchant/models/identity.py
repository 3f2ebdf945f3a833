"""What a training is of: its checkpoint is for the same model, settings, events and version, and for nothing else."""

from importlib.metadata import version
from typing import Any

from penchant.data import Dataset
from penchant.models.base import Model


def settings_of(model: Model) -> dict[str, Any]:
    """What must be equal whatever it is trained on. `Any`: JSON values."""
    return {"model": model.name, "version": version("penchant"), "config": model.config.model_dump(mode="json")}


def identity_of(model: Model, dataset: Dataset, validation: Dataset | None = None) -> dict[str, Any]:
    """What must be equal for a checkpoint to go on. `Any`: JSON values."""
    validated = None if validation is None else validation.fingerprint
    return {**settings_of(model), "data": {"train": dataset.fingerprint, "validation": validated}}
