import errno
import json
import os
import random
import resource
import struct
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import SafetensorError

from penchant.core.artifact import MANIFEST, TENSORS, read_artifact, write_artifact
from penchant.core.clock import SECOND
from penchant.core.errors import ArtifactCorrupt, ArtifactError, ArtifactNotFound, ConfigError, StoreFull, StoreUnavailable
from penchant.stores import files
from penchant.stores.files import FileArtifactStore
from penchant.testing.stores import artifact

BORN = 1_795_233_901_123_456  # 2026-11-21 04:05:01.123456 UTC


@pytest.fixture
def artifacts(tmp_path: Path) -> FileArtifactStore:
    return FileArtifactStore(tmp_path / "models", clock=lambda: BORN)


def test_a_version_is_its_time_and_its_content(artifacts: FileArtifactStore) -> None:
    version = artifacts.put("home", artifact(1))
    assert version.startswith("home/20261121T040501.123-")
    assert len(version.rpartition("-")[2]) == 8


def test_versions_sort_by_when_they_were_made_even_if_the_clock_jumps_back(tmp_path: Path) -> None:
    times = iter([BORN, BORN, BORN - 3_600 * SECOND, BORN + 999, BORN + 10 * SECOND])
    artifacts = FileArtifactStore(tmp_path, clock=lambda: next(times))
    made = [artifacts.put("home", artifact(n)) for n in range(5)]
    assert made == sorted(made) == artifacts.versions("home")
    assert [version[5:24] for version in made] == [f"20261121T0405{tail}" for tail in ("01.123", "01.124", "01.125", "01.126", "11.123")]


