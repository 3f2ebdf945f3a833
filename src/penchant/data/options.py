"""How to read a file, where it does not say so itself: what `penchant import` offers as flags."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from penchant.core.config import Config

NO_COLUMN = "-"


class ReadOptions(Config):
    """Everything is detected by default; what is set here wins. Columns are named, or counted from 1 where there is no header."""

    # Where things are. `time_column` may join several columns with `+`; "-" says that there is none.
    user_column: str | None = None
    item_column: str | None = None
    time_column: str | None = None
    type_column: str | None = None
    value_column: str | None = None
    session_column: str | None = None
    title_column: str | None = None

    # How the file is written.
    source: str | None = None  # a name of `penchant.data.sources.SOURCES`
    delimiter: str | None = None
    header: bool | None = None
    columns: tuple[str, ...] = ()  # names for a file without header
    encoding: str | None = None
    time_format: str | None = None  # s, ms, us, ns, or a strptime pattern such as %d.%m.%Y

    # What cleaning does. Each is a step that counts what it touched.
    event_type: str | None = None  # for all rows, where no column says it
    drop_items: tuple[str, ...] = ()  # codes that are no items: postage, fees
    trim_ids: bool = True  # white space around an id is no part of it
    returns: Literal["remove", "keep"] = "remove"  # rows with a negative quantity
    absurd_values: Literal["clip", "keep"] = "clip"
    duplicates: Literal["remove", "keep"] = "remove"
    robots: Literal["remove", "keep"] = "remove"

    strict: bool = False  # any bad row is an error
    rejects: Path | None = None  # where bad rows are written; None = only counted, the first ones shown
    quiet: bool = True  # no progress bar

    def names_any(self, cells: Sequence[str]) -> bool:
        """Whether a flag names one of these cells as a column, which makes them a header."""
        flags = (self.user_column, self.item_column, self.time_column, self.type_column, self.value_column, self.session_column)
        wanted = {flag for flag in (*flags, self.title_column) if flag and not flag.isdigit()}
        return not wanted.isdisjoint(cell.strip() for cell in cells)
