"""One file = one kind of input. `SOURCES` lists them in the order in which they are asked whether a file is theirs."""

from pathlib import Path

from penchant.core.catalogue import Catalogue
from penchant.core.errors import DataError
from penchant.data.options import ReadOptions
from penchant.data.sources.table import InputFile, Source, Table

SOURCES = Catalogue(
    "source",
    {
        "parquet": "penchant.data.sources.parquet:Parquet",
        "baskets": "penchant.data.sources.baskets:Baskets",
        "json": "penchant.data.sources.json_lines:JsonLines",
        "recbole": "penchant.data.sources.recbole:RecBole",
        "sequences": "penchant.data.sources.sequences:Sequences",
        "delimited": "penchant.data.sources.delimited:Delimited",
    },
)

__all__ = ["SOURCES", "open_table"]


def open_table(path: Path, options: ReadOptions) -> Table:
    """The file as a table, its kind found by content unless `options.source` names it. Raises DataError."""
    file = InputFile(path)
    for name in [options.source] if options.source else SOURCES:
        source: Source = SOURCES.load(name)()
        if options.source or source.recognises(file, options):
            return source.open(file, options)
    raise DataError(f"{path}: not a format that can be read; known: {', '.join(SOURCES)}")
