"""Recognises the files of public data sets that do not describe themselves, and the folders in which they come."""

from pathlib import Path

from penchant.core.errors import DataError
from penchant.data.options import ReadOptions
from penchant.data.public_sets import PUBLIC_SETS, Member, PublicSet
from penchant.data.sources.dialect import sniff
from penchant.data.sources.table import InputFile
from penchant.data.sources.text import TextReader

_SAMPLE_LINES = 200


def recognise_folder(folder: Path) -> dict[str, Path]:
    """Which file of the folder holds events, items and users. Raises DataError where it is no known data set's."""
    best: dict[str, Path] = {}
    for known in PUBLIC_SETS.values():
        found = _roles(known, folder)
        if "events" in found and len(found) > len(best):
            best = found
    if not best:
        lying = ", ".join(sorted(path.name for path in folder.iterdir())[:10])
        raise DataError(
            f"{folder}: holds no known data set; name its files with --events, --items and --users; there are: {lying or 'none'}"
        )
    return best


def _roles(known: PublicSet, folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for member in known.members:
        path = find_member(folder, member)
        for role in member.role.split():
            if path is not None:
                found.setdefault(role, path)
    return found


def find_member(folder: Path, member: Member) -> Path | None:
    """The member's file in the folder, compressed or not."""
    for name in (member.file, f"{member.file}.gz"):
        if (folder / name).is_file():
            return folder / name
    return None


def recognise_file(path: Path, role: str, options: ReadOptions) -> tuple[ReadOptions, str]:
    """`options` with what is known about this file, and the decision in words; unchanged and empty where nothing is.

    A file is recognised by its name together with its number of fields, or by its name where nothing but settings is known.
    Raises DataError where it is known to hold something else than `role`.
    """
    name = path.name.removesuffix(".gz")
    for known in PUBLIC_SETS.values():
        for member in known.members:
            if member.file != name or not (member.columns or member.settings):
                continue
            update = {key: value for key, value in member.settings.items() if key not in options.model_fields_set}
            if member.columns and not options.columns and options.header is None and _width(path, options) == len(member.columns):
                update["columns"] = member.columns
            if "columns" in update and role not in member.role.split():
                raise DataError(f"{path}: holds the {member.role} of {known.title}, not {role}; give it as --{member.role}")
            if update:
                return options.model_copy(update=update), f"{path.name} is known: {known.title}"
    return options, ""


def _width(path: Path, options: ReadOptions) -> int:
    lines = TextReader(InputFile(path), options.encoding).sample().split("\n")[:_SAMPLE_LINES]
    return len(sniff(lines, options.delimiter).split(lines[0]))
