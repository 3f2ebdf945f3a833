import pytest

from penchant.models import MODELS
from penchant.models.item_to_item import ItemToItem
from penchant.testing.data import everyday

NAMES = {"item-knn": "similarity", "slim": "weights", "graph-filter": "weights", "last-item": "transitions"}


@pytest.mark.parametrize(("name", "matrix"), NAMES.items())
def test_what_is_learned_is_saved_under_the_names_that_older_artifacts_have(name: str, matrix: str) -> None:
    model = MODELS.load(name)().fit(everyday())
    assert isinstance(model, ItemToItem)
    assert set(model._arrays()) == {*(f"{matrix}.{part}" for part in ("data", "indices", "indptr", "shape")), "popularity"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["_scores", "_arrays", "_restore"])
def test_the_sum_over_the_history_is_written_once(name: str, method: str) -> None:
    assert getattr(MODELS.load(name), method) is getattr(ItemToItem, method)
