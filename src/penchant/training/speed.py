"""How near training comes to what this machine can compute: operations of a step, and the most that matrix products alone reach."""

import time
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from penchant.training.task import Task

SIZES = (512, 1_024)  # of square matrices; larger ones are no faster on a CPU
STEPS = 3  # whose operations are counted
SECONDS = 0.1  # spent on measuring each


def peak(device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second of the fastest square matrix products, measured now."""
    return max(_rate(size, device, dtype) for size in SIZES)


def targets_at_peak(task: Task[Any], device: torch.device, dtype: torch.dtype) -> float:
    """Targets a second of `task` if its matrix products ran at the machine's peak and nothing else took time.

    The operations are those of a few steps forward and backward, counted in steps that change nothing. `Any`: whatever a batch is.
    """
    devices = [device] if device.type == "cuda" else []
    batches = task.batches(0)
    few = [batches[b] for b in range(min(STEPS, len(batches)))]
    task.module.train()
    with torch.random.fork_rng(devices=devices), FlopCounterMode(display=False) as counter:
        for batch in few:
            task.loss(batch).backward()  # type: ignore[no-untyped-call]  # torch does not type it
    task.module.zero_grad(set_to_none=True)
    operations = counter.get_total_flops() / max(1, sum(len(batch) for batch in few))
    return peak(device, dtype) / operations if operations else 0.0


def _rate(size: int, device: torch.device, dtype: torch.dtype) -> float:
    a, b = (torch.ones(size, size, dtype=dtype, device=device) for _ in range(2))
    best, until = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < until:
        begun = time.perf_counter()
        a @ b
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - begun)
    return float(2 * size**3 / best)
