"""Several processes that train one model: each works out the gradients of its share of every batch, and all take the same step.

Data parallel training as in Li et al., "PyTorch Distributed", VLDB 2020, section 3. Differs: one sum a step over one vector of all
gradients, after the backward pass and not during it; so weights stay equal to the bit. The shares are weighted by their targets, so
that the mean loss over them is that of the batch; what is drawn at random (dropout, negatives, masks) each process draws anew.
Tables whose rows the processes divide (`nn.sharded`) are left out of that sum: theirs is made where the rows are.
Without `torchrun` everything here is a single process and costs nothing.
"""

import atexit
import hashlib
import json
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed, nn

from penchant.core.errors import TrainingError
from penchant.core.processes import processes
from penchant.core.random import generator
from penchant.nn.sharded import is_sharded

PATIENCE = timedelta(hours=12)  # while the first process counts, evaluates or writes, the others wait


class Together:
    """The processes of one training."""

    def __init__(self, seed: int) -> None:
        self._me, self._seed = processes(), seed
        self._flat = torch.empty(0)  # the vector that is summed, kept from step to step

    @property
    def alone(self) -> bool:
        """Whether there is only this process."""
        return self._me.size == 1

    @property
    def first(self) -> bool:
        """Whether this process validates, saves and shows."""
        return self._me.first

    @property
    def size(self) -> int:
        """How many processes there are."""
        return self._me.size

    def start(self, name: str, facts: dict[str, Any]) -> None:
        """Wait for all; raises TrainingError where they are not about to do the same. `Any`: JSON values."""
        if self.alone:
            return
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).digest()
        mine = torch.frombuffer(bytearray(digest), dtype=torch.uint8)
        others = [torch.empty_like(mine) for _ in range(self.size)]
        join()
        distributed.all_gather(others, mine)
        if different := [number for number, theirs in enumerate(others) if not torch.equal(theirs, others[0])]:
            raise TrainingError(
                f"{name}: the processes {different} have other settings, data or checkpoints than process 0; "
                "start all of them with the same command, in a folder that they share"
            )

    def part(self, batch: Any, step: int) -> tuple[Any, float]:  # `Any`: batches are the task's own affair
        """This process's share of a batch, and what it weighs; torch's generator begins anew with each step, differently in each process.

        Where there are fewer rows than processes, who gets none works the batch out for nothing: the others may need its rows of a table.
        """
        if self.alone:
            return batch, 1.0
        torch.manual_seed(int(generator(self._seed, f"step {step}, process {self._me.number}").integers(2**63)))
        part = batch.part(self._me.number, self.size)
        return (part, len(part) / len(batch)) if len(part) else (batch, 0.0)

    def add(self, module: nn.Module, *values: float) -> list[float]:
        """The sums of `values` over all processes; the gradients in `module` are the sums then, too, but of what is sharded."""
        if self.alone:
            return list(values)
        weights = [weight for weight in module.parameters() if weight.requires_grad and not is_sharded(weight)]
        device = next(module.parameters()).device
        there = [float(weight.grad is not None) for weight in weights]
        head = torch.tensor([*values, *there], device=device)
        grads = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in weights]
        parts = [head, *(grad.reshape(-1) for grad in grads)]
        size = sum(len(part) for part in parts)
        if len(self._flat) != size or self._flat.device != device:
            self._flat = torch.empty(size, device=device)
        torch.cat(parts, out=self._flat)
        distributed.all_reduce(self._flat)
        sums, *summed = torch.split(self._flat, [len(part) for part in parts])
        told: list[float] = sums.tolist()
        for weight, grad, count in zip(weights, summed, told[len(values) :], strict=True):
            weight.grad = grad.view_as(weight) if count else None
        return told[: len(values)]

    def tell(self, value: float | None) -> float | None:
        """What the first process says."""
        if self.alone:
            return value
        told = float(_from_first(torch.tensor(float("nan") if value is None else value, dtype=torch.float64)))
        return None if told != told else told


def agreed(number: int) -> int:
    """What the first process says; returns when all have asked. A single one need not wait, nor have torch.distributed."""
    return number if processes().size == 1 else int(_from_first(torch.tensor(number)))


def _from_first(value: Tensor) -> Tensor:
    """`value` as the first process has it: the others add zeros, so that this waits for all, which a broadcast would not."""
    join()
    told = value if processes().first else torch.zeros_like(value)
    distributed.all_reduce(told)
    return told


def join() -> None:
    """Meet the others, once."""
    if not distributed.is_initialized():
        distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
        atexit.register(distributed.destroy_process_group)
