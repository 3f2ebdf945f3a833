"""Items and users from a file: an id, the well-known columns under their well-known names, everything else as a property."""

import html
import unicodedata
from pathlib import Path
from typing import Any, Literal

import polars as pl

from penchant.core import columns
from penchant.core.errors import DataError, SchemaError
from penchant.data import mapping, names
from penchant.data.clean import MISSING, Cleaning
from penchant.data.options import NO_COLUMN, ReadOptions
from penchant.data.rejects import Rejects
from penchant.data.sources import open_table
from penchant.data.sources.table import LINE, ORDER, Bad, Table

Kind = Literal["items", "users"]

KINDS: tuple[Kind, ...] = ("items", "users")
ID_COLUMNS: dict[Kind, str] = {"items": columns.ITEM_ID, "users": columns.USER_ID}
_SEPARATORS = ("|", ";", " / ", ", ", ",")
# Whether an item can be had, in words.
YES = frozenset(["1", "true", "yes", "y", "ja", "j", "oui", "o", "sí", "si", "s", "vero", "wahr", "是", "有"])
NO = frozenset(["0", "false", "no", "n", "nein", "non", "nee", "falso", "falsch", "否", "无"])
_PLAIN_NUMBER = r"^-?(0|[1-9]\d{0,15})(\.\d+)?$"

# From this many rows an id on, a table is one of events that also names items, not one of items.
_EVENTS_LIKE = 2.0

# That many columns of 0 and 1 are one list of categories written as flags.
_MIN_FLAGS = 5


def read_features(path: Path, kind: Kind, options: ReadOptions, cleaning: Cleaning, known: pl.Series | None = None) -> pl.DataFrame:
    """One row an id, the id column first; lists where a cell holds several values. The last row of an id wins.

    `known` are the ids that occur in events: they tell which column is the id where names do not.
    Raises DataError where the file cannot be read, SchemaError where no column can be the id.
    """
    table = open_table(path, options)
    frame = _rows(table, kind, cleaning)
    if not len(frame):
        raise DataError(f"{path}: no usable {kind}; {Rejects.summary(cleaning.rejects)}")
    roles = _roles(table, frame, kind, options, known)
    decisions = [f"{kind}: {decision}" for decision in table.decisions]
    cleaning.decisions += [*decisions, f"{kind}: columns: " + ", ".join(f"{role} = {name}" for role, name in roles.items())]
    frame = _renamed(frame, roles)
    frame = _with_ids(frame, kind, options, cleaning, table.path)
    frame = _lists(frame, table, roles)
    frame = _flags(frame, kind, cleaning)
    given = frame.columns
    frame = _one_row_an_id(frame, kind, cleaning)
    _say_others(given, frame.columns, kind, cleaning)
    frame = _texts(frame, kind, cleaning)
    return frame.select(typed(frame[name]) for name in frame.columns)


def _say_others(given: list[str], kept: list[str], kind: Kind, cleaning: Cleaning) -> None:
    """One line for the columns that become properties, one for those that are not used."""
    roles = (columns.TITLE, columns.DESCRIPTION, columns.CATEGORIES, columns.AVAILABLE)
    properties = [name for name in kept[1:] if kind == "users" or name not in roles]
    for what, found in (("kept as properties", properties), ("columns not used", [name for name in given if name not in kept])):
        if found:
            cleaning.decisions.append(f"{kind}: {what}: {mapping.listed(found)}")


def _rows(table: Table, kind: Kind, cleaning: Cleaning) -> pl.DataFrame:
    frames = []
    step, why = f"{kind}: unreadable rows", "wrong number of fields, open quotes, bytes that are no text"
    for chunk in table.chunks:
        cleaning.count(step, why, len(chunk.frame) + len(chunk.bad), removed=len(chunk.bad))
        cleaning.rejects.add(table.path, chunk.bad)
        frames.append(chunk.frame)
    return pl.concat(frames, how="vertical_relaxed").drop(ORDER, strict=False) if frames else pl.DataFrame()


