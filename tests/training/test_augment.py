import numpy as np
import pytest
import torch

from penchant.core.types import offsets_of
from penchant.data import Interactions
from penchant.training.augment import KEPT, KINDS, MASKED, Augment, Kind
from penchant.training.loader import Batch, Epoch, WindowLoader

START = 10_000
LENGTHS = [40, 1, 25, 60, 2, 33] * 20


def epoch(*kinds: Kind, share: float = 1.0, number: int = 0, items: np.ndarray | None = None) -> Epoch:
    """Each event is its own item, unless `items` are given."""
    total = sum(LENGTHS)
    events = Interactions(
        offsets_of(np.array(LENGTHS)),
        np.arange(total, dtype=np.int32) if items is None else items,
        np.zeros(total, np.int16),
        np.full(total, np.nan, np.float32),
        1_000_000 * np.arange(total, dtype=np.int64),
    )
    return WindowLoader(events, start=START, max_len=32, batch_events=320, seed=0, augment=Augment(kinds, share)).epoch(number)


def inputs(batch: Batch) -> torch.Tensor:
    return batch.codes.flatten()[batch.real]


def targets(whole: Epoch) -> list[int]:
    return sorted(torch.cat([batch.targets for batch in whole]).tolist())


def test_a_crop_leaves_a_part_of_each_window_whose_inputs_still_come_before_their_targets() -> None:
    cropped, whole = targets(epoch("crop")), targets(epoch())
    assert len(set(cropped)) == len(cropped) and set(cropped) < set(whole)
    assert KEPT <= len(cropped) / len(whole) < KEPT + 0.1
    for batch in epoch("crop"):
        before = inputs(batch)
        assert ((before == START) | (before == batch.targets - 1)).all()


def test_a_mask_hides_inputs_and_no_target() -> None:
    assert targets(epoch("mask")) == targets(epoch())
    plain = sum(int((inputs(batch) == START).sum()) for batch in epoch())
    hidden = sum(int((inputs(batch) == START).sum()) for batch in epoch("mask"))
    assert (hidden - plain) / sum(LENGTHS) == pytest.approx(MASKED, abs=0.03)
    assert all((batch.read[batch.codes == START] == -1).all() for batch in epoch("mask"))


def test_a_reordered_window_is_read_in_the_order_in_which_it_is_guessed() -> None:
    changed = 0
    for batch in epoch("reorder"):
        real = torch.zeros(batch.codes.shape, dtype=torch.bool)
        real.view(-1)[batch.real] = True
        wanted = torch.full(batch.codes.shape, -1)
        wanted[real] = batch.targets
        assert torch.equal(batch.codes[:, 1:][real[:, 1:]], wanted[:, :-1][real[:, 1:]])
        changed += int((wanted[:, 1:] != wanted[:, :-1] + 1)[real[:, 1:]].sum())
    assert changed > 100 and targets(epoch("reorder")) == targets(epoch())


def test_the_times_of_a_reordered_window_still_rise() -> None:
    for batch in epoch("reorder"):
        assert (batch.asked >= batch.times).all() and (batch.times.diff(dim=1) >= 0).all()


def test_a_substitute_came_before_the_same_item_somewhere() -> None:
    items = np.random.default_rng(0).integers(0, 30, sum(LENGTHS)).astype(np.int32)
    firsts = set(offsets_of(np.array(LENGTHS))[:-1].tolist())
    before = {(int(items[e]), int(items[e - 1])) for e in range(1, len(items)) if e not in firsts}
    changed = 0
    for ours, plain in zip(epoch("substitute", items=items), epoch(items=items), strict=True):
        assert torch.equal(ours.targets, plain.targets)
        for new, old in zip(inputs(ours).tolist(), inputs(plain).tolist(), strict=True):
            assert new == old or (old, new) in before
            changed += new != old
    assert changed / len(items) == pytest.approx(MASKED, abs=0.05)


def test_items_that_occur_once_are_substituted_by_what_was_read_already() -> None:
    for batch in epoch("substitute"):
        assert ((inputs(batch) == START) | (inputs(batch) < batch.targets)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_changed_the_events_to_guess_are_those_of_the_targets(kind: Kind) -> None:
    for batch in epoch(kind):
        assert torch.equal(batch.wanted.flatten()[batch.real], batch.targets)  # each event is its own item


def same(ours: Batch, theirs: Batch) -> bool:
    return all(torch.equal(a, b) for a, b in zip(vars(ours).values(), vars(theirs).values(), strict=True))


def test_what_is_changed_depends_on_seed_and_number_of_the_epoch_only() -> None:
    one, two = epoch(*KINDS, number=3), epoch(*KINDS, number=3)
    backwards = [two[index] for index in reversed(range(len(two)))][::-1]
    assert all(same(a, b) for a, b in zip(one, backwards, strict=True))
    assert all(same(a, b) for a, b in zip(one[2:], list(one)[2:], strict=True))
    assert not same(epoch(*KINDS, number=4)[0], one[0])


def test_only_the_share_that_was_asked_for_is_changed() -> None:
    kinds = Augment(KINDS, 0.25).draw(10_000, np.random.default_rng(0))
    assert (kinds >= 0).mean() == pytest.approx(0.25, abs=0.02)
    assert all((kinds == place).mean() == pytest.approx(0.0625, abs=0.01) for place in range(4))


def test_without_augmentations_nothing_changes() -> None:
    assert all(same(a, b) for a, b in zip(epoch(), epoch(*KINDS, share=0.0), strict=True))
