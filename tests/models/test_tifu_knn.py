import numpy as np
import polars as pl

from penchant.core.types import Queries
from penchant.data import Dataset
from penchant.models import TIFUKNN

# Items of each basket in order, of three people.
BASKETS = {"a": [[0, 1], [0], [2, 0], [1]], "b": [[3], [0, 3]], "c": [[4, 1]]}


def dataset() -> Dataset:
    rows = [(user, f"i{item}", time) for user, baskets in BASKETS.items() for time, basket in enumerate(baskets) for item in basket]
    return Dataset.from_events(pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row"))


def by_hand(baskets: list[list[int]], group: int, within: float, between: float) -> np.ndarray:  # type: ignore[type-arg]
    """The vector of one person, straight from the paper's words."""
    groups = [baskets[max(0, stop - group) : stop] for stop in range(len(baskets), 0, -group)][::-1]
    vector = np.zeros(5)
    for g, members in enumerate(groups):
        mean = np.zeros(5)
        for b, basket in enumerate(members):
            mean[basket] += within ** (len(members) - 1 - b) / len(members)
        vector += between ** (len(groups) - 1 - g) * mean / len(groups)
    return vector


def test_habits_are_those_of_the_paper() -> None:
    data = dataset()
    model = TIFUKNN(group=3, within_decay=0.8, group_decay=0.6, own=1.0).fit(data)
    scores = model.scores(data.queries()) - model.scores(data.queries()).min()
    columns = [data.items.code(f"i{item}") for item in range(5)]
    expected = np.stack([by_hand(baskets, 3, 0.8, 0.6) for baskets in BASKETS.values()])
    np.testing.assert_allclose(scores[:, columns], expected, atol=2e-6)  # popularity breaks ties


def test_the_rest_is_the_mean_of_the_nearest() -> None:
    data = dataset()
    model = TIFUKNN(group=3, own=0.25, neighbours=2).fit(data)
    own = np.stack([by_hand(baskets, 3, 0.9, 0.7) for baskets in BASKETS.values()])
    distances = ((own[0] - own) ** 2).sum(axis=1)
    nearest = np.argsort(distances)[:2]
    columns = [data.items.code(f"i{item}") for item in range(5)]
    expected = 0.25 * own[0] + 0.75 * own[nearest].mean(axis=0)
    np.testing.assert_allclose(model.scores(data.queries([0]))[0, columns], expected, atol=2e-6)


def test_what_is_bought_again_comes_first() -> None:
    data = dataset()
    best = TIFUKNN(own=1.0).fit(data).recommend(data.queries(), 1, exclude_seen=False)
    assert [data.items.ids[code] for code in best.items] == ["i0", "i3", "i1"]  # the last by popularity


def test_somebody_new_is_no_error() -> None:
    scores = TIFUKNN().fit(dataset()).scores(Queries.of([[0, 1], []]))
    assert np.isfinite(scores[0]).all()
    assert (scores[1] == -np.inf).all()