def test_rollback_goes_back_through_what_was_published(artifacts: FileArtifactStore) -> None:
    first, second, third = (artifacts.put("home", artifact(n)) for n in range(3))
    for version in (first, second, second, third):
        artifacts.publish(version)
    assert [artifacts.rollback("home"), artifacts.live("home")] == [second, second]
    assert [artifacts.rollback("home"), artifacts.live("home")] == [first, first]
    for name in ("home", "other", "../home"):
        with pytest.raises(ArtifactNotFound, match="no earlier published version"):
            artifacts.rollback(name)
    assert artifacts.live("home") == first


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "/a", "a\0", "a b", "ｈome", "a" * 65, "-rf", "a\n"])
def test_a_name_that_is_no_plain_file_name_is_refused(artifacts: FileArtifactStore, tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot name a model; allowed: 1 to 64 of letters"):
        artifacts.put(name, artifact(1))
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_loaded_cannot_go_live(artifacts: FileArtifactStore, tmp_path: Path) -> None:
    good, bad = (artifacts.put("home", artifact(n)) for n in range(2))
    artifacts.publish(good)
    flip(tmp_path / "models" / bad / TENSORS, -1)
    with pytest.raises(ArtifactCorrupt):
        artifacts.publish(bad)
    assert artifacts.live("home") == good


def test_every_flipped_byte_of_a_version_is_noticed(artifacts: FileArtifactStore, tmp_path: Path) -> None:
    home = tmp_path / "models" / artifacts.put("home", artifact(1))
    choose = random.Random(13)
    for path in home.iterdir():
        for position in choose.sample(range(path.stat().st_size), min(60, path.stat().st_size)):
            whole = path.read_bytes()
            flip(path, position, 1 << choose.randrange(8))
            with pytest.raises(ArtifactError):
                artifacts.get(f"home/{home.name}")
            path.write_bytes(whole)
    assert artifacts.get(f"home/{home.name}").config == {"n": 1}


def test_a_flipped_byte_of_the_alias_never_leads_to_another_version(artifacts: FileArtifactStore, tmp_path: Path) -> None:
    versions = [artifacts.put("home", artifact(n)) for n in range(3)]
    for version in versions:
        artifacts.publish(version)
    alias = tmp_path / "models" / "home" / "live.json"
    whole = alias.read_bytes()
    for position in range(len(whole)):
        for bit in range(8):
            alias.write_bytes(whole[:position] + bytes([whole[position] ^ (1 << bit)]) + whole[position + 1 :])
            try:
                live = artifacts.live("home")
                got = artifacts.get(str(live))
            except ArtifactError:
                continue
            assert live == versions[2]
            assert got.config == {"n": 2}
    alias.write_bytes(b"{")
    artifacts.publish(versions[0])  # a damaged alias is replaced
    assert artifacts.live("home") == versions[0]


def test_a_version_exchanged_on_disk_is_refused(artifacts: FileArtifactStore, tmp_path: Path) -> None:
    version = artifacts.put("home", artifact(1))
    write_artifact(artifact(2), tmp_path / "models" / version)
    with pytest.raises(ArtifactCorrupt, match="missing or changed since it was saved"):
        artifacts.get(version)


def test_a_version_without_its_manifest_is_corrupt(artifacts: FileArtifactStore, tmp_path: Path) -> None:
    version = artifacts.put("home", artifact(1))
    (tmp_path / "models" / version / MANIFEST).unlink()
    with pytest.raises(ArtifactCorrupt):
        artifacts.get(version)


@pytest.mark.parametrize("linked", ["name", "version", "file"])
def test_nothing_behind_a_link_is_opened(artifacts: FileArtifactStore, tmp_path: Path, linked: str) -> None:
    outside = FileArtifactStore(tmp_path / "outside", clock=lambda: BORN)
    version = outside.put("home", artifact(1))
    inside, secret = tmp_path / "models" / version, tmp_path / "outside" / version
    if linked == "name":
        inside.parent.parent.mkdir()
        inside.parent.symlink_to(secret.parent)
        outside.publish(version)
    elif linked == "version":
        inside.parent.mkdir(parents=True)
        inside.symlink_to(secret)
    else:
        inside.mkdir(parents=True)
        for path in secret.iterdir():
            (inside / path.name).symlink_to(path)

    def attempt() -> None:
        with pytest.raises(ArtifactNotFound):
            artifacts.get(version)
        with pytest.raises(ArtifactNotFound):
            artifacts.publish(version)
        assert artifacts.live("home") is None

    assert not [path for path in opened_by(attempt) if "outside" in path or path.startswith(str(inside))]


def test_paths_from_outside_open_nothing(artifacts: FileArtifactStore, tmp_path: Path) -> None:
    artifacts.put("home", artifact(1))
    (tmp_path / "secret").mkdir()
    write_artifact(artifact(2), tmp_path / "secret" / "20261121T040501.123-00000000")
    attempts = ["../secret/20261121T040501.123-00000000", "home/../../secret/20261121T040501.123-00000000", "../../etc/passwd"]
    attempts += [str(tmp_path / "secret" / "20261121T040501.123-00000000"), "%2e%2e/secret", "home/\0", "home/" + "a" * 4_096]

    def attempt() -> None:
        for version in attempts:
            with pytest.raises(ArtifactNotFound):
                artifacts.get(version)
            assert artifacts.live(version) is None
            assert artifacts.versions(version) == []

    assert opened_by(attempt) == []


def test_a_full_disk_leaves_no_half_version(
    artifacts: FileArtifactStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    no_larger: Callable[[int], AbstractContextManager[None]],
) -> None:
    version = artifacts.put("home", artifact(1))
    artifacts.publish(version)
    with no_larger(100), pytest.raises(StoreUnavailable, match="File too large, the model was not saved"):
        artifacts.put("home", artifact(2))

    def full(*_: object) -> None:  # in the words of the library
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("penchant.core.artifact.save_file", full)
    monkeypatch.setattr(files.os, "fsync", refuse)
    with pytest.raises(StoreFull, match="No space left on device, the model was not saved; free some space"):
        artifacts.put("home", artifact(2))
    with pytest.raises(StoreFull, match="the live version is unchanged"):
        artifacts._point("home", files._Pointer("20261121T040501.123-00000000"))
    monkeypatch.undo()
    assert artifacts.versions() == [version]
    assert artifacts.live("home") == version
    assert sorted(path.name for path in (tmp_path / "models" / "home").iterdir()) == [version[5:], "live.json"]


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("")
    with pytest.raises(StoreUnavailable, match="models/home: Not a directory, the model was not saved"):
        FileArtifactStore(tmp_path / "models").put("home", artifact(1))


# ---- files that were made to do harm


def header(entries: str | dict[str, Any], data: bytes = b"\0" * 64, *, length: int | None = None) -> bytes:
    text = (entries if isinstance(entries, str) else json.dumps(entries)).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(start: int, end: int, *, dtype: str = "F32", shape: list[int] | None = None) -> dict[str, Any]:
    return {"dtype": dtype, "shape": [(end - start) // 4] if shape is None else shape, "data_offsets": [start, end]}


class Canary:
    """Makes a file when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("canary",)


def pickled() -> bytes:
    import pickle

    return pickle.dumps(Canary())


def zipped() -> bytes:
    import io
    import zipfile

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("archive/data.pkl", pickled())
    return archive.getvalue()


ATTACKS: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "seven bytes": lambda: b"\0" * 7,
    "pickle": pickled,
    "zip": zipped,
    "polyglot": lambda: header({"a": tensor(0, 64)}) + zipped(),
    "header over 100 MB": lambda: header("{}", b"", length=100_000_001),
    "header of 2^63": lambda: header("{}", b"", length=2**63),
    "header of 2^64 - 1": lambda: header("{}", b"", length=2**64 - 1),
    "header beyond the file": lambda: header({"a": tensor(0, 64)}, b"", length=10_000),
    "not JSON": lambda: header("{" * 1_000),
    "deep JSON": lambda: header('{"a":' * 100_000),
    "not UTF-8": lambda: struct.pack("<Q", 4) + b"{\xff\xff}" + b"\0" * 64,
    "overlapping": lambda: header({"a": tensor(0, 40), "b": tensor(24, 64)}),
    "a hole": lambda: header({"a": tensor(0, 24), "b": tensor(40, 64)}),
    "data left over": lambda: header({"a": tensor(0, 32)}),
    "data missing": lambda: header({"a": tensor(0, 128)}),
    "negative offset": lambda: header({"a": tensor(-4, 60)}),
    "end before start": lambda: header({"a": tensor(64, 0)}),
    "shape that overflows": lambda: header({"a": tensor(0, 64, shape=[2**62, 2**62, 16])}),
    "shape that differs": lambda: header({"a": tensor(0, 64, shape=[10**12])}),
    "unknown dtype": lambda: header({"a": tensor(0, 64, dtype="O64")}),
    "a name twice": lambda: header(f'{{"a":{json.dumps(tensor(0, 64))},"a":{json.dumps(tensor(0, 64, dtype="I32"))}}}'),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_harmful_tensor_file_is_refused_without_running_or_growing(
    artifacts: FileArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attack: str
) -> None:
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "forged"
    write_artifact(artifact(1), home)
    (home / TENSORS).write_bytes(ATTACKS[attack]())
    manifest = json.loads((home / MANIFEST).read_text())
    manifest["files"][TENSORS] = files.hashlib.sha256((home / TENSORS).read_bytes()).hexdigest()
    (home / MANIFEST).write_text(json.dumps(manifest))
    version = f"20261121T040501.123-{files._fingerprint(home)}"
    (tmp_path / "models" / "home").mkdir(parents=True)
    home.rename(tmp_path / "models" / "home" / version)  # the forger knows the digests
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ArtifactCorrupt):
        artifacts.get(f"home/{version}")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024  # KiB
    assert not (tmp_path / "canary").exists()


def test_the_forger_of_these_tests_makes_readable_files(tmp_path: Path) -> None:
    home = tmp_path / "forged"
    write_artifact(artifact(1), home)
    (home / TENSORS).write_bytes(header({"a": tensor(0, 24), "b": tensor(24, 64)}))
    manifest = json.loads((home / MANIFEST).read_text())
    manifest["files"][TENSORS] = files.hashlib.sha256((home / TENSORS).read_bytes()).hexdigest()
    (home / MANIFEST).write_text(json.dumps(manifest))
    assert np.array_equal(read_artifact(home).arrays["b"], np.zeros(10, np.float32))


def flip(path: Path, position: int, mask: int = 1) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= mask
    path.write_bytes(content)


_opened: list[str] | None = None


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _opened is not None and event == "open":
        _opened.append(str(arguments[0]))


sys.addaudithook(_audit)


def opened_by(action: Callable[[], None]) -> list[str]:
    """The paths that Python opened during `action`."""
    global _opened
    _opened = seen = []
    try:
        action()
    finally:
        _opened = None
    return seen
