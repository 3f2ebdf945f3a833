"""Where a wrong guess about columns would be stored as fact: an error names what was guessed and the flag that decides."""

import polars as pl

from penchant.core import columns
from penchant.core.errors import SchemaError
from penchant.data import names
from penchant.data.mapping import EventMapping, counts_rows, listed
from penchant.data.options import NO_COLUMN, ReadOptions

# A guessed user with more events than that on average is rather a kind of user, a shop, a day.
EVENTS_A_USER = 1_000

LEAST_DATE = 1e7  # 10000101
GROUPS = r"\d{1,4}\D{1,3}\d{1,2}|\d{8}"


def check_times(mapping: EventMapping, frame: pl.DataFrame, options: ReadOptions, *, header: bool, where: str) -> None:
    """Raises SchemaError where the order of rows would be the time, while columns are left that may hold times."""
    left = [name for name in mapping.unused if not header or _may_hold_times(frame[name])]  # without names nothing is sure
    if mapping.time_columns or options.time_column == NO_COLUMN or not left:
        return
    used = ", ".join(f"{role} = {name}" for role, name in mapping.roles.items())
    raise SchemaError(
        f"{where}: no column is seen to hold times, so the order of rows would be the time; not used: {listed(left)}; guessed: {used}; "
        "name the times with --time-column COLUMN, and how they are written with --time-format; "
        f"or say with --time-column - that there are none{'' if header else '; if the first row names the columns: --header'}"
    )


def _may_hold_times(column: pl.Series) -> bool:
    """Most values are numbers as large as a date written in digits, or texts with groups of digits in them, as dates have."""
    if column.dtype.is_nested() or column.null_count() == len(column) or counts_rows(column):
        return False
    known = column.drop_nulls()
    if known.dtype.is_numeric():
        return bool((known.cast(pl.Float64).abs() >= LEAST_DATE).mean() > 0.5)  # type: ignore[operator]  # of a column that is not empty
    return bool(known.cast(pl.String).str.contains(GROUPS).mean() > 0.5)  # type: ignore[operator]


def check_users(mapping: EventMapping, options: ReadOptions, *, n_users: int, n_events: int, where: str) -> None:
    """Raises SchemaError where a user column that was not plainly named has far too few users."""
    user = mapping.roles[columns.USER_ID]
    if options.user_column not in (None, NO_COLUMN) or names.is_plain(user, columns.USER_ID) or n_events <= EVENTS_A_USER * n_users:
        return
    raise SchemaError(
        f"{where}: user_id = {user} was guessed, and {n_events:,} events of {n_users:,} users are too many for people; "
        f"not used: {listed(mapping.unused) or 'none'}; say with --user-column COLUMN which it is ({user} too, if it is right), "
        "or with --user-column - that there is none, when each session counts as a user"
    )
