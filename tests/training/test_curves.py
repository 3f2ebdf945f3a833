from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from penchant.training.curves import Curves
from penchant.training.speed import peak, targets_at_peak


def written(folder: Path) -> dict[str, list[tuple[int, float]]]:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(folder)).Reload()
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_without_a_folder_nothing_is_written(tmp_path: Path) -> None:
    with Curves(None) as curves:
        curves.step(1, loss=2.0)
    assert not list(tmp_path.iterdir())


def test_curves_of_steps_and_epochs_can_be_read_again(tmp_path: Path) -> None:
    with Curves(tmp_path) as curves:
        curves.step(1, loss=2.0, gradient=0.5)
        curves.step(2, loss=1.0, gradient=0.5)  # too soon after the first
        curves.epoch(2, {"epoch": 1.0, "loss": 1.5, "targets": 10.0, "seconds": 2.0, "ndcg@10": 0.25})
    assert written(tmp_path) == {
        "step/loss": [(1, 2.0)],
        "step/gradient": [(1, 0.5)],
        "epoch/loss": [(2, 1.5)],
        "epoch/ndcg@10": [(2, 0.25)],
        "epoch/targets a second": [(2, 5.0)],
    }


def test_a_run_that_goes_on_replaces_what_was_written_beyond_its_checkpoint(tmp_path: Path) -> None:
    for begin, loss in ((0, 2.0), (10, 1.0)):
        with Curves(tmp_path, begin) as curves:
            curves.epoch(begin + 5, {"loss": loss, "targets": 1.0, "seconds": 1.0})
            curves.epoch(begin + 15, {"loss": loss, "targets": 1.0, "seconds": 1.0})
    assert written(tmp_path)["epoch/loss"] == [(5, 2.0), (15, 1.0), (25, 1.0)]


class Products:
    """A batch of 6 targets costs a product of [6, 8] · [8, 4], and one of the same size for the gradient of the weight."""

    def __init__(self) -> None:
        self.module: nn.Module = nn.Linear(8, 4, bias=False)

    def batches(self, epoch: int) -> list[list[int]]:
        return [[epoch] * 6] * 5

    def loss(self, batch: list[int]) -> Tensor:
        result: Tensor = self.module(torch.ones(len(batch), 8)).sum()
        return result

    validates = False

    def validate(self) -> float | None:
        return None


def test_targets_at_peak_follow_from_the_operations_of_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penchant.training.speed.peak", lambda *_: 1_280.0)
    task, state = Products(), torch.get_rng_state()
    assert targets_at_peak(task, torch.device("cpu"), torch.float32) == 1_280 / (2 * 2 * 8 * 4)
    assert all(weight.grad is None for weight in task.module.parameters())
    assert torch.equal(torch.get_rng_state(), state)


def test_the_peak_is_a_rate_of_this_machine() -> None:
    assert peak(torch.device("cpu"), torch.float32) > 1e8
