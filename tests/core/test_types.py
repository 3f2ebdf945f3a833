from itertools import pairwise

import numpy as np
import pytest

from penchant.core import types
from penchant.core.types import among, lengths_kept, offsets_of


def test_membership_is_exact_at_both_ends() -> None:
    np.testing.assert_array_equal(among(np.array([0, 2, 3, 9, 10]), np.array([2, 5, 9])), [False, True, False, True, False])


def test_nothing_is_among_none() -> None:
    none = np.zeros(0, np.int64)
    assert not among(np.array([0, 1]), none).any()
    assert len(among(none, none)) == 0


@pytest.mark.parametrize("slab", [1, 3, 7, 100])
def test_what_is_kept_of_each_row_equals_a_loop(slab: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(types, "SLAB", slab)
    offsets = offsets_of(np.array([0, 2, 0, 0, 9, 1, 3, 0]))
    keep = np.random.default_rng(0).random(offsets[-1]) < 0.5
    loop = [keep[start:stop].sum() for start, stop in pairwise(offsets)]
    np.testing.assert_array_equal(lengths_kept(offsets, keep), loop)


def test_of_no_rows_and_of_empty_rows_nothing_is_kept() -> None:
    assert len(lengths_kept(np.zeros(1, np.int64), np.zeros(0, bool))) == 0
    np.testing.assert_array_equal(lengths_kept(np.zeros(3, np.int64), np.zeros(0, bool)), [0, 0])
