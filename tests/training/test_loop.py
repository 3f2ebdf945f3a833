import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from penchant.core.errors import ArtifactIncompatible, TrainingError
from penchant.training import loop
from penchant.training.checkpoint import FILE
from penchant.training.device import machine
from penchant.training.loop import Plan, Run, train
from penchant.training.optimizers import OPTIMIZERS, optimizer_of
from penchant.training.schedules import constant
from penchant.training.together import Together

CPU = torch.device("cpu")


class Line:
    """Fits y = 2x with one weight; `scores` is what its validation answers, epoch by epoch."""

    def __init__(self, scores: Sequence[float] = (), n_batches: int = 3) -> None:
        self.module: nn.Module = nn.Linear(1, 1)
        self.scores = list(scores)
        self.n_batches = n_batches
        self.weights: list[float] = []

    def batches(self, epoch: int) -> list[Tensor]:
        return [torch.full((2, 1), float(epoch + batch + 1)) for batch in range(self.n_batches)]

    def loss(self, batch: Tensor) -> Tensor:
        loss: Tensor = ((self.module(batch) - 2 * batch) ** 2).mean()
        return loss

    validates = divisible = True

    def validate(self) -> float | None:
        self.weights.append(float(self.module.state_dict()["weight"]))
        return self.scores[len(self.weights) - 1] if self.scores else None


def plan(task: Line, epochs: int = 4, patience: int = 2, ema: float | None = None, name: str = "adamw") -> Plan:
    optimizer = optimizer_of(name, task.module, learning_rate=0.05, embedding_learning_rate=None, weight_decay=0.0)
    return Plan(optimizer, constant(0.1), epochs, patience, clip=1.0, ema=ema)


RUN = Run("line", CPU, identity={}, quiet=True)


def test_the_curve_has_a_point_an_epoch_and_falls() -> None:
    task = Line()
    curve = train(task, plan(task, epochs=30), RUN)
    assert [point["epoch"] for point in curve] == list(range(1, 31))
    assert curve[-1]["loss"] < curve[0]["loss"]
    assert "ndcg@10" not in curve[0]


def test_training_ends_when_validation_gets_no_better_and_the_best_weights_stay() -> None:
    task = Line(scores=[0.1, 0.3, 0.2, 0.2, 0.9])
    curve = train(task, plan(task, epochs=5, patience=2), RUN)
    assert [point["ndcg@10"] for point in curve] == [0.1, 0.3, 0.2, 0.2]
    assert float(task.module.state_dict()["weight"]) == task.weights[1]


def test_one_lucky_epoch_does_not_end_what_still_rises() -> None:
    task = Line(scores=[0.1, 0.5, 0.3, 0.35, 0.3, 0.9])
    curve = train(task, plan(task, epochs=6, patience=2), RUN)
    assert [point["ndcg@10"] for point in curve] == [0.1, 0.5, 0.3, 0.35, 0.3]  # .325 after .3 goes on, .325 after .4 does not


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_learns(name: str) -> None:
    task = Line()
    task.batches = lambda epoch: [torch.ones(2, 1)]  # type: ignore[method-assign]
    curve = train(task, plan(task, epochs=200, name=name), RUN)
    assert curve[-1]["loss"] < 0.1 * curve[0]["loss"]


def test_plain_steps_are_the_learning_rate_times_the_gradient() -> None:
    task = Line(n_batches=1)
    before = float(task.module.state_dict()["weight"])
    task.loss = lambda batch: 0.5 * task.module.weight.sum()  # type: ignore[method-assign, operator, union-attr]
    train(task, replace(plan(task, epochs=1, name="sgd"), schedule=lambda done: 1.0), RUN)
    assert float(task.module.state_dict()["weight"]) == pytest.approx(before - 0.05 * 0.5)


def test_with_ema_the_average_is_validated_and_stays() -> None:
    task, other = Line(scores=[0.1, 0.2, 0.3, 0.4]), Line(scores=[0.1, 0.2, 0.3, 0.4])
    other.module.load_state_dict(task.module.state_dict())
    train(task, plan(task, ema=0.9), RUN)
    train(other, plan(other), RUN)
    assert float(task.module.state_dict()["weight"]) == task.weights[-1] != other.weights[-1]


def test_the_average_of_equal_weights_is_those() -> None:
    task = Line()
    start = {name: tensor.clone() for name, tensor in task.module.state_dict().items()}
    train(task, replace(plan(task, ema=0.99), schedule=lambda done: 0.0), RUN)
    assert all(torch.equal(start[name], tensor) for name, tensor in task.module.state_dict().items())


def test_a_loss_that_is_not_finite_ends_training_and_names_the_place() -> None:
    task = Line()
    task.batches = lambda epoch: [torch.ones(1, 1), torch.full((1, 1), float("nan"))]  # type: ignore[method-assign]
    with pytest.raises(TrainingError, match=r"loss nan .* epoch 1, batch 2"):
        train(task, plan(task), RUN)
    assert all(bool(torch.isfinite(tensor).all()) for tensor in task.module.state_dict().values())


def test_weights_that_are_not_finite_are_not_handed_out() -> None:
    task = Line(scores=[0.5])

    def poison() -> float:
        nn.init.constant_(task.module.weight, float("inf"))  # type: ignore[arg-type]
        return 0.5

    task.validate = poison  # type: ignore[method-assign]
    with pytest.raises(TrainingError, match="'weight' are not finite"):
        train(task, plan(task, epochs=1), RUN)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("ema", [None, 0.9])
