"""The training loop: steps, epochs, validation, checkpoints. What is trained is a `Task`; how is a `Plan`; where is a `Run`."""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from penchant.core.errors import TrainingError
from penchant.core.log import logger, progress_bar
from penchant.nn.sharded import part_of, whole
from penchant.training.average import Average
from penchant.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from penchant.training.curves import Curves
from penchant.training.optimizers import optimizer_tensors, restore_optimizer, set_rates
from penchant.training.schedules import Schedule
from penchant.training.shards import clip, is_divided, squares, unite, whole_on_first
from penchant.training.speed import targets_at_peak
from penchant.training.task import B, Task
from penchant.training.threads import Threads
from penchant.training.together import Together

TELL_EVERY_S = 30.0  # between two lines where there is no terminal
LOOKED_AT = 2**20  # weights at once whether they are finite: what is made of them is larger than they are


@dataclass(frozen=True)
class Plan:
    """How a task is trained."""

    optimizer: Optimizer
    schedule: Schedule
    epochs: int
    patience: int  # epochs without a better validation after which training ends, unless on the whole they rise
    clip: float  # a longer gradient is shortened to this
    ema: float | None = None  # decay of the moving average that is validated and kept in place of the weights; None = no average


@dataclass(frozen=True)
class Run:
    """Where training happens and what is kept of it."""

    name: str
    device: torch.device
    identity: dict[str, Any]  # config, data, code: a checkpoint of another identity is refused; JSON values
    checkpoint: Path | None = None
    checkpoint_every_s: float = 60.0
    quiet: bool = False
    report: Callable[[int, float], None] | None = None  # is told each validated epoch's number and score; what it raises ends the run
    precision: torch.dtype = torch.float32  # of matrix products
    curves: Path | None = None  # a folder for TensorBoard
    seed: int = 0  # of the random numbers of several processes; a single one goes on with torch's generator as it is


@dataclass
class Progressed:
    """How far a run has come; with weights, optimiser and random states, all that a checkpoint holds."""

    epoch: int = 0
    batch: int = 0  # the next one of this epoch
    steps: int = 0
    loss_sum: float = 0.0  # of this epoch
    n_targets: int = 0  # of this epoch
    seconds: float = 0.0  # of this epoch, validation not counted
    curve: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int | None = None
    best_score: float = 0.0


def train(task: Task[B], plan: Plan, run: Run) -> list[dict[str, float]]:
    """Trains `task.module` in place; returns its curve: epoch, loss, targets, seconds and, with validation, ndcg@10.

    Started by `torchrun`, all processes train it together (`training.together`): the first validates, saves and shows.
    Goes on from the checkpoint in `run.checkpoint` where there is one, to the same bits as an uninterrupted run (CPU, same
    number of threads). A finished run leaves it, for nothing is saved yet: who asked for it removes it. With validation the
    best epoch's weights stay, otherwise the last; with `ema` their average is what is validated and stays.
    KeyboardInterrupt waits for the step under way; then the weights so far stay in the module, the checkpoint is written where one
    was asked for, and the interrupt goes on to the caller. Raises TrainingError as soon as a loss, gradient or weight is not finite.
    """
    trainer = _Trainer(task, plan, run)
    trainer.restore()
    trainer.together.start(run.name, {"identity": run.identity, "steps": trainer.at.steps})
    with interrupt_between_steps() as interrupt:
        trainer.run_epochs(interrupt)
    trainer.finish()
    return trainer.at.curve


class Interrupt:
    """Whether the user wants to stop, and whether all processes know it, as they do from the next step on."""

    wanted = False  # set at any moment, never taken back
    agreed = False


