"""Which column of a file is the user, which the item, which the time: by flag, by name, by what its values look like."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from penchant.core import columns
from penchant.core.errors import SchemaError, did_you_mean
from penchant.data import names, times
from penchant.data.options import NO_COLUMN, ReadOptions
from penchant.data.sources.table import LINE, ORDER

# The option that names the column of each role, as a field of ReadOptions and as a flag.
_OPTIONS = {
    columns.USER_ID: "user_column",
    columns.ITEM_ID: "item_column",
    columns.TIMESTAMP: "time_column",
    columns.EVENT_TYPE: "type_column",
    columns.VALUE: "value_column",
    columns.SESSION_ID: "session_column",
    columns.TITLE: "title_column",
}
# Own exports come back whole: these are taken by their exact names only.
_EXACT = (columns.SCENARIO, columns.EVENT_ID, columns.RECOMMENDATION_ID, columns.POSITION, columns.PROPENSITY, columns.PROPERTIES)

_MAX_EVENT_TYPES = 100
_RATINGS = {"rating", "ratings", "score", "scores", "stars", "overall", "star", "feedback", "评分", "打分"}
_QUANTITIES = {"quantity", "qty", "units", "amount", "cantidad", "menge", "anzahl", "quantite", "数量"}
_OTHER_IDS = (
    "store shop category cat brand seller vendor region campaign tag row event review country city department supplier manufacturer"
)
# A column that is named like a user may be a kind of one. Such a name is doubted from so many rows a value on …
_KINDS_OF_USERS = {"device", "client", "member", "guest", "subscriber", "player", "viewer"}
_ROWS_A_KIND = 20
_ROWS_A_USER = 1_000  # … and any other that is not plainly a user from so many on.
_MIN_ITEMS = 20  # fewer rows may well name each item once
_CLOCK = r"^\s*\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*$"


@dataclass
class EventMapping:
    """Where each part of an event stands in the file."""

    roles: dict[str, str]  # penchant's column → the file's
    time_columns: tuple[str, ...] = ()  # joined by a blank; none = the order of the file
    time_format: times.TimeFormat = field(default_factory=times.TimeFormat)
    decisions: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)  # columns named like a user whose values are a kind: device, client
    unused: list[str] = field(default_factory=list)

    def is_rating(self) -> bool:
        """Whether the value is a rating on some scale."""
        return bool(_RATINGS & set(names.parts(self.roles.get(columns.VALUE, ""))))

    def is_quantity(self) -> bool:
        """Whether the value is a number of pieces, where less than zero means that they came back."""
        return bool(_QUANTITIES & set(names.parts(self.roles.get(columns.VALUE, ""))))

    def times(self, frame: pl.DataFrame) -> pl.Series:
        """The time column of a chunk, its parts joined."""
        if len(self.time_columns) == 1:
            return frame[self.time_columns[0]]
        return frame.select(pl.concat_str([pl.col(name).cast(pl.String) for name in self.time_columns], separator=" ")).to_series()


def map_events(frame: pl.DataFrame, options: ReadOptions, *, header: bool, where: str) -> EventMapping:
    """The mapping of a file of events, judged by its first rows. Raises SchemaError naming columns and flags."""
    found = [name for name in frame.columns if name not in (LINE, ORDER)]
    mapping = EventMapping(_flagged(found, options, header=header, where=where))
    if options.time_column and options.time_column != NO_COLUMN:
        wanted = [options.time_column] if options.time_column in found else options.time_column.split("+")
        mapping.time_columns = tuple(column_named(part, found, "time_column", header=header, where=where) for part in wanted)
    if header:
        _by_name(mapping, frame, found, options)
    else:
        _by_shape(mapping, frame, found, options)
    _complete(mapping, frame, found, header=header, where=where)
    _decide_time_format(mapping, frame, options)
    _say(mapping, found)
    return mapping


def _flagged(found: Sequence[str], options: ReadOptions, *, header: bool, where: str) -> dict[str, str]:
    roles = {}
    for role, option in _OPTIONS.items():
        wanted = getattr(options, option)
        if wanted and wanted != NO_COLUMN and role not in (columns.TIMESTAMP, columns.TITLE):
            roles[role] = column_named(wanted, found, option, header=header, where=where)
    return roles


def column_named(wanted: str, found: Sequence[str], option: str, *, header: bool, where: str) -> str:
    """The column that a flag names; a number counts from 1 where the file has no names."""
    if wanted in found:
        return wanted
    if not header and wanted.isdigit() and 1 <= int(wanted) <= len(found):
        return found[int(wanted) - 1]
    same = [name for name in found if names.parts(name) == names.parts(wanted)]
    if len(same) == 1:
        return same[0]
    raise SchemaError(f"{where}: --{option.replace('_', '-')}: no column {wanted!r}{did_you_mean(wanted, found)}")


def _free(mapping: EventMapping, found: Sequence[str]) -> list[str]:
    taken = {*mapping.roles.values(), *mapping.time_columns}
    return [name for name in found if name not in taken]


def _by_name(mapping: EventMapping, frame: pl.DataFrame, found: Sequence[str], options: ReadOptions) -> None:
    roles = mapping.roles
    for role in _EXACT:
        exact = [name for name in _free(mapping, found) if names.rank(name, role) == 0]
        if exact:
            roles[role] = exact[0]
    if not mapping.time_columns and options.time_column != NO_COLUMN:
        mapping.time_columns = _time_by_name(_free(mapping, found), frame)
    # The session comes last: `sid` may be the item of a file that names no other.
    for role in (columns.USER_ID, columns.ITEM_ID, columns.EVENT_TYPE, columns.VALUE, columns.SESSION_ID):
        free = _free(mapping, found)
        if role in roles or getattr(options, _OPTIONS[role]) == NO_COLUMN:
            continue
        if role == columns.SESSION_ID and columns.ITEM_ID not in roles and len(free) == 1:
            continue
        if role == columns.USER_ID:
            mapping.kinds = [name for name in names.best(free, role) if _is_kind_of_users(name, free, frame)]
        for name in names.best(free, role):
            if name not in mapping.kinds and _suits(frame[name], role):
                roles[role] = name
                break
    if not mapping.time_columns and options.time_column != NO_COLUMN:
        mapping.time_columns = _time_by_values(mapping, found, frame)
    if columns.ITEM_ID in roles and columns.USER_ID not in roles and columns.SESSION_ID in roles and len(_id_like(mapping, found)) == 0:
        roles[columns.USER_ID] = roles[columns.SESSION_ID]
        mapping.decisions.append(f"user: there is no user column; each {roles[columns.SESSION_ID]} counts as one")


def _is_kind_of_users(name: str, free: Sequence[str], frame: pl.DataFrame) -> bool:
    """Whether a column that may be named like a user (device, client) holds a handful of kinds, while another one tells far more apart.

    A file sorted by user begins with few of them too, but they do not alternate.
    """
    if names.is_plain(name, columns.USER_ID):
        return False
    values, n = frame[name], frame[name].n_unique()
    enough = _ROWS_A_KIND if set(names.parts(name)) & _KINDS_OF_USERS else _ROWS_A_USER
    if len(values) < enough * n or (values != values.shift()).sum() < 2 * n:
        return False
    flat = [each for each in free if not frame[each].dtype.is_nested()]
    rivals = [each for each in flat if names.rank(each, columns.SESSION_ID) < names.UNKNOWN_RANK or not names.is_known(each)]
    return any(frame[each].n_unique() >= 10 * n for each in rivals if each != name and not _holds_times(frame[each]))


def _id_like(mapping: EventMapping, found: Sequence[str]) -> list[str]:
    """Free columns that are named like an id, and not of something that is neither user nor item."""
    free = [(name, names.parts(name)) for name in _free(mapping, found)]
    return [name for name, words in free if len(words) > 1 and words[-1] == "id" and not set(_OTHER_IDS.split()) & set(words)]


def _suits(column: pl.Series, role: str) -> bool:
    """Whether the values can be what the name promises."""
    if role == columns.EVENT_TYPE:
        return column.n_unique() <= _MAX_EVENT_TYPES
    if role == columns.VALUE:
        return _numeric_share(column) >= 0.5
    return True


def _time_by_name(free: Sequence[str], frame: pl.DataFrame) -> tuple[str, ...]:
    """The column that is named like a time and holds times; a date is joined by its time of day where that stands beside it."""
    clocks = _clocks(free, frame)
    for name in names.best(free, columns.TIMESTAMP):
        if name in clocks:
            continue
        time_format, share = times.detect(frame[name])
        if share < 0.5 or (time_format.unit and names.rank(name, columns.TIMESTAMP) >= 300 and _is_duration(frame[name], time_format)):
            continue
        return _with_clock(name, time_format, clocks)
    return ()


def _time_by_values(mapping: EventMapping, found: Sequence[str], frame: pl.DataFrame) -> tuple[str, ...]:
    """The one column that holds times where no name tells; none where there are several, or where its name says something else."""
    free = _free(mapping, found)
    clocks = _clocks(free, frame)
    likely = [name for name in free if name not in clocks and names.may_be_time(name) and _holds_times(frame[name])]
    if len(likely) != 1:
        return ()
    mapping.decisions.append(f"timestamp: {likely[0]}, the only column that holds times")
    return _with_clock(likely[0], times.detect(frame[likely[0]])[0], clocks)


def _clocks(free: Sequence[str], frame: pl.DataFrame) -> list[str]:
    """Columns of times of day."""
    return [name for name in free if _share(frame[name], _CLOCK) >= 0.9]


def _with_clock(name: str, time_format: times.TimeFormat, clocks: Sequence[str]) -> tuple[str, ...]:
    """A column of times; where it holds dates only, with the time of day that stands beside it."""
    only_dates = bool(time_format.patterns) and "%H" not in time_format.patterns[0].format
    return (name, clocks[0]) if only_dates and clocks else (name,)


def _is_duration(column: pl.Series, time_format: times.TimeFormat) -> bool:
    """`watch_time`: small numbers under a name that only ends like a time."""
    median = time_format.parse(column).median()
    return not isinstance(median, int | float) or median < 365 * 86_400 * 1_000_000


def _share(column: pl.Series, pattern: str) -> float:
    if column.dtype != pl.String or not len(column):
        return 0.0
    return float(column.str.contains(pattern).fill_null(value=False).sum()) / len(column)


def _numeric_share(column: pl.Series) -> float:
    """Of the values that are there, how many are numbers; 0 where there are none."""
    if column.dtype.is_numeric():
        return 1.0
    filled = column.cast(pl.String).str.strip_chars().replace("", None).drop_nulls()
    return float(filled.str.contains(times.NUMBER).sum()) / len(filled) if len(filled) else 0.0


def _by_shape(mapping: EventMapping, frame: pl.DataFrame, found: Sequence[str], options: ReadOptions) -> None:
    """Without a header: a time is what looks like one; of the rest user, item and a value follow each other."""
    roles = mapping.roles
    if not mapping.time_columns and options.time_column != NO_COLUMN:
        mapping.time_columns = _time_by_shape(_free(mapping, found), frame)
    free = _free(mapping, found)
    if len(free) > 2 and counts_rows(frame[free[0]]) and columns.USER_ID not in roles:
        mapping.decisions.append(f"{free[0]}: counts the rows; left out")
        free = free[1:]
    ids = [name for name in free if _share(frame[name], r"^\s*-?\d+\.\d*[1-9]\d*\s*$") < 0.5]
    for role in (columns.USER_ID, columns.ITEM_ID):
        if role not in roles and ids:
            roles[role] = ids.pop(0)
    after = free[free.index(roles[columns.ITEM_ID]) + 1 :] if roles.get(columns.ITEM_ID) in free else []
    if after and columns.EVENT_TYPE not in roles and _is_kind(frame[after[0]]):
        roles[columns.EVENT_TYPE] = after.pop(0)
    if after and columns.VALUE not in roles and options.value_column != NO_COLUMN and _numeric_share(frame[after[0]]) >= 0.95:
        roles[columns.VALUE] = after[0]


def _time_by_shape(free: Sequence[str], frame: pl.DataFrame) -> tuple[str, ...]:
    for name in reversed(free):  # user and item come first where ids are as large as epochs
        if _holds_times(frame[name]) and (len(free) > 2 or times.detect(frame[name])[0].patterns):
            return (name,)
    return ()


def _holds_times(column: pl.Series) -> bool:
    """Whether nearly all values are times of our days."""
    modern = 315_532_800 * 1_000_000  # 1980: smaller numbers are ids and counts
    limit = 4_102_444_800 * 1_000_000  # 2100
    if column.dtype.is_nested() or column.dtype in (pl.Time, pl.Duration):
        return False
    time_format, share = times.detect(column)
    if share < 0.9:
        return False
    found = time_format.parse(column)
    return int(found.is_between(modern, limit).sum() or 0) >= 0.9 * len(found)


def counts_rows(column: pl.Series) -> bool:
    """0, 1, 2 … or 1, 2, 3 …: the index of a data frame that was written with the rest."""
    numbers = column.cast(pl.Int64, strict=False)
    return len(numbers) > 2 and numbers[0] in (0, 1) and bool((numbers.diff().drop_nulls() == 1).all()) and not numbers.null_count()


def _is_kind(column: pl.Series) -> bool:
    """A few words that come again and again: view, cart, purchase."""
    return _numeric_share(column) < 0.05 and column.n_unique() <= min(20, max(1, len(column) // 10))


def _complete(mapping: EventMapping, frame: pl.DataFrame, found: Sequence[str], *, header: bool, where: str) -> None:
    """The one column left, or the one left that is named like an id, must be what is missing; else an error says what to do."""
    missing = [role for role in (columns.USER_ID, columns.ITEM_ID) if role not in mapping.roles]
    if not missing:
        return
    role, free = missing[0], [name for name in _free(mapping, found) if name not in mapping.kinds]
    likely = free if len(free) == 1 else _id_like(mapping, found)
    listing = role == columns.USER_ID and columns.ITEM_ID in mapping.roles and _is_catalogue(frame[mapping.roles[columns.ITEM_ID]])
    described = role == columns.USER_ID and any(map(names.is_known, likely))  # title, brand …: what is told of items
    if len(missing) == len(likely) == 1 and header and not listing and not described:
        mapping.roles[role] = likely[0]
        mapping.decisions.append(f"{role}: {likely[0]}, the only column left that can be")
        return
    flag = "--" + _OPTIONS[role].replace("_", "-")
    hint = "; is it a list of items? That is given as --items" if listing or described else ""
    raise SchemaError(
        f"{where}: no column looks like {'a user' if role == columns.USER_ID else 'an item'}; columns: {listed(found)}; "
        f"name it with {flag} COLUMN{hint}"
    )


def _is_catalogue(items: pl.Series) -> bool:
    """Whether no item comes twice, as in a list of what there is."""
    return len(items) >= _MIN_ITEMS and items.n_unique() == len(items)


def _decide_time_format(mapping: EventMapping, frame: pl.DataFrame, options: ReadOptions) -> None:
    if mapping.time_columns:
        mapping.time_format = times.given(options.time_format) if options.time_format else times.detect(mapping.times(frame))[0]


def _say(mapping: EventMapping, found: Sequence[str]) -> None:
    """One line for the columns that are used, one for those that are not."""
    used = [f"{role} = {name}" for role, name in mapping.roles.items()]
    if mapping.time_columns:
        used.append(f"{columns.TIMESTAMP} = {' + '.join(mapping.time_columns)}")
    mapping.decisions.insert(0, "columns: " + ", ".join(used))
    rest = mapping.unused = _free(mapping, found)
    if rest:
        mapping.decisions.append(f"columns not used: {listed(rest)}")
        titles = [name for role in (columns.TITLE, columns.DESCRIPTION) for name in names.best(rest, role) if names.rank(name, role) < 300]
        if titles:
            mapping.decisions.append(f"{titles[0]} looks like a title of items: give the same file as items to use it")


def listed(found: Sequence[str], most: int = 12) -> str:
    """Names in a sentence, cut where there are many."""
    return ", ".join(found[:most]) + (f" and {len(found) - most} more" if len(found) > most else "")


def is_header(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first record names the columns: a known name stands in it, or words stand above what they cannot be one of."""
    numeric = [_is_number(cell) for cell in first]
    known = sum(names.is_known(cell) for cell in first)
    if any(numeric) or not any(cell.strip() for cell in first):
        return known >= 2 and known > sum(numeric)
    if known:
        return True
    body = [row for row in rows if len(row) == len(first)]
    worded = not any(_has_digit(cell) for cell in first)
    return bool(body) and any(_stand_below([row[k] for row in body], worded=worded) for k in range(len(first)) if first[k].strip())


def _stand_below(values: Sequence[str], *, worded: bool) -> bool:
    """Whether these are numbers; below a first record without any digit (`worded`) also dates, and ids that all have digits."""
    filled = [value for value in values if value.strip()]
    return all(map(_is_number, values)) or (worded and len(filled) > 1 and all(map(_has_digit, filled)))


def _has_digit(text: str) -> bool:
    return any(letter.isdigit() for letter in text)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
