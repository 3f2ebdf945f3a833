"""Parquet, read a batch at a time."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl
import pyarrow as pa
from pyarrow import parquet

from penchant.core.errors import DataError
from penchant.data.options import ReadOptions
from penchant.data.sources.table import CHUNK_ROWS, LINE, Chunk, InputFile, Table

_MAGIC = b"PAR1"


class Parquet:
    """Parquet files; numbers become texts, except that times stay times."""

    def recognises(self, file: InputFile, options: ReadOptions) -> bool:
        """By the magic bytes."""
        return file.head.startswith(_MAGIC)

    def open(self, file: InputFile, options: ReadOptions) -> Table:
        """The file as a table; LINE counts rows."""
        with _opened(file) as opened:
            names = [name for name in opened.schema_arrow.names if not name.startswith("__index_level_")]
        return Table(file.path, "parquet", names, _chunks(file, names))


@contextmanager
def _opened(file: InputFile) -> Iterator[parquet.ParquetFile]:
    """The file, gunzipped into a nameless temporary one where it must be: Parquet is read from its end."""
    try:
        if not file.compressed:
            with parquet.ParquetFile(file.path) as opened:
                yield opened
            return
        with tempfile.TemporaryFile() as target, file.stream() as (data, _):
            shutil.copyfileobj(data, target, 1 << 20)
            target.seek(0)
            with parquet.ParquetFile(target) as opened:
                yield opened
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file.path}: is not a Parquet file that can be read: {error}; write it again") from None


def _chunks(file: InputFile, names: list[str]) -> Iterator[Chunk]:
    with _opened(file) as opened:
        total, done = max(1, opened.metadata.num_rows), 0
        for batch in opened.iter_batches(batch_size=CHUNK_ROWS, columns=names):
            frame = pl.DataFrame(pl.from_arrow(batch)).select(names)
            frame = frame.select(_as_text(frame[name]) for name in names)
            done += len(frame)
            lines = pl.int_range(done - len(frame) + 1, done + 1, dtype=pl.Int64).alias(LINE)
            yield Chunk(frame.with_columns(lines), (), file.size * done // total)


def _as_text(column: pl.Series) -> pl.Series:
    """Texts; whole numbers that are stored as floats (as pandas does where some are missing) lose their `.0`."""
    kind = column.dtype
    if kind.is_temporal() or kind == pl.String:
        return column
    if isinstance(kind, pl.List) and not kind.inner.is_nested():
        return column.cast(pl.List(pl.String))
    if kind.is_nested() or kind == pl.Object:
        texts = [None if value is None else json.dumps(value, ensure_ascii=False, default=str) for value in column.to_list()]
        return pl.Series(column.name, texts, dtype=pl.String)
    if kind == pl.Binary:
        return column.cast(pl.String, strict=False)
    if kind.is_float():
        value = pl.col(column.name)
        whole = value.is_finite() & (value == value.round()) & (value.abs() < 2**53)
        text = pl.when(whole).then(value.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(value.cast(pl.String))
        return column.to_frame().select(text.alias(column.name)).to_series()
    return column.cast(pl.String)
