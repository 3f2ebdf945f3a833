"""Threads that work out one batch on a CPU: each the gradients of its share, rather than all of them a part of each small product.

As processes do (`training.together`), but for the memory of the weights.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from penchant.nn.random import drawing_from
from penchant.training.device import threads_each
from penchant.training.shards import is_divided
from penchant.training.task import Task

SHARES = 2  # of a batch, whatever the machine: what is drawn at random must not depend on its threads
LEAST = 64  # targets of a batch that is shared out
GRADIENTS = 2**28  # bytes beyond which a second gradient of all weights would cost more memory than it saves time


class Threads:
    """The threads of one process that train one model; a context manager.

    What a share draws at random (dropout, negatives, masks) comes from a generator of its own, seeded by torch's, and gradients are
    added in the order of the shares; so the number of threads changes no result but by rounding, and the same number none at all.
    Shares are weighed by their targets, so that a mean over targets is that of the batch; one over masked items or pairs nearly so.
    """

    def __init__(self, task: Task[Any], device: torch.device) -> None:  # `Any`: whatever a batch is
        self._task = task
        self._weights = [weight for weight in task.module.parameters() if weight.requires_grad]
        small = SHARES * sum(weight.nbytes for weight in self._weights) <= GRADIENTS
        # Processes that divide a table ask each other for its rows, all in one order.
        self._shares_out = task.divisible and small and device.type == "cpu" and not is_divided(task.module)
        threads = torch.get_num_threads()
        self._side_by_side, self._each = min(SHARES, threads), max(1, threads // SHARES)  # shares, and threads of one share

    def __enter__(self) -> "Threads":
        self._pool = ThreadPoolExecutor(self._side_by_side)
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def backward(self, batch: Any, weight: float) -> float:  # `Any`: as above
        """`weight` times the mean loss over the batch's targets; its gradients are left in the module, which has none before."""
        shares = []
        if self._shares_out and len(batch) >= LEAST:
            shares = [part for part in (batch.part(number, SHARES) for number in range(SHARES)) if len(part)]
        if len(shares) < 2:
            loss = self._task.loss(batch) * weight
            loss.backward()  # type: ignore[no-untyped-call]  # torch does not type it
            return float(loss.detach())
        seeds = torch.empty(len(shares), dtype=torch.int64).random_().tolist()
        weights = [weight * len(part) / len(batch) for part in shares]
        with threads_each(self._each):
            found = list(self._pool.map(self._work, shares, weights, seeds))
        for number, of in enumerate(self._weights):
            gradients = [each[number] for _, each in found if each[number] is not None]
            of.grad = reduce(torch.add, gradients) if gradients else None
        return sum(loss for loss, _ in found)

    def _work(self, part: Any, weight: float, seed: int) -> tuple[float, tuple[Tensor, ...]]:  # `Any`: as above
        if torch.get_num_threads() != self._each:  # of which each thread has a number of its own
            torch.set_num_threads(self._each)
        with drawing_from(torch.Generator().manual_seed(seed)):
            loss = self._task.loss(part) * weight
            return float(loss.detach()), torch.autograd.grad(loss, self._weights, allow_unused=True)
