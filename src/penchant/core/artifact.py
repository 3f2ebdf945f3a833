"""A saved model: a folder of manifest.json and tensors.safetensors. Never pickle, and no fallback to it.

`write_artifact` makes the folder whole or not at all: temporary folder, write, fsync, manifest with SHA-256, rename, fsync of
the parent. `read_artifact` checks every digest before it hands anything out.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from penchant.core.disk import fsync, writing_tensors
from penchant.core.errors import ArtifactCorrupt, ArtifactIncompatible, ArtifactNotFound

FORMAT = 1
MANIFEST = "manifest.json"
TENSORS = "tensors.safetensors"
VOCABULARY = "vocabulary.json"
MAX_HEADER = 2**22  # bytes; a thousand tensors need about 2**17

Arrays = Mapping[str, NDArray[Any]]  # arrays of any dtype that safetensors knows


@dataclass(frozen=True)
class Artifact:
    """What one model needs to live again, free of any code."""

    model: str  # catalogue name, e.g. "ease"
    config: dict[str, Any]  # JSON values, hence `Any`
    arrays: Arrays
    fingerprint: str = ""  # of the data set it was trained on
    item_ids: tuple[str, ...] = ()  # position = item code
    event_types: tuple[str, ...] = ()  # position = event type code
    metrics: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)  # training curve, seconds, … JSON values
    scenarios: tuple[str, ...] = ()  # position = code of a place


def write_artifact(artifact: Artifact, folder: Path) -> str:
    """Write `artifact` as `folder`, replacing what is there; returns its content hash (hex SHA-256).

    Raises OSError where the disk does not take it (full, read-only …); then what was there stays.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        with writing_tensors(staging / TENSORS):
            save_file({name: np.ascontiguousarray(array) for name, array in artifact.arrays.items()}, staging / TENSORS)
        vocabulary = {"items": artifact.item_ids, "event_types": artifact.event_types}
        if artifact.scenarios:
            vocabulary["scenarios"] = artifact.scenarios
        (staging / VOCABULARY).write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
        files = {name: _digest(staging / name) for name in (TENSORS, VOCABULARY)}
        content = hashlib.sha256(json.dumps([artifact.model, artifact.config, files], sort_keys=True).encode()).hexdigest()
        manifest = {
            "format": FORMAT,
            "model": artifact.model,
            "config": artifact.config,
            "fingerprint": artifact.fingerprint,
            "metrics": artifact.metrics,
            "facts": artifact.facts,
            "files": files,
            "content": content,
        }
        (staging / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False), encoding="utf-8")
        for path in staging.iterdir():
            fsync(path)
        fsync(staging)
        staging.chmod(0o755)
        _replace(staging, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return content


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of the artifact in `folder`. Raises ArtifactNotFound, ArtifactCorrupt or ArtifactIncompatible."""
    path = Path(folder) / MANIFEST
    if not path.is_file():
        raise ArtifactNotFound(f"{folder}: no {MANIFEST} here; train a model first")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        version, files = manifest["format"], manifest["files"]
        names = set(files)
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactCorrupt(f"{path}: not a manifest ({error})") from None
    if version != FORMAT or names != {TENSORS, VOCABULARY}:
        raise ArtifactIncompatible(f"{path}: format {version!r}, this version reads {FORMAT}; train the model again")
    return dict(manifest)


def read_artifact(folder: Path) -> Artifact:
    """The artifact in `folder`, every byte checked against its manifest."""
    folder = Path(folder)
    manifest = read_manifest(folder)
    for name, expected in manifest["files"].items():
        path = folder / name
        if not path.is_file() or _digest(path) != expected:
            raise ArtifactCorrupt(f"{path}: its SHA-256 differs from the manifest; restore it or train again")
    try:
        _check_header(folder / TENSORS)
        arrays = load_file(folder / TENSORS)
        vocabulary = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
    except (SafetensorError, OSError, ValueError, KeyError, RecursionError) as error:
        raise ArtifactCorrupt(f"{folder}: cannot be read ({error})") from None
    return Artifact(
        model=manifest["model"],
        config=manifest["config"],
        arrays=arrays,
        fingerprint=manifest["fingerprint"],
        item_ids=tuple(vocabulary["items"]),
        event_types=tuple(vocabulary["event_types"]),
        metrics=manifest["metrics"],
        facts=manifest["facts"],
        scenarios=tuple(vocabulary.get("scenarios", ())),
    )


def _check_header(path: Path) -> None:
    """Raises ValueError where the header of a tensor file is absurdly long or names anything twice, which its reader lets pass."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > MAX_HEADER:
            raise ValueError(f"its header claims {length} bytes, allowed: {MAX_HEADER}")
        json.loads(file.read(length), object_pairs_hook=_without_repeats)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, none of whose names is there twice. `Any`: JSON."""
    named = dict(pairs)
    if len(named) != len(pairs):
        raise ValueError("its header names something twice")
    return named


def _replace(staging: Path, folder: Path) -> None:
    """Put `staging` in the place of `folder`; a crash leaves the old one, the new one, or the old one renamed aside."""
    aside = None
    if folder.exists():
        aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
        os.rename(folder, aside / folder.name)
    os.rename(staging, folder)
    fsync(folder.parent)
    if aside is not None:
        shutil.rmtree(aside, ignore_errors=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
