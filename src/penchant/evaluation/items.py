"""What the training data says about each item, as the metrics of novelty, diversity and popularity need it."""

import numpy as np
import polars as pl
from scipy import sparse

from penchant.core import columns
from penchant.core.types import LongArray, offsets_of
from penchant.data import Dataset
from penchant.metrics import ItemFacts


def item_facts(known: Dataset) -> ItemFacts:
    """Popularity of each item and a unit vector that says what it is like: its categories, else who met it."""
    events = known.interactions
    met = events.matrix(known.n_items)
    met.data[:] = 1
    vectors = category_vectors(known)
    return ItemFacts(
        popularity=np.bincount(met.indices, minlength=known.n_items).astype(np.int64),
        n_users=int((events.lengths > 0).sum()),
        n_events=np.bincount(events.items, minlength=known.n_items).astype(np.int64),
        vectors=_unit(sparse.csr_array(met.T)) if vectors is None else vectors,
        alike="share people" if vectors is None else "share categories",
    )


def category_vectors(dataset: Dataset) -> sparse.csr_array | None:
    """[n_items, C] unit rows, one column a category; None where the data set has no categories."""
    features = dataset.item_features
    if features is None or columns.CATEGORIES not in features.columns:
        return None
    column = features[columns.CATEGORIES]
    lists = column if isinstance(column.dtype, pl.List) else column.cast(pl.String).map_elements(_alone, return_dtype=pl.List(pl.String))
    rows = pl.DataFrame({"item": np.arange(len(lists)), "category": lists}).explode("category").drop_nulls().unique(maintain_order=True)
    if not len(rows):
        return None
    names, codes = np.unique(rows["category"].cast(pl.String).to_numpy().astype(np.str_), return_inverse=True)
    items = rows["item"].to_numpy()
    ones = np.ones(len(rows), dtype=np.float32)
    return _unit(sparse.csr_array((ones, (items, codes)), shape=(dataset.n_items, len(names))))


def _alone(value: str) -> list[str]:
    return [value]


def _unit(rows: sparse.csr_array) -> sparse.csr_array:
    """Rows of length 1, from rows of zeros and ones."""
    rows.sort_indices()
    lengths: LongArray = np.diff(rows.indptr).astype(np.int64)
    data = np.repeat(1 / np.sqrt(np.maximum(1, lengths)), lengths)
    return sparse.csr_array((data, rows.indices, offsets_of(lengths)), shape=rows.shape)