def test_an_interrupt_waits_for_the_step_and_the_same_run_goes_on_from_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, name: str, ema: float | None
) -> None:
    torch.manual_seed(0)
    reference = Line()
    start = {key: tensor.clone() for key, tensor in reference.module.state_dict().items()}
    expected = train(reference, plan(reference, ema=ema, name=name), RUN)

    stopped = Line()
    stopped.module.load_state_dict(start)
    honest, seen = stopped.loss, []

    def press_ctrl_c_once(batch: Tensor) -> Tensor:
        seen.append(batch)
        if len(seen) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return honest(batch)

    monkeypatch.setattr(stopped, "loss", press_ctrl_c_once)
    run = replace(RUN, checkpoint=tmp_path)
    with caplog.at_level(logging.WARNING, "penchant"), pytest.raises(KeyboardInterrupt):
        train(stopped, plan(stopped, ema=ema, name=name), run)
    assert "goes on from the checkpoint" in caplog.text
    assert len(seen) == 5

    with pytest.raises(ArtifactIncompatible, match=r"learning_rate: None → 0\.5"):
        train(Line(), plan(Line()), replace(run, identity={"learning_rate": 0.5}))

    resumed = Line()
    curve = train(resumed, plan(resumed, ema=ema, name=name), run)
    assert [point["loss"] for point in curve] == [point["loss"] for point in expected]
    assert torch.equal(resumed.module.state_dict()["weight"], reference.module.state_dict()["weight"])
    assert (tmp_path / FILE).exists()  # what was learned is nowhere else as yet


def test_of_several_processes_all_stop_after_the_same_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pair(Together):
        """Two processes, of which the other one does what this one does; Ctrl-C comes while they add up for the second time."""

        alone, size, calls = False, 2, 0

        def part(self, batch: Tensor, step: int) -> tuple[Tensor, float]:
            return batch[:1], 0.5

        def add(self, module: nn.Module, *values: float) -> list[float]:
            Pair.calls += 1
            if Pair.calls == 2:
                os.kill(os.getpid(), signal.SIGINT)
            return [2 * value for value in values]

        def start(self, name: str, facts: dict[str, Any]) -> None:
            pass

        def tell(self, value: float | None) -> float | None:
            return value

    monkeypatch.setattr(loop, "Together", Pair)
    task = Line()
    with pytest.raises(KeyboardInterrupt):
        train(task, plan(task), replace(RUN, checkpoint=tmp_path))
    assert Pair.calls == 3  # the others hear of it with the next step
    assert (tmp_path / FILE).exists()


def test_a_disk_that_takes_no_checkpoint_does_not_end_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, no_larger: Callable[[int], AbstractContextManager[None]]
) -> None:
    task = Line()
    with caplog.at_level(logging.WARNING, "penchant"), no_larger(100):
        curve = train(task, plan(task), replace(RUN, checkpoint=tmp_path, checkpoint_every_s=0))
    assert len(curve) == 4 and "no checkpoint written" in caplog.text


def test_the_machine_gives_its_random_numbers_and_threads_back() -> None:
    torch.manual_seed(5)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    with machine(CPU, seed=0, threads=1):
        first = torch.rand(3)
    with machine(CPU, seed=0, threads=1):
        assert torch.equal(torch.rand(3), first)
    assert torch.equal(torch.get_rng_state(), before) and torch.get_num_threads() == threads


TRAINING = """
import sys, time
from pathlib import Path
import numpy as np, polars as pl, torch
import penchant.models.learning as learning
from penchant.data import Dataset
from penchant.models.base import FitOptions
from penchant.models.sasrec import SASRec
from penchant.training import loop

torch.set_num_threads(1)
folder, result, seconds_a_step = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
rng = np.random.default_rng(0)
n = 600
frame = pl.DataFrame({
    "user_id": [f"u{u}" for u in rng.integers(30, size=n)],
    "item_id": [f"i{i}" for i in rng.integers(20, size=n)],
    "timestamp": np.arange(n),
})
kept = learning.Run
learning.Run = lambda *a, **k: kept(*a, **k, checkpoint_every_s=0)
step = loop._Trainer._step
def slow(self, *a, **k):
    step(self, *a, **k)
    print("step", flush=True)
    time.sleep(seconds_a_step)
loop._Trainer._step = slow
changed = {"augment": ("crop", "mask", "reorder", "substitute"), "augment_share": 0.8}
model = SASRec(max_len=10, embedding_dim=8, n_layers=1, epochs=4, batch_size=10, dropout=0.3, ema=0.9, **changed)
data = Dataset.from_events(frame)
targets = np.zeros(n, bool)
targets[data.interactions.offsets[1:] - 1] = True
model.fit(data, FitOptions(checkpoint=folder, quiet=True, validation=data.marked(targets)))
model.save(result)
(result / "losses.txt").write_text(repr([(p["loss"], p["ndcg@10"]) for p in model.facts["curve"]]))
"""


def run_training(folder: Path, result: Path, kill_at: int | None = None) -> None:
    pause = "0.05" if kill_at else "0"
    process = subprocess.Popen([sys.executable, "-c", TRAINING, folder, result, pause], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for number, _ in enumerate(process.stdout, start=1):
        if number == kill_at:
            process.kill()
            break
    process.stdout.close()
    assert process.wait() == (-signal.SIGKILL if kill_at else 0)


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    run_training(tmp_path / "a", tmp_path / "whole")
    for kill_at in np.random.default_rng(0).integers(2, 8, size=3):
        run_training(tmp_path / "b", tmp_path / "unused", int(kill_at))
    run_training(tmp_path / "b", tmp_path / "resumed")
    for name in ("tensors.safetensors", "losses.txt"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "resumed" / name).read_bytes(), name
