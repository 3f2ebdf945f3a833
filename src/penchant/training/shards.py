"""Tables whose rows several processes divide among themselves, from the start of a training to its end; see `nn.sharded`.

A single process, or a module without such tables, is let through everywhere as it is.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from penchant.core.processes import processes
from penchant.nn.sharded import ShardedEmbedding, by_rows, is_sharded, own, whole
from penchant.training.together import join


def shard(table: nn.Embedding, device: torch.device) -> nn.Embedding:
    """`table` with the rows of this process alone, on `device`; all processes must have it alike."""
    if processes().size == 1:
        return table
    join()
    return ShardedEmbedding(by_rows(table.weight.detach(), device))


def is_divided(module: nn.Module) -> bool:
    """Whether there are such tables in it."""
    return next(_tables(module), None) is not None


def squares(module: nn.Module) -> float:
    """The sum of the squares of the gradients of this process's rows."""
    return sum(float(torch.linalg.vector_norm(grad)) ** 2 for grad in _gradients(module, sharded=True))


def clip(module: nn.Module, longest: float, squares: float) -> float:
    """Shorten the whole gradient to `longest`; returns its length before. `squares` are those of the rows of all processes."""
    rows, common = _gradients(module, sharded=True), _gradients(module, sharded=False)
    if not rows:
        return float(nn.utils.clip_grad_norm_(module.parameters(), longest))
    length = math.sqrt(float(nn.utils.get_total_norm(common)) ** 2 + squares)
    shorter = longest / (length + 1e-6)  # as torch has it
    if shorter < 1:
        torch._foreach_mul_([*common, *rows], shorter)
    return length


@contextmanager
def whole_on_first(module: nn.Module, device: torch.device) -> Iterator[None]:
    """Inside, the first process has the module whole, on the CPU; it goes back to `device`. All processes must come here."""
    tables = list(_tables(module))
    for parent, name, table in tables:
        setattr(parent, name, _whole(table, everywhere=False) or table)
    if not tables or not processes().first:
        yield
        return
    module.to("cpu")
    try:
        yield
    finally:
        for parent, name, _ in tables:
            setattr(parent, name, None)  # gone before the rest goes back: a device need not hold it
        module.to(device)
        for parent, name, table in tables:
            setattr(parent, name, table)


def unite(module: nn.Module) -> None:
    """Leave whole tables in the module, on the CPU in every process."""
    for parent, name, table in list(_tables(module)):
        setattr(parent, name, _whole(table, everywhere=True))


def _whole(table: ShardedEmbedding, *, everywhere: bool) -> nn.Embedding | None:
    weight = whole(table.weight, everywhere=everywhere)
    return None if weight is None else nn.Embedding(weight.shape[0], weight.shape[1], _weight=weight)


def _tables(module: nn.Module) -> Iterator[tuple[nn.Module, str, ShardedEmbedding]]:
    """Each with the part of the module that holds it, and its name there."""
    for parent in module.modules():
        for name, part in parent.named_children():
            if isinstance(part, ShardedEmbedding):
                yield parent, name, part


def _gradients(module: nn.Module, *, sharded: bool) -> list[Tensor]:
    """Those of this process's rows, or of all that every process has."""
    return [own(weight.grad) for weight in module.parameters() if weight.grad is not None and is_sharded(weight) == sharded]
