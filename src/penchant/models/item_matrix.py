"""What a catalogue says about its items, as numbers: one row an item, one column a fact."""

import numpy as np
import polars as pl

from penchant.core import columns
from penchant.core.errors import DataError
from penchant.core.types import FloatArray
from penchant.data import Dataset

MOST_VALUES = 64  # columns that one text column may become; its most frequent values
LEAST_ITEMS = 2  # items that must share a value: what only one item has, its own vector can hold
FURTHEST = 3.0  # deviations from the mean beyond which a number is cut


def item_matrix(dataset: Dataset) -> FloatArray:
    """[n_items, F] float32, row = item code: numbers as deviations from their mean, texts and lists as 0 and 1; what is missing is 0.

    Values that only one item has, such as titles, become nothing. Raises DataError where nothing is left.
    """
    features = dataset.item_features
    parts = [] if features is None else [_columns(features[name]) for name in features.columns if name != columns.ITEM_ID]
    matrix = np.concatenate([np.zeros((dataset.n_items, 0), np.float32), *parts], axis=1)
    if not matrix.shape[1]:
        raise DataError(
            f"inputs: 'content' needs properties of items that several of them share; the data set {dataset.name!r} has none; "
            "import an item file, or leave 'content' out"
        )
    return matrix


def _columns(series: pl.Series) -> FloatArray:
    """[n_items, 0 … MOST_VALUES] of one column."""
    if series.dtype == pl.Boolean or series.dtype.is_numeric():
        return _deviations(series.cast(pl.Float64).to_numpy())
    if series.dtype == pl.String or series.dtype == pl.List(pl.String):
        return _flags(series)
    return np.zeros((len(series), 0), np.float32)


def _deviations(numbers: np.ndarray[tuple[int], np.dtype[np.float64]]) -> FloatArray:
    known = np.isfinite(numbers)
    if not known.any() or numbers[known].std() == 0:
        return np.zeros((len(numbers), 0), np.float32)
    scaled = (numbers - numbers[known].mean()) / numbers[known].std()
    return np.where(known, np.clip(scaled, -FURTHEST, FURTHEST), 0)[:, None].astype(np.float32)


def _flags(series: pl.Series) -> FloatArray:
    name = series.name
    pairs = pl.DataFrame({"item": np.arange(len(series)), name: series})
    pairs = (pairs.explode(name) if series.dtype != pl.String else pairs).drop_nulls().unique()
    counts = pairs.group_by(name).len().filter(pl.col("len") >= LEAST_ITEMS).sort("len", name, descending=[True, False])
    kept = {value: place for place, value in enumerate(counts[name].head(MOST_VALUES))}
    matrix = np.zeros((len(series), len(kept)), np.float32)
    for item, value in pairs.iter_rows():
        if value in kept:
            matrix[item, kept[value]] = 1
    return matrix
