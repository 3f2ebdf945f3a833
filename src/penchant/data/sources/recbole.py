"""RecBole's atomic files: `.inter`, `.item`, `.user`; a header names each column with its type, as in `user_id:token`."""

import re

from penchant.data.options import ReadOptions
from penchant.data.sources.delimited import Delimited
from penchant.data.sources.table import LINE, Chunk, InputFile, Table
from penchant.data.sources.text import TextReader

_TYPES = ("token", "token_seq", "float", "float_seq")
_FIELD = re.compile(rf"^[^\s:]+:({'|'.join(_TYPES)})$")


class RecBole:
    """Delimited text whose header carries types; a `token_seq` is a list divided by blanks."""

    def recognises(self, file: InputFile, options: ReadOptions) -> bool:
        """By the header."""
        return all(_FIELD.match(cell) for cell in _header(file, options))

    def open(self, file: InputFile, options: ReadOptions) -> Table:
        """The file as a table whose columns have lost their types."""
        delimiter = options.delimiter or ("\t" if "\t" in TextReader(file, options.encoding).sample().split("\n", 1)[0] else ",")
        table = Delimited().open(file, options.model_copy(update={"header": True, "delimiter": delimiter}))
        plain = {name: name.rsplit(":", 1)[0] for name in table.columns}
        lists = frozenset(plain[name] for name in table.columns if name.endswith("_seq"))
        chunks = (Chunk(c.frame.rename(plain), c.bad, c.position) for c in table.chunks)
        names = [plain[name] for name in table.columns if name != LINE]
        decisions = [*table.decisions[:-1], "header: " + ", ".join(names)]
        return Table(file.path, "recbole", names, chunks, lists=lists, decisions=decisions)


def _header(file: InputFile, options: ReadOptions) -> list[str]:
    first = TextReader(file, options.encoding).sample().split("\n", 1)[0].rstrip("\r")
    return first.split("\t") if "\t" in first else first.split(",")
