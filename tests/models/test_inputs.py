"""Histories as a model reads them in batches."""

import numpy as np

from penchant.core.types import Queries
from penchant.models.inputs import POSITIONS, Inputs, event_facts, inputs

LONGEST, START = 50, 999


def histories(n: int) -> Queries:
    rng = np.random.default_rng(0)
    return Queries.of([rng.integers(0, 100, length) for length in rng.integers(0, 80, n)])


def test_every_request_is_read_once_and_as_if_alone() -> None:
    queries = histories(3_000)
    met = np.zeros(len(queries), int)
    for rows, given in inputs(queries, longest=LONGEST, start=START):
        met[rows] += 1
        assert given.codes.size <= POSITIONS
        assert all(part.shape == given.codes.shape for part in (given.times, given.asked))
        facts = event_facts(queries.take(rows), longest=LONGEST, scenario=-1, width=given.codes.shape[1])
        assert facts.event_types.shape == given.codes.shape
        for at in (0, len(rows) // 2, len(rows) - 1):
            alone = Inputs.of(queries.take(rows[[at]]).last(LONGEST), longest=LONGEST, start=START)
            length = int(given.lengths[at])
            assert alone.lengths[0] == length == alone.codes.shape[1]
            for whole, own in zip(given[:3], alone[:3], strict=True):
                np.testing.assert_array_equal(whole[at, :length], own[0])
            assert (given.codes[at, length:] == START).all()
    assert (met == 1).all()


def test_many_requests_come_in_few_shapes_and_few_are_not_padded() -> None:
    full = {given.codes.shape for n in range(3_000, 3_100, 7) for _, given in inputs(histories(n), longest=LONGEST, start=START)}
    assert len({shape for shape in full if shape[0] * shape[1] > POSITIONS - LONGEST}) <= 24
    ((_, given),) = inputs(Queries.of([[1, 2, 3] * 6, [5]]), longest=LONGEST, start=START)
    assert given.codes.shape == (2, 19)
