"""Batches that are answered at the same time."""

import threading

import pytest

pytest.importorskip("torch", reason="it is torch that has the threads")

import torch

from penchant.models.side_by_side import side_by_side

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_two_batches_are_answered_at_once_with_one_thread_each() -> None:
    together, seen = threading.Barrier(2, timeout=20), []

    def work(part: int) -> None:
        together.wait()  # comes back only where two are under way
        seen.append((part, torch.get_num_threads(), torch.is_inference_mode_enabled()))

    side_by_side(work, iter(range(4)), CPU)
    assert sorted(seen) == [(part, 1, True) for part in range(4)]
    assert torch.get_num_threads() == 2


def test_a_single_batch_and_other_threads_keep_their_threads() -> None:
    seen: list[tuple[int, int]] = []

    def work(part: int) -> None:
        seen.append((part, threading.get_ident()))

    side_by_side(work, [7], CPU)
    other = threading.Thread(target=side_by_side, args=(work, [8, 9], CPU))
    other.start()
    other.join()
    side_by_side(work, [], CPU)
    assert [part for part, _ in seen] == [7, 8, 9]
    assert seen[0][1] == threading.get_ident()
    assert seen[1][1] == seen[2][1] != threading.get_ident()


def test_an_error_comes_out_and_the_threads_are_as_before() -> None:
    def work(part: int) -> None:
        raise ValueError(part)

    with pytest.raises(ValueError, match="0"):
        side_by_side(work, range(3), CPU)
    assert torch.get_num_threads() == 2
