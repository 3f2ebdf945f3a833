import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from penchant.core.errors import ArtifactIncompatible, TrainingError
from penchant.training.checkpoint import FILE
from penchant.training.device import machine
from penchant.training.loop import Plan, Run, train
from penchant.training.optimizers import adamw
from penchant.training.schedules import constant

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

    def validate(self) -> float | None:
        self.weights.append(float(self.module.state_dict()["weight"]))
        return self.scores[len(self.weights) - 1] if self.scores else None


def plan(task: Line, epochs: int = 4, patience: int = 2) -> Plan:
    optimizer = adamw(task.module, learning_rate=0.05, embedding_learning_rate=None, weight_decay=0.0)
    return Plan(optimizer, constant(0.1), epochs, patience, clip=1.0)


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


def test_an_interrupt_waits_for_the_step_and_the_same_run_goes_on_from_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    reference = Line()
    start = {name: tensor.clone() for name, tensor in reference.module.state_dict().items()}
    expected = train(reference, plan(reference), RUN)

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
        train(stopped, plan(stopped), run)
    assert "goes on from the checkpoint" in caplog.text
    assert len(seen) == 5

    with pytest.raises(ArtifactIncompatible, match=r"learning_rate: None → 0\.5"):
        train(Line(), plan(Line()), replace(run, identity={"learning_rate": 0.5}))

    resumed = Line()
    curve = train(resumed, plan(resumed), run)
    assert [point["loss"] for point in curve] == [point["loss"] for point in expected]
    assert torch.equal(resumed.module.state_dict()["weight"], reference.module.state_dict()["weight"])
    assert not (tmp_path / FILE).exists()


def test_a_disk_that_takes_no_checkpoint_does_not_end_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("penchant.training.loop.write_checkpoint", full)
    task = Line()
    with caplog.at_level(logging.WARNING, "penchant"):
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
model = SASRec(max_len=10, embedding_dim=8, n_layers=1, epochs=4, batch_size=10, dropout=0.3)
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
