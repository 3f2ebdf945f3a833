import numpy as np
import pytest
import torch

from penchant.core.clock import SECOND
from penchant.core.types import offsets_of
from penchant.core.widths import width_of
from penchant.data import Interactions
from penchant.training.loader import Batch, WindowLoader, cut

START = 1000


def loader(lengths: list[int], *, max_len: int = 8, batch_events: int = 32, seed: int = 0) -> WindowLoader:
    total = sum(lengths)
    interactions = Interactions(
        offsets_of(np.array(lengths)),
        np.arange(total, dtype=np.int32),  # each event is its own item, so a target names its event
        np.zeros(total, np.int16),
        np.full(total, np.nan, np.float32),
        7 * SECOND * np.arange(total, dtype=np.int64),
    )
    return WindowLoader(interactions, start=START, max_len=max_len, batch_events=batch_events, seed=seed)


def ml_1m_like(n_users: int = 6040) -> list[int]:
    """Lengths as long-tailed as those of MovieLens-1M: 20 to 2,314, mean 166."""
    drawn = np.random.default_rng(0).lognormal(4.55, 0.95, n_users)
    return [int(length) for length in np.clip(drawn, 20, 2314)]


@pytest.mark.parametrize("epoch", [0, 1, 7])
def test_each_event_is_a_target_once(epoch: int) -> None:
    lengths = [1, 0, 5, 8, 9, 100, 0, 3]
    targets = torch.cat([batch.targets for batch in loader(lengths).epoch(epoch)])
    assert sorted(targets.tolist()) == list(range(sum(lengths)))


def test_the_input_of_a_target_is_the_event_before_it() -> None:
    lengths = [5, 30, 1]
    firsts = {0, 5, 35}
    for batch in loader(lengths).epoch(0):
        inputs = batch.codes.flatten()[batch.real]
        for code, target in zip(inputs.tolist(), batch.targets.tolist(), strict=True):
            assert code == (START if target in firsts else target - 1)


def test_a_batch_names_the_events_it_reads() -> None:
    for batch in loader([5, 30, 1]).epoch(0):
        assert torch.equal(batch.read, torch.where(batch.codes == START, -1, batch.codes))  # each event is its own item


def test_a_batch_names_the_events_it_guesses() -> None:
    for batch in loader([5, 30, 1]).epoch(0):
        padding = torch.ones(batch.wanted.numel(), dtype=torch.bool)
        padding[batch.real] = False
        assert torch.equal(batch.wanted.flatten()[batch.real], batch.targets)  # each event is its own item
        assert (batch.wanted.flatten()[padding] == -1).all()


def test_times_are_seconds_since_the_first_of_the_row() -> None:
    for batch in loader([5, 30, 1]).epoch(0):
        inputs, times, asked = (part.flatten()[batch.real] for part in (batch.codes, batch.times, batch.asked))
        own = torch.where(inputs == START, batch.targets, inputs)
        assert torch.equal(asked - times, ((batch.targets - own) * 7).int())
        assert (batch.times[:, 0] == 0).all()


def test_real_positions_are_left_aligned_and_the_rest_holds_the_start_code() -> None:
    for batch in loader([3, 8, 40]).epoch(0):
        real = torch.zeros(batch.codes.shape, dtype=torch.bool)
        real.view(-1)[batch.real] = True
        assert (real[:, 1:] <= real[:, :-1]).all() and real[:, 0].all()
        assert (batch.codes[~real] == START).all()


def test_nine_of_ten_computed_positions_are_real() -> None:
    computed = real = 0
    for batch in loader(ml_1m_like(), max_len=200, batch_events=6400).epoch(0):
        computed += batch.codes.numel()
        real += len(batch)
    assert real / computed >= 0.9


def test_no_window_is_longer_than_asked_or_crosses_users() -> None:
    offsets = offsets_of(np.array([3, 50, 0, 8]))
    starts, lengths = cut(offsets, 8, np.random.default_rng(0))
    assert lengths.max() <= 8 and lengths.min() >= 1
    assert (np.searchsorted(offsets, starts, "right") == np.searchsorted(offsets, starts + lengths - 1, "right")).all()


def test_a_history_that_fits_stays_whole() -> None:
    starts, lengths = cut(offsets_of(np.array([8, 5])), 8, np.random.default_rng(0))
    assert starts.tolist() == [0, 8] and lengths.tolist() == [8, 5]


def test_batches_have_few_shapes() -> None:
    many = loader(ml_1m_like(), max_len=200, batch_events=6400)
    assert len({batch.codes.shape for epoch in range(5) for batch in many.epoch(epoch)}) < 40


def test_widths_cover_their_lengths_closely() -> None:
    lengths = np.arange(1, 3000)
    widths = width_of(lengths)
    assert (widths >= lengths).all() and (lengths / widths).min() > 0.88 and (widths[:16] == lengths[:16]).all()


def same(ours: Batch, theirs: Batch) -> bool:
    return ours.codes.shape == theirs.codes.shape and torch.equal(ours.codes, theirs.codes) and torch.equal(ours.targets, theirs.targets)


def test_an_epoch_depends_on_seed_and_number_only() -> None:
    lengths = ml_1m_like(50)
    first, second = loader(lengths).epoch(3), loader(lengths).epoch(3)
    assert all(same(a, b) for a, b in zip(first, second, strict=True))
    assert not same(loader(lengths).epoch(4)[0], first[0])
    assert not same(loader(lengths, seed=1).epoch(3)[0], first[0])


def test_part_of_an_epoch_is_an_epoch() -> None:
    whole = loader([20, 30, 7]).epoch(0)
    assert all(same(a, b) for a, b in zip(whole[1:], list(whole)[1:], strict=True))


def test_one_batch_holds_about_what_was_asked() -> None:
    sizes = [len(batch) for batch in loader(ml_1m_like(200), max_len=50, batch_events=1000).epoch(0)]
    assert max(sizes) <= 1050 and np.mean(sizes) > 900