def _roles(table: Table, frame: pl.DataFrame, kind: Kind, options: ReadOptions, known: pl.Series | None) -> dict[str, str]:
    """penchant's column → the file's."""
    found = [name for name in frame.columns if name != LINE]
    roles = {ID_COLUMNS[kind]: _id_column(table, frame, kind, options, known)}
    if kind == "users":
        return roles
    if options.title_column and options.title_column != NO_COLUMN:
        title = mapping.column_named(options.title_column, found, "title_column", header=table.header, where=str(table.path))
        roles[columns.TITLE] = title
    for role in (columns.TITLE, columns.DESCRIPTION, columns.CATEGORIES, columns.AVAILABLE):
        free = [name for name in found if name not in roles.values()]
        if role in roles or (role == columns.TITLE and options.title_column == NO_COLUMN):
            continue
        named = names.best(free, role) if table.header else []
        if role == columns.TITLE and not named:
            described = [name for name in names.best(free, columns.DESCRIPTION) if _is_short_text(frame[name])]
            varied = [name for name in free if frame[name].n_unique() > min(20, len(frame) // 2) and _is_short_text(frame[name])]
            named = described if table.header else varied
        if role == columns.CATEGORIES and not named and not table.header:
            named = [name for name in free if frame[name].dtype == pl.String and _share(frame[name], "|") >= 0.2]
        if named:
            roles[role] = named[0]
    return roles


def _id_column(table: Table, frame: pl.DataFrame, kind: Kind, options: ReadOptions, known: pl.Series | None) -> str:
    found = [name for name in frame.columns if name != LINE]
    option = "item_column" if kind == "items" else "user_column"
    wanted = getattr(options, option)
    if wanted:
        return mapping.column_named(wanted, found, option, header=table.header, where=str(table.path))
    candidates = _id_candidates(table, frame, kind)
    if known is not None and len(known) and (not candidates or _coverage(frame[candidates[0]], known) < 0.5):
        best = max(found, key=lambda name: _coverage(frame[name], known))
        if _coverage(frame[best], known) >= 0.5:
            return best
    if not candidates:
        flag = "--" + option.replace("_", "-")
        raise SchemaError(
            f"{table.path}: no column looks like the id of {kind}; columns: {mapping.listed(found)}; name it with {flag} COLUMN"
        )
    return candidates[0]


def _id_candidates(table: Table, frame: pl.DataFrame, kind: Kind) -> list[str]:
    """By name, best first; then columns in which no value repeats."""
    found = [name for name in frame.columns if name != LINE and frame[name].dtype == pl.String]
    unique = [name for name in found if frame[name].n_unique() >= 0.99 * len(frame)]
    if not table.header:
        return found[:1]
    named = names.best(found, ID_COLUMNS[kind])
    strong = [name for name in named if names.is_plain(name, ID_COLUMNS[kind])]
    plain = [name for name in found if names.parts(name) == ["id"]]
    return list(dict.fromkeys([*strong, *plain, *(name for name in named if name in unique), *unique[:1], *named]))


def _coverage(column: pl.Series, known: pl.Series) -> float:
    """The share of the ids in events that the column holds."""
    if column.dtype != pl.String:
        return 0.0
    return float(known.is_in(column.str.strip_chars().unique().implode()).sum()) / len(known)


def _is_short_text(column: pl.Series) -> bool:
    """Words, not codes or essays: letters in most cells, and few of them."""
    if column.dtype != pl.String or not len(column):
        return False
    worded = column.str.contains(r"\pL{3}").fill_null(value=False).sum() >= 0.5 * len(column)
    short = (column.str.len_chars() < 120).sum() >= 0.8 * len(column)
    return bool(worded and short)


def _share(column: pl.Series, part: str) -> float:
    """Of the cells that hold something, how many hold `part`."""
    filled = column.replace("", None).drop_nulls()
    return float(filled.str.contains(part, literal=True).sum()) / len(filled) if len(filled) else 0.0


def _renamed(frame: pl.DataFrame, roles: dict[str, str]) -> pl.DataFrame:
    """Roles first, then the other columns, which make way where they carry a role's name."""
    others = [name for name in frame.columns if name not in roles.values()]
    return frame.select(
        *[pl.col(name).alias(role) for role, name in roles.items()],
        *[pl.col(name).alias(f"{name}_2" if name in roles else name) for name in others],
    )


def _with_ids(frame: pl.DataFrame, kind: Kind, options: ReadOptions, cleaning: Cleaning, path: Path) -> pl.DataFrame:
    id_ = ID_COLUMNS[kind]
    if options.trim_ids:
        trimmed = frame[id_].str.strip_chars()
        touched = int((trimmed != frame[id_]).sum())
        cleaning.count(f"{kind}: white space around ids", "it is no part of the id", len(frame), touched=touched)
        frame = frame.with_columns(trimmed)
    missing = frame[id_].is_null() | (frame[id_] == "")
    cleaning.count(f"{kind}: missing ids", "nothing can refer to the row", len(frame), removed=int(missing.sum()))
    cleaning.rejects.add(path, (Bad(line, id_, "", "is empty") for line in frame.filter(missing)[LINE]))
    return frame.filter(~missing).drop(LINE)


def _lists(frame: pl.DataFrame, table: Table, roles: dict[str, str]) -> pl.DataFrame:
    """Cells with several values become lists; categories always are lists."""
    for name in frame.columns[1:]:
        column = frame[name]
        if column.dtype != pl.String or name in (columns.TITLE, columns.DESCRIPTION, columns.AVAILABLE):
            continue
        if roles.get(name, name) in table.lists:
            frame = frame.with_columns(_split(column, " "))
        elif name == columns.CATEGORIES:
            shares = {separator: _share(column, separator) for separator in _SEPARATORS}
            separator = next((each for each in _SEPARATORS if shares[each] >= 0.05), "\x00")
            frame = frame.with_columns(_split(column, separator))
        elif _share(column, "|") >= 0.2:
            frame = frame.with_columns(_split(column, "|"))
    return frame


def _split(column: pl.Series, separator: str) -> pl.Series:
    """A list a cell, its parts trimmed; brackets and quotes of a written list are none of it."""
    plain = column.fill_null("").str.replace_all(r"^\s*\[|\]\s*$", "")
    if (plain != column).any():
        plain = plain.str.replace_all(r"['\"]", "")
    parts = plain.str.split(separator).list.eval(pl.element().str.strip_chars())
    return parts.list.eval(pl.element().filter(pl.element() != "")).alias(column.name)


def _flags(frame: pl.DataFrame, kind: Kind, cleaning: Cleaning) -> pl.DataFrame:
    """Many columns of 0 and 1 are one list: `Action`, `Comedy` … become the categories."""
    flags = [name for name in frame.columns[1:] if frame[name].dtype == pl.String and name != columns.AVAILABLE and _is_flag(frame[name])]
    if kind != "items" or len(flags) < _MIN_FLAGS or columns.CATEGORIES in frame.columns:
        return frame
    marked = [pl.when(pl.col(name) == "1").then(pl.lit(name)) for name in flags]
    listed = pl.concat_list(marked).list.drop_nulls().alias(columns.CATEGORIES)
    cleaning.decisions.append(f"{kind}: {len(flags)} columns of 0 and 1 ({flags[0]} … {flags[-1]}) are categories")
    return frame.with_columns(listed).drop(flags)


def _is_flag(column: pl.Series) -> bool:
    return set(column.unique().to_list()) <= {"0", "1"}


def _one_row_an_id(frame: pl.DataFrame, kind: Kind, cleaning: Cleaning) -> pl.DataFrame:
    """The last row of each id; or, of a table of events, what its rows mostly say about an item."""
    id_ = ID_COLUMNS[kind]
    ids = frame[id_].n_unique()
    if len(frame) < _EVENTS_LIKE * ids:
        cleaning.count(f"{kind}: repeated ids", "the last row of an id wins", len(frame), removed=len(frame) - ids)
        return frame.unique(subset=id_, keep="last", maintain_order=True)
    kept = [name for name in (columns.TITLE, columns.DESCRIPTION, columns.CATEGORIES) if name in frame.columns]
    taken = f"the most frequent {', '.join(kept)} of each is taken" if kept else "each id is taken once"
    why = f"many rows an id: {taken}, other columns belong to events"
    cleaning.count(f"{kind}: repeated ids", why, len(frame), removed=len(frame) - ids)
    result = frame.select(id_).unique(maintain_order=True)
    for name in kept:
        filled = frame.select(id_, name).filter(pl.col(name).is_not_null())
        if filled[name].dtype == pl.String:
            filled = filled.filter(pl.col(name).str.strip_chars() != "")
        counts = filled.group_by(id_, name, maintain_order=True).len().sort("len", descending=True, maintain_order=True)
        result = result.join(
            counts.unique(subset=id_, keep="first", maintain_order=True).drop("len"), on=id_, how="left", maintain_order="left"
        )
    return result


def _texts(frame: pl.DataFrame, kind: Kind, cleaning: Cleaning) -> pl.DataFrame:
    """Titles and descriptions: Unicode NFC, single blanks, no control characters, no HTML entities."""
    for name in (columns.TITLE, columns.DESCRIPTION):
        if name in frame.columns and frame[name].dtype == pl.String:
            tidy = pl.Series(name, [None if text is None else tidy_text(text) for text in frame[name]], dtype=pl.String)
            touched = int((tidy != frame[name]).sum())
            cleaning.count(
                f"{kind}: text of {name}s",
                "Unicode NFC, single blanks, no control characters or HTML entities",
                len(frame),
                touched=touched,
            )
            frame = frame.with_columns(tidy)
    return frame


def tidy_text(text: str) -> str:
    """The text as a person would have typed it."""
    plain = unicodedata.normalize("NFC", html.unescape(text) if "&" in text else text)
    visible = "".join(letter if unicodedata.category(letter) not in ("Cc", "Cs") else " " for letter in plain)
    return " ".join(visible.split())


def typed(column: pl.Series) -> pl.Series:
    """The column as whole numbers, numbers or booleans where every cell is one; ids, titles and codes such as 0042 stay texts."""
    if column.dtype != pl.String or column.name in (columns.ITEM_ID, columns.USER_ID, columns.TITLE, columns.DESCRIPTION):
        return column
    empty = column.str.strip_chars().str.to_lowercase().is_in(["", "nan", *MISSING])
    filled = column.filter(~empty)
    result = column.set(column.str.strip_chars() == "", None)
    if not len(filled):
        return result
    words = set(filled.str.to_lowercase().unique().to_list())
    if words <= {"true", "false"} or (column.name == columns.AVAILABLE and words <= YES | NO):
        return column.set(empty, None).str.to_lowercase().is_in(YES)
    if filled.str.contains(_PLAIN_NUMBER).all():
        numbers = column.set(empty, None)
        whole = not filled.str.contains(".", literal=True).any()
        return numbers.cast(pl.Int64 if whole else pl.Float64, strict=False)
    return result


def properties_of(frame: pl.DataFrame) -> list[tuple[str, dict[str, Any]]]:
    """(id, properties) of each row; cells without content are left out. `Any`: JSON."""
    id_, *rest = frame.columns
    rows = []
    for row in frame.iter_rows(named=True):
        properties = {name: row[name] for name in rest if row[name] is not None and row[name] != []}
        rows.append((row[id_], {name: _json(value) for name, value in properties.items()}))
    return rows


def _json(value: Any) -> Any:
    """A cell as a JSON value. `Any`: on both sides."""
    return value if isinstance(value, str | int | float | bool | list) else str(value)
