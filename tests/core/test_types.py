import numpy as np

from penchant.core.types import among


def test_membership_is_exact_at_both_ends() -> None:
    np.testing.assert_array_equal(among(np.array([0, 2, 3, 9, 10]), np.array([2, 5, 9])), [False, True, False, True, False])


def test_nothing_is_among_none() -> None:
    none = np.zeros(0, np.int64)
    assert not among(np.array([0, 1]), none).any()
    assert len(among(none, none)) == 0
