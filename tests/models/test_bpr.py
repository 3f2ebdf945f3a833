import numpy as np

from penchant.core.types import Queries
from penchant.models.bpr import BPR, _step, _Table
from penchant.testing.data import everyday


def test_one_step_puts_the_met_item_further_before_the_other() -> None:
    random = np.random.default_rng(0)
    users, items = (_Table(3, 4, 0.1, random) for _ in range(2))
    triple = tuple(np.array([code]) for code in (1, 0, 2))

    def ahead() -> float:
        return float(users.values[1] @ (items.values[0] - items.values[2]))

    before, untouched = ahead(), items.values[1].copy()
    _step(users, items, triple, l2=0.0)
    assert ahead() > before
    np.testing.assert_array_equal(items.values[1], untouched)


def test_the_order_and_number_of_times_in_a_history_are_irrelevant() -> None:
    scores = BPR(epochs=2).fit(everyday()).scores(Queries.of([[1, 2, 3], [3, 1, 2, 1, 1]]))
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-5)


def test_another_seed_gives_other_factors() -> None:
    assert not np.array_equal(BPR(epochs=1).fit(everyday())._items.factors, BPR(epochs=1, seed=1).fit(everyday())._items.factors)
