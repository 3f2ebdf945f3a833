"""A run on disk: one safetensors file, whole or not at all, that a killed run goes on from. Never pickle."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from penchant.core.differences import differences
from penchant.core.disk import fsync, writing_tensors
from penchant.core.errors import ArtifactCorrupt, ArtifactIncompatible

FILE = "training.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """Everything a run needs to go on as if nothing had happened."""

    tensors: dict[str, Tensor]  # weights, optimiser, random states
    state: dict[str, Any]  # epoch, batch, curve …; JSON values, hence `Any`
    identity: dict[str, Any]  # config, data, code: what must be equal to go on; JSON values


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint in `folder` in one rename: a crash at any moment leaves the old one or the new one.

    Raises OSError where the disk does not take it (full, read-only …); the old one stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, staging = folder / FILE, folder / f".{FILE}.new"
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    facts = {"state": checkpoint.state, "identity": checkpoint.identity}
    header = json.dumps({**facts, "digest": _digest(tensors, facts)})
    try:
        with writing_tensors(staging):
            save_file(tensors, staging, metadata={"penchant": header})
        fsync(staging)
        os.replace(staging, path)
    finally:
        staging.unlink(missing_ok=True)
    fsync(folder)


def read_checkpoint(folder: Path, identity: Mapping[str, Any]) -> Checkpoint | None:
    """The checkpoint in `folder`, None where there is none. `Any`: JSON values.

    Raises ArtifactCorrupt where its bytes are not those that were written, ArtifactIncompatible with a line for each
    difference where it belongs to another config, data set or version than `identity`.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads(file.metadata()["penchant"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        digest, state, saved = facts.pop("digest"), facts["state"], facts["identity"]
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactCorrupt(f"{path}: cannot be read ({error}); delete it to train from the start") from None
    if _digest(tensors, facts) != digest:
        raise ArtifactCorrupt(f"{path}: its content differs from what was written; delete it to train from the start")
    if changed := differences(saved, identity):
        lines = "\n  ".join(changed)
        raise ArtifactIncompatible(f"{path} belongs to another run; what changed:\n  {lines}\nundo it, or delete the file to start anew")
    return Checkpoint(tensors, state, dict(identity))


def remove_checkpoint(folder: Path) -> None:
    """For whoever asked for it, once what was learned is saved: until then it is all that there is of it."""
    (folder / FILE).unlink(missing_ok=True)


def _digest(tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(name.encode() + b"\0")
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
