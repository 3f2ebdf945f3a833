"""Rows that cannot be used: counted, the first ones kept to be shown, all of them written to a file where one is named."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from penchant.core.errors import DataError
from penchant.data.sources.table import Bad

COLUMNS = ("file", "row", "column", "value", "reason")

MAX_EXAMPLES = 20
MAX_VALUE = 500

# A spreadsheet takes a cell that begins so for a formula; a quote before it makes it a text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Rejects:
    """Collects bad rows. The file is made with the first of them, and only then."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.count = 0
        self.examples: list[dict[str, str | int]] = []
        self.reasons: Counter[str] = Counter()
        self._file: TextIO | None = None

    def add(self, source: Path, rows: Iterable[Bad]) -> None:
        """Record the bad rows of one file."""
        for bad in rows:
            self.count += 1
            self.reasons[f"{bad.column}: {bad.reason}" if bad.column else bad.reason] += 1
            row = (source.name, bad.line, bad.column, bad.value[:MAX_VALUE], bad.reason)
            if len(self.examples) < MAX_EXAMPLES:
                self.examples.append(dict(zip(COLUMNS, row, strict=True)))
            if self.path is not None:
                self._write(self.path, row)

    def _write(self, path: Path, row: tuple[str | int, ...]) -> None:
        if self._file is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", encoding="utf-8", errors="replace", newline="")
            csv.writer(self._file).writerow(COLUMNS)
        csv.writer(self._file).writerow([neutral(str(cell)) for cell in row])

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def summary(self, first: int = 5) -> str:
        """The first bad rows in one line each, for an error's text."""
        shown = "\n".join(f"  {line}" for line in self._lines(first))
        more = self.count - min(first, self.count)
        return shown + (f"\n  … and {more:,} more" if more else "")

    def _lines(self, first: int) -> Iterator[str]:
        for row in self.examples[:first]:
            column = f" column {row['column']}," if row["column"] else ""
            yield f"{row['file']} row {row['row']}:{column} value {str(row['value'])[:80]!r}: {row['reason']}"

    def check(self, *, strict: bool) -> None:
        """Raises DataError naming the first bad rows where `strict` and there are any."""
        if strict and self.count:
            raise DataError(f"{self.count:,} bad rows, and strict allows none:\n{self.summary()}")


def neutral(cell: str) -> str:
    """The cell as a spreadsheet will show it, never run it."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
