"""How a delimited file is written: delimiter, quotes, header; seen from its first lines."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from penchant.data.sources.table import Bad

# In order of preference: a blank or a comma also stands inside of texts, the others hardly do.
DELIMITERS = ("::", "\t", ";", "|", ",", " ")
QUOTE = '"'

SAMPLE_RECORDS = 500
MAX_RECORD_LINES = 2_000
MAX_FIELD = 64 << 20

# A file is a table when this share of its records has the same number of fields.
CONSISTENT = 0.9


@dataclass(frozen=True)
class Dialect:
    """How the fields of one record are told apart."""

    delimiter: str
    quoted: bool = False
    escaped: bool = False  # a backslash before a quote
    padded: bool = False  # a blank after each delimiter

    @property
    def words(self) -> str:
        """The decision, for people."""
        names = {"\t": "tab", " ": "blank"}
        extras = [word for word, on in (("quoted", self.quoted), ("backslash escapes", self.escaped), ("padded", self.padded)) if on]
        return f"delimiter: {names.get(self.delimiter, self.delimiter)}" + (f" ({', '.join(extras)})" if extras else "")

    def split(self, text: str) -> list[str]:
        """The fields of a line in which no quote stands."""
        if self.delimiter == " ":
            return text.split()
        if self.padded:
            return [part.strip(" ") for part in text.split(self.delimiter)]
        return text.split(self.delimiter)

    def read(self, lines: Iterator[str], *, strict: bool = False) -> list[str]:
        """The fields of the record that starts with the next of `lines`; takes more of them while a quote is open."""
        reader = csv.reader(
            lines,
            delimiter=self.delimiter,
            skipinitialspace=self.padded,
            escapechar="\\" if self.escaped else None,
            doublequote=not self.escaped,
            strict=strict,
        )
        return next(reader)


class _Feed:
    """The lines from `start`, remembering how many were taken and whether more were asked for than there are."""

    def __init__(self, lines: Sequence[str], start: int) -> None:
        self._lines = lines
        self._start = start
        self._end = min(len(lines), start + MAX_RECORD_LINES)
        self.taken = 0
        self.ran_out = False

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        if self._start + self.taken >= self._end:
            self.ran_out = True
            raise StopIteration
        self.taken += 1
        return self._lines[self._start + self.taken - 1] + "\n"


@dataclass
class Records:
    """The records of some lines: fields, the line each starts in, and what could not be read."""

    rows: list[list[str]]
    lines: list[int]
    bad: list[Bad]
    unread: int  # lines at the end that begin a record which goes on beyond them


def parse(lines: Sequence[str], first: int, dialect: Dialect, *, width: int | None, final: bool) -> Records:
    """Records of `lines`, the first of which is line `first` of the file.

    With a `width`, a record of another number of fields is bad. A record over several lines must be perfect; where it is
    not, only its first line is bad and reading goes on with the next one, so that one stray quote costs one row.
    """
    found = Records([], [], [], 0)
    position = 0
    while position < len(lines):
        text = lines[position].removesuffix("\r")
        taken = 1
        if not text or text.isspace():
            position += 1
            continue
        if not dialect.quoted or QUOTE not in text:
            row, problem = dialect.split(text), ""
        else:
            row, taken, problem = _quoted(lines, position, dialect, width)
            if problem == _OPEN and not final and len(lines) - position < MAX_RECORD_LINES:
                found.unread = len(lines) - position
                break
        if not problem and width is not None and len(row) != width:
            if len(row) > width and not any(row[width:]):
                row = row[:width]
            else:
                problem = f"{len(row)} fields, expected {width}"
        if problem:
            found.bad.append(Bad(first + position, "", text, problem))
        else:
            found.rows.append(row)
            found.lines.append(first + position)
        position += taken
    return found


_OPEN = "a quote is opened and never closed"


def _quoted(lines: Sequence[str], position: int, dialect: Dialect, width: int | None) -> tuple[list[str], int, str]:
    """Fields of the record at `position`, the lines it takes, and what is wrong with it."""
    feed = _Feed(lines, position)
    try:
        row = dialect.read(feed)
        if feed.ran_out:
            return [], 1, _OPEN
        if feed.taken > 1:
            row = dialect.read(_Feed(lines, position), strict=True)
            if width is not None and len(row) != width:
                return [], 1, _OPEN
    except csv.Error as error:
        return [], 1, f"not readable: {error}"
    return row, feed.taken, ""


def sniff(lines: Sequence[str], delimiter: str | None = None) -> Dialect:
    """The dialect in which most of these lines have the same number of fields, at least two."""
    best, best_share = Dialect(delimiter or ","), 0.0
    for candidate in [delimiter] if delimiter else DELIMITERS:
        dialect = _with_quotes(candidate, lines)
        share, width = consistency(lines, dialect)
        if width < 2:
            continue
        if share >= CONSISTENT:
            return _with_padding(dialect, lines)
        if share > best_share:
            best, best_share = dialect, share
    return best


def consistency(lines: Sequence[str], dialect: Dialect) -> tuple[float, int]:
    """The share of records that have the most frequent number of fields, and that number; share 0 where the first has another
    number while it looks like a header, that is, where it is the only one."""
    widths = [len(row) for row in parse(lines, 1, dialect, width=None, final=True).rows]
    if not widths:
        return 0.0, 0
    width, count = Counter(widths).most_common(1)[0]
    share = count / len(widths)
    if widths[0] == 1 and width > 1:  # the header has no such delimiter: it stands inside of the values
        return min(share, 0.5), width
    return share, width


def _with_quotes(delimiter: str, lines: Sequence[str]) -> Dialect:
    """With quotes where fields that begin with one also end with one; the files that never quote are tab and `::` ones."""
    plain = Dialect(delimiter)
    if len(delimiter) > 1:
        return plain
    fields = [field.strip(" ") for line in lines[:SAMPLE_RECORDS] for field in line.removesuffix("\r").split(delimiter)]
    opening = [field for field in fields if field.startswith(QUOTE)]
    if not opening:
        return Dialect(delimiter, quoted=delimiter in ",;|")
    closed = sum(len(field) > 1 and field.endswith(QUOTE) for field in opening)
    if closed < 0.5 * len(opening) and delimiter not in ",;|":
        return plain
    options = [Dialect(delimiter, quoted=True)]
    if any('\\"' in line for line in lines):
        options.append(Dialect(delimiter, quoted=True, escaped=True))
    return max(options, key=lambda dialect: consistency(lines, dialect)[0])


def _with_padding(dialect: Dialect, lines: Sequence[str]) -> Dialect:
    """Padded where a blank follows nearly every delimiter."""
    if dialect.delimiter == " ":
        return dialect
    text = "\n".join(lines)
    delimiters, followed = text.count(dialect.delimiter), text.count(dialect.delimiter + " ")
    padded = delimiters > 0 and followed >= 0.95 * delimiters
    return Dialect(dialect.delimiter, dialect.quoted, dialect.escaped, padded)
