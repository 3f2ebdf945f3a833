import numpy as np
import pytest

from penchant.core.types import Queries, narrow
from penchant.models import MODELS
from penchant.models.sparse import histories
from penchant.testing.data import everyday

SPARSE = ["item-knn", "slim", "graph-filter", "last-item", "user-knn", "tifu-knn"]


@pytest.mark.parametrize("settings", [{}, {"neighbours": None}], ids=["some", "all"])
def test_columns_of_whole_rows_take_four_bytes(settings: dict[str, int | None]) -> None:
    arrays = MODELS.load("graph-filter")(**settings).fit(everyday())._arrays()
    assert {arrays["weights.indices"].dtype, arrays["weights.indptr"].dtype} == {np.dtype(np.int32)}


@pytest.mark.parametrize("name", SPARSE)
def test_a_stored_value_takes_eight_bytes(name: str) -> None:
    arrays = MODELS.load(name)().fit(everyday())._arrays()
    kinds = {key.rsplit(".", 1)[-1]: array.dtype for key, array in arrays.items() if "." in key}
    assert (kinds["data"], kinds["indices"], kinds["indptr"]) == (np.float32, np.int32, np.int32)


@pytest.mark.parametrize("name", SPARSE)
def test_columns_saved_in_eight_bytes_are_read_and_answer_alike(name: str) -> None:
    model, queries = MODELS.load(name)().fit(everyday()), Queries.of([[1, 2], [3]])
    saved = {key: array.astype(np.int64) if array.dtype == np.int32 else array for key, array in model._arrays().items()}
    expected = model.scores(queries)
    model._restore(saved)
    np.testing.assert_array_equal(model.scores(queries), expected)
    assert all(array.dtype == np.int32 for key, array in model._arrays().items() if key.endswith(("indices", "indptr")))


def test_a_history_has_the_same_kind_of_columns_as_what_it_is_multiplied_by() -> None:
    asked = histories(Queries.of([[1, 2], [3]]), 5)
    assert (asked.indices.dtype, asked.indptr.dtype) == (np.int32, np.int32)


def test_offsets_that_need_eight_bytes_keep_them() -> None:
    assert narrow(np.array([0, 2**31])).dtype == np.int64
    assert narrow(np.array([0, 2**31 - 1])).dtype == np.int32