@contextmanager
def interrupt_between_steps() -> Iterator[Interrupt]:
    """Inside, the first Ctrl-C only sets `wanted`, so that a step is never half done; the second interrupts at once."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt  # only the main thread may handle signals
        return

    def ask(_number: int, _frame: FrameType | None) -> None:
        if interrupt.wanted:
            raise KeyboardInterrupt
        interrupt.wanted = True

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)


class _Trainer:
    """One run of `train`."""

    def __init__(self, task: Task[Any], plan: Plan, run: Run) -> None:  # `Any`: the loop never looks into a batch
        self.task, self.plan, self.run = task, plan, run
        self.at = Progressed()
        self.best: dict[str, Tensor] = {}
        self.average = None if plan.ema is None else Average(task.module, plan.ema)
        self.saved_at = self.told_at = time.monotonic()
        self.curves, self.together, self.threads = Curves(None), Together(run.seed), Threads(task, run.device)
        self.due = False  # a checkpoint, by the first process's clock
        self.limit = 0.0  # targets a second at the machine's peak; 0 = not measured

    def run_epochs(self, interrupt: Interrupt) -> None:
        """From where the run stands to its end."""
        at, plan = self.at, self.plan
        quiet, folder = (self.run.quiet, self.run.curves) if self.together.first else (True, None)
        with progress_bar(quiet=quiet) as bar, Curves(folder, at.steps) as self.curves, self.threads:
            if not (bar.disable or is_divided(self.task.module)):  # which one process alone cannot step
                self.limit = targets_at_peak(self.task, self.run.device, self.run.precision) * self.together.size
            shown = bar.add_task(self.run.name, total=plan.epochs, unit="targets", note="")
            while at.epoch < plan.epochs and not self._out_of_patience():
                batches = self.task.batches(at.epoch)
                while at.batch < len(batches):
                    batch = batches[at.batch]
                    self._step(batch, interrupt, done=(at.epoch + at.batch / len(batches)) / plan.epochs)
                    done, speed = at.epoch + at.batch / len(batches), at.n_targets / max(at.seconds, 1e-9)
                    bar.update(shown, completed=done, speed=speed, note=self._note())
                    self._stop_or_save(interrupt)
                self._end_epoch()
                bar.update(shown, note=self._note())
                if bar.disable and not quiet:
                    self._tell_now_and_then()

    def finish(self) -> None:
        """Leave the best weights in the module."""
        self._hand_out()
        for name, tensor in self.task.module.state_dict().items():
            if not all(bool(torch.isfinite(part).all()) for part in tensor.flatten().split(LOOKED_AT)):
                raise TrainingError(f"{self.run.name}: the weights {name!r} are not finite after training; lower learning_rate")

    def _step(self, batch: Any, interrupt: Interrupt, *, done: float) -> None:  # `Any`: as above
        begun, at = time.perf_counter(), self.at
        set_rates(self.plan.optimizer, self.plan.schedule(done))
        self.task.module.train()
        self.plan.optimizer.zero_grad(set_to_none=True)
        value, length = self._backward(batch, interrupt)
        if not (math.isfinite(value) and math.isfinite(length)):
            raise TrainingError(
                f"{self.run.name}: loss {value} and gradient of length {length} in epoch {at.epoch + 1}, batch {at.batch + 1}; "
                "the step was not taken. Lower learning_rate, or set precision = 'float32'"
            )
        self.plan.optimizer.step()
        at.batch, at.steps = at.batch + 1, at.steps + 1
        if self.average is not None:
            self.average.update(at.steps)
        at.loss_sum += value * len(batch)
        at.n_targets += len(batch)
        at.seconds += time.perf_counter() - begun
        self.curves.step(at.steps, loss=value, gradient=length, learning_rate=self.plan.optimizer.param_groups[0]["lr"])

    def _backward(self, batch: Any, interrupt: Interrupt) -> tuple[float, float]:  # `Any`: as above
        """The mean loss over the batch's targets and the length of its gradient, which is left in the module, clipped.

        Of several processes each works out its share.
        """
        module = self.task.module
        part, weight = self.together.part(batch, self.at.steps)
        loss = self.threads.backward(part, weight)
        due = self.together.first and time.monotonic() - self.saved_at >= self.run.checkpoint_every_s
        told = self.together.add(module, loss, squares(module), float(interrupt.wanted), float(due))
        value, rows, stops, saves = told
        interrupt.agreed, self.due = stops > 0, saves > 0
        return value, clip(module, self.plan.clip, rows)

    def _end_epoch(self) -> None:
        at = self.at
        loss = at.loss_sum / max(1, at.n_targets)
        point = {"epoch": float(at.epoch + 1), "loss": loss, "targets": float(at.n_targets), "seconds": at.seconds}
        score = self._validated() if self.task.validates else None
        if score is not None:
            point["ndcg@10"] = score
        at.curve.append(point)
        self.curves.epoch(at.steps, point)
        at.epoch, at.batch, at.loss_sum, at.n_targets, at.seconds = at.epoch + 1, 0, 0.0, 0, 0.0
        if self.run.report is not None and score is not None:
            self.run.report(at.epoch, score)

    def _validated(self) -> float | None:
        """The score of the weights, or of their average, of which the best are kept."""
        module, at = self.task.module.eval(), self.at
        with nullcontext() if self.average is None else self.average.in_place():
            with whole_on_first(module, self.run.device):
                score = self.together.tell(self.task.validate() if self.together.first else None)
            if score is not None and (at.best_epoch is None or score > at.best_score):
                at.best_score, at.best_epoch = score, at.epoch
                self.best = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
        return score

    def _hand_out(self) -> None:
        """Leave in the module what is best of what was learned."""
        if self.best:
            self.task.module.load_state_dict(self.best)
        elif self.average is not None:
            self.average.hand_out()
        unite(self.task.module)

    def _out_of_patience(self) -> bool:
        """Whether no epoch since the best is as good, and these are no better together than as many before them.

        One lucky validation must not end a training that still rises, as all do while the learning rate falls.
        """
        at, many = self.at, self.plan.patience
        if at.best_epoch is None or at.epoch - 1 - at.best_epoch < many:
            return False
        scores = [point["ndcg@10"] for point in at.curve if "ndcg@10" in point]
        return fmean(scores[-many:]) <= fmean(scores[-2 * many : -many])

    def _note(self) -> str:
        at = self.at
        loss = at.loss_sum / at.n_targets if at.n_targets else at.curve[-1]["loss"] if at.curve else 0.0
        best = f"  ndcg@10 {at.best_score:.4f}" if at.best_epoch is not None else ""
        near = f"  {at.n_targets / at.seconds / self.limit:.0%} of peak" if self.limit and at.seconds else ""
        return f"loss {loss:.3f}{best}{near}"

    def _tell_now_and_then(self) -> None:
        """A line where there is no terminal for a bar."""
        if time.monotonic() - self.told_at >= TELL_EVERY_S:
            self.told_at = time.monotonic()
            logger.info("%s: %d of at most %d epochs  %s", self.run.name, self.at.epoch, self.plan.epochs, self._note())

    # ---- checkpoints

    def _stop_or_save(self, interrupt: Interrupt) -> None:
        saved = False
        if interrupt.agreed or self.due:
            saved = self._save()
            self.saved_at = time.monotonic()
        if interrupt.agreed:
            kept = f"the same command goes on from the checkpoint in {self.run.checkpoint}" if saved else "without a checkpoint"
            logger.warning("%s: stopped in epoch %d; %s", self.run.name, self.at.epoch + 1, kept)
            self._hand_out()
            raise KeyboardInterrupt

    def _save(self) -> bool:
        """Whether there is a checkpoint of this moment now. A disk that does not take it must not end the training."""
        if self.run.checkpoint is None:
            return False
        checkpoint = self._checkpoint()
        if not self.together.first:
            return False
        try:
            write_checkpoint(self.run.checkpoint, checkpoint)
        except OSError as error:
            logger.warning("%s: no checkpoint written (%s); training goes on, an older one stays", self.run.name, error)
            return False
        return True

    def _checkpoint(self) -> Checkpoint:
        module = self.task.module
        tensors = {f"weights/{name}": tensor for name, tensor in module.state_dict().items()}
        tensors |= {f"best/{name}": tensor for name, tensor in self.best.items()}
        tensors |= {f"optimizer/{name}": tensor for name, tensor in optimizer_tensors(self.plan.optimizer, module).items()}
        tensors |= {} if self.average is None else {f"average/{name}": tensor for name, tensor in self.average.tensors.items()}
        tensors["random/cpu"] = torch.get_rng_state()
        if self.run.device.type == "cuda":
            tensors["random/cuda"] = torch.cuda.get_rng_state(self.run.device)
        wholes = {name: whole(tensor, everywhere=False) for name, tensor in tensors.items()}
        return Checkpoint({name: tensor for name, tensor in wholes.items() if tensor is not None}, asdict(self.at), self.run.identity)

    def restore(self) -> None:
        """Go on from the checkpoint, where there is one."""
        folder = self.run.checkpoint
        saved = None if folder is None else read_checkpoint(folder, self.run.identity)
        if saved is None:
            return
        module = self.task.module
        self.at = Progressed(**saved.state)
        now = module.state_dict()
        module.load_state_dict({name: part_of(tensor, now[name]) for name, tensor in _below("weights/", saved.tensors).items()})
        self.best = {name: part_of(tensor, now[name]) for name, tensor in _below("best/", saved.tensors).items()}
        if self.average is not None:
            self.average.restore(_below("average/", saved.tensors))
        restore_optimizer(self.plan.optimizer, module, _below("optimizer/", saved.tensors))
        torch.set_rng_state(saved.tensors["random/cpu"])
        if "random/cuda" in saved.tensors and self.run.device.type == "cuda":
            torch.cuda.set_rng_state(saved.tensors["random/cuda"], self.run.device)
        logger.info("%s: goes on from epoch %d, batch %d", self.run.name, self.at.epoch + 1, self.at.batch + 1)


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose name starts with `prefix`, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
