"""Threads that work out one batch on a CPU: each the gradients of its share, rather than all of them a part of each small product.

As processes do (`training.together`), but for the memory of the weights. Two cores, MovieLens-1M, targets a second: SASRec 64,000 with
threads that share products and 87,000 with threads that share batches, HSTU 56,000 and 86,000, GRU4Rec 32,000 and 84,000.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from penchant.nn.random import drawing_from
from penchant.training.shards import is_divided
from penchant.training.task import Task

MOST = 4  # shares: what Python does for one waits for the others', and is a tenth of it or more
LEAST = 32  # targets of a share
GRADIENTS = 2**28  # bytes of gradients beyond which more of them would cost more memory than they save time


class Threads:
    """The threads of one process that train one model; a context manager.

    What a share draws at random (dropout, negatives, masks) comes from a generator of its own, seeded by torch's, and gradients are
    added in the order of the shares: the same number of threads gives the same bits. Losses of shares are weighted by their targets,
    so that the mean over them is that of the batch.
    """

    def __init__(self, task: Task[Any], device: torch.device) -> None:  # `Any`: whatever a batch is
        self._task = task
        self._weights = [weight for weight in task.module.parameters() if weight.requires_grad]
        size = sum(weight.nbytes for weight in self._weights)
        able = device.type == "cpu" and not is_divided(task.module)  # whose processes ask each other in one order
        self._all = torch.get_num_threads()
        self._most = min(self._all, MOST, GRADIENTS // max(1, size)) if able else 1

    def __enter__(self) -> "Threads":
        self._pool = ThreadPoolExecutor(max(1, self._most))
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def backward(self, batch: Any, weight: float) -> float:  # `Any`: as above
        """`weight` times the mean loss over the batch's targets; its gradients are left in the module, which has none before."""
        many = min(self._most, len(batch) // LEAST)
        if many < 2:
            loss = self._task.loss(batch) * weight
            loss.backward()  # type: ignore[no-untyped-call]  # torch does not type it
            return float(loss.detach())
        shares = [part for part in (batch.part(number, many) for number in range(many)) if len(part)]
        seeds = torch.empty(len(shares), dtype=torch.int64).random_().tolist()
        with threads_each(self._all // many):
            begun = [
                self._pool.submit(self._work, part, weight * len(part) / len(batch), seed, self._all // many)
                for part, seed in zip(shares, seeds, strict=True)
            ]
            found = [each.result() for each in begun]
        for number, of in enumerate(self._weights):
            gradients = [each[number] for _, each in found if each[number] is not None]
            of.grad = reduce(torch.add, gradients) if gradients else None
        return sum(loss for loss, _ in found)

    def _work(self, part: Any, weight: float, seed: int, threads: int) -> tuple[float, tuple[Tensor, ...]]:  # `Any`: as above
        if torch.get_num_threads() != threads:  # which each thread has a number of its own of
            torch.set_num_threads(threads)
        with drawing_from(torch.Generator().manual_seed(seed)):
            loss = self._task.loss(part) * weight
            return float(loss.detach()), torch.autograd.grad(loss, self._weights, allow_unused=True)


@contextmanager
def threads_each(many: int) -> Iterator[None]:
    """Inside, so many threads share an operation: of this thread, and of others that begin."""
    before = torch.get_num_threads()
    torch.set_num_threads(many)
    try:
        yield
    finally:
        torch.set_num_threads(before)
