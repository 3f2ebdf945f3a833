"""Saved models in a folder: versions that never change, and one small file a name that says which of them is live.

    <folder>/<name>/20261121T040501.123-5f0c9a1b/{manifest.json, tensors.safetensors, vocabulary.json}
    <folder>/<name>/live.json     {"live": version, "before": [older ones, the latest last]}

A version is the time it was made (UTC) and the first eight digits of its manifest's SHA-256; the manifest in turn holds the
SHA-256 of every other file. So the name vouches for every byte: what was changed or exchanged on disk is refused.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from penchant.core.artifact import MANIFEST, Artifact, read_artifact, write_artifact
from penchant.core.clock import Clock, system_clock
from penchant.core.disk import fsync
from penchant.core.errors import ArtifactCorrupt, ArtifactNotFound, ConfigError, StoreFull, StoreUnavailable
from penchant.core.log import logger

_LIVE = "live.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_STAMP = "%Y%m%dT%H%M%S"
_VERSION = re.compile(r"\d{8}T\d{6}\.\d{3}-[0-9a-f]{8}")


@dataclass(frozen=True)
class _Pointer:
    live: str
    before: tuple[str, ...] = ()


class FileArtifactStore:
    """The ArtifactStore of a folder, for any number of processes: each file appears whole or not at all, the last to publish wins."""

    def __init__(self, folder: Path, *, clock: Clock = system_clock) -> None:
        """`folder` is made with the first `put`. `clock` dates the versions."""
        self._folder = Path(folder).absolute()
        self._clock = clock

    def put(self, name: str, artifact: Artifact) -> str:
        """Save a new version of `name`; returns `name/version`, which sorts after all that are there.

        Raises ConfigError for a name that is no plain file name, StoreUnavailable where the folder cannot be written (StoreFull: no space).
        """
        if not _NAME.fullmatch(name):
            raise ConfigError(f"models: {name[:80]!r} cannot name a model; allowed: 1 to 64 of letters, digits, dot, dash, underscore")
        home = self._folder / name
        try:
            home.mkdir(parents=True, exist_ok=True)
            incoming = Path(tempfile.mkdtemp(prefix=".incoming-", dir=home))
            try:
                write_artifact(artifact, incoming / name)
                version = f"{self._next_stamp(name)}-{_fingerprint(incoming / name)}"
                os.rename(incoming / name, home / version)
                fsync(home)
            finally:
                shutil.rmtree(incoming, ignore_errors=True)
        except OSError as error:
            raise _unavailable(error, f"{home}: {error.strerror}, the model was not saved") from error
        return f"{name}/{version}"

    def publish(self, version: str) -> None:
        """Make `name/version` the live one of its name, atomically; the one before can be had back by `rollback`."""
        name, _, short = version.partition("/")
        self.get(version)  # nothing that cannot be loaded goes live
        try:
            pointer = self._pointer(name)
        except ArtifactCorrupt as error:
            logger.warning("%s", error)
            pointer = None
        if pointer is None:
            self._point(name, _Pointer(short))
        elif pointer.live != short:
            self._point(name, _Pointer(short, (*pointer.before, pointer.live)))

    def rollback(self, name: str) -> str:
        """Make the version that was live before the present one live again; returns it. Raises ArtifactNotFound if none was."""
        pointer = self._pointer(name)
        if pointer is None or not pointer.before:
            raise ArtifactNotFound(f"models: {name[:80]!r} has no earlier published version to go back to")
        version = f"{name}/{pointer.before[-1]}"
        self.get(version)
        self._point(name, _Pointer(pointer.before[-1], pointer.before[:-1]))
        return version

    def live(self, name: str) -> str | None:
        """The published `name/version`, None when there is none."""
        pointer = self._pointer(name)
        return None if pointer is None else f"{name}/{pointer.live}"

    def get(self, version: str) -> Artifact:
        """The artifact `name/version`, every byte checked. Raises ArtifactError; a path outside the store is ArtifactNotFound."""
        home = self._home_of(version)
        if not (home / MANIFEST).is_file() or _fingerprint(home) != home.name[-8:]:
            raise ArtifactCorrupt(f"{home / MANIFEST}: missing or changed since it was saved; restore it or train again")
        return read_artifact(home)

    def versions(self, name: str | None = None) -> list[str]:
        """All `name/version`, oldest first."""
        found = self._folder.glob(f"{name or '*'}/*") if name is None or _NAME.fullmatch(name) else ()
        named = [(path.name, path.parent.name) for path in found if _NAME.fullmatch(path.parent.name) and _VERSION.fullmatch(path.name)]
        return [f"{name}/{version}" for version, name in sorted(named)]

    # ---- how

    def _home_of(self, version: str) -> Path:
        """The folder of a version that is really there: plain names, no link on the way, nothing outside."""
        name, _, short = version.partition("/")
        if _NAME.fullmatch(name) and _VERSION.fullmatch(short):
            home = self._folder / name / short
            entries = (home.parent, home, *(home.iterdir() if home.is_dir() and not home.is_symlink() else ()))
            if home.is_dir() and not any(entry.is_symlink() for entry in entries):
                return home
        raise ArtifactNotFound(f"models: no version {version[:80]!r} in {self._folder}; see the list of versions")

    def _next_stamp(self, name: str) -> str:
        """Now, to the millisecond; one more than the latest version's where the clock has not moved on since."""
        now = self._clock() // 1000
        if versions := self.versions(name):
            day, _, milliseconds = versions[-1].rpartition("/")[2].partition("-")[0].partition(".")
            latest = int(datetime.strptime(day, _STAMP).replace(tzinfo=UTC).timestamp()) * 1000 + int(milliseconds)
            now = max(now, latest + 1)
        return f"{datetime.fromtimestamp(now // 1000, UTC):{_STAMP}}.{now % 1000:03}"

    def _pointer(self, name: str) -> _Pointer | None:
        path = self._folder / name / _LIVE
        if not _NAME.fullmatch(name) or path.parent.is_symlink() or path.is_symlink() or not path.is_file():
            return None
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            pointer = _Pointer(content["live"], tuple(content["before"]))
            whole = all(_VERSION.fullmatch(version) for version in (pointer.live, *pointer.before))
        except (ValueError, KeyError, TypeError):
            whole = False
        if not whole:
            raise ArtifactCorrupt(f"{path}: damaged; publish a version again to replace it")
        return pointer

    def _point(self, name: str, pointer: _Pointer) -> None:
        path = self._folder / name / _LIVE
        fresh = path.with_name(f".{_LIVE}-{os.getpid()}-{os.urandom(4).hex()}")
        try:
            with fresh.open("x", encoding="utf-8") as file:
                json.dump({"live": pointer.live, "before": pointer.before}, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, path)
            fsync(path.parent)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            raise _unavailable(error, f"{path}: {error.strerror}, the live version is unchanged") from error


def _unavailable(error: OSError, what: str) -> StoreUnavailable:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(f"{what}; free some space and try again")
    return StoreUnavailable(f"{what}; check that this user may write there")


def _fingerprint(home: Path) -> str:
    """The first eight digits of the SHA-256 of the manifest in `home`."""
    return hashlib.sha256((home / MANIFEST).read_bytes()).hexdigest()[:8]
