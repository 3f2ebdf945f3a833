"""Tables of vectors whose rows are divided among the processes of one training, and how a process finds a row that another one holds.

A table is a `DTensor` with `Shard(0)`, and so is all that is made like it: gradient, moments, averages, copies. So whatever meets one
knows by its type that it is a part, and what the whole's shape is; torch's steps of Adam take it as it is.
"""

from typing import TYPE_CHECKING, Any, TypeGuard

import torch
from torch import Tensor, distributed, nn

from penchant.core.processes import processes

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh
    from torch.distributed.tensor import DTensor


class ShardedEmbedding(nn.Embedding):
    """An embedding [N, D] of which each process holds N ÷ processes rows, in their order, the last ones perhaps fewer or none.

    All processes must ask at the same time, each for any number of codes; the gradient must be wanted by all of them or by none.
    Values are those of `nn.Embedding` to the bit. A row's gradient is the sum of all processes', and only its holder has it.
    Reference: Naumov et al., "Deep Learning Recommendation Model for Personalization and Recommendation Systems", 2019,
    arXiv:1906.00091, section 3: tables are divided, and vectors exchanged all to all.
    Differs: by rows, not whole tables; a row is asked for once a call, however often its code is met.
    Cost: three exchanges a call and one for the gradient, 2·n·D numbers in all for n different codes, whatever N.

    Not DTensor's own lookup: for every code that any process has it sums a vector from each, it wants equal numbers of codes, and in
    torch 2.13 its backward pass makes the gradient of all N rows in each process, which is what must not be.
    """

    def __init__(self, weight: "DTensor") -> None:
        super().__init__(weight.shape[0], weight.shape[1], _weight=weight)

    def forward(self, codes: Tensor) -> Tensor:
        """[..., D] of `codes` of any shape."""
        asked, places = torch.unique(codes, return_inverse=True)  # rising: what one process holds stands together
        vectors: Tensor = _Found.apply(self.weight, asked)  # type: ignore[no-untyped-call]  # torch does not type it
        return nn.functional.embedding(places, vectors)


class _Found(torch.autograd.Function):
    """[n, D] the rows of a sharded table that have the given codes [n], different and rising.

    The gradient is added to the table's in place: as a result of its own, autograd would make it a table of zeros for each lookup.
    """

    @staticmethod
    def forward(ctx: Any, weight: "DTensor", codes: Tensor) -> Tensor:
        """`Any`: torch's context has no public type."""
        each = _rows_each(weight)
        asks = torch.bincount(codes // each, minlength=processes().size)
        asked = torch.empty_like(asks)
        distributed.all_to_all_single(asked, asks)
        ctx.weight, ctx.asks, ctx.asked = weight, asks.tolist(), asked.tolist()
        ctx.rows = _exchanged(codes, ctx.asks, ctx.asked) - processes().number * each
        return _exchanged(own(weight).index_select(0, ctx.rows), ctx.asked, ctx.asks)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None]:
        """`Any`: as above."""
        weight = ctx.weight
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
        own(weight.grad).index_add_(0, ctx.rows, _exchanged(gradients[0], ctx.asks, ctx.asked))
        return None, None


def by_rows(whole: Tensor, device: torch.device) -> "DTensor":
    """This process's rows of `whole`, which all processes have alike, copied to `device`; torch.distributed must have begun."""
    from torch.distributed.device_mesh import DeviceMesh

    everyone = distributed.group.WORLD
    assert everyone is not None  # as it is once the processes have met
    return _part(whole, DeviceMesh.from_group(everyone, device.type), device)


def part_of(whole: Tensor, like: Tensor) -> Tensor:
    """What this process holds of `whole` where `like`, of the same shape, is sharded; else `whole`; on the device of `like`."""
    return _part(whole, like.device_mesh, like.device) if is_sharded(like) else whole.to(like.device)


def own(tensor: Tensor) -> Tensor:
    """The rows that this process holds, sharing memory with `tensor`; of what is not sharded all. Without a history of gradients."""
    return (tensor.to_local() if is_sharded(tensor) else tensor).detach()


def whole(tensor: Tensor, *, everywhere: bool) -> Tensor | None:
    """`tensor` with the rows of all processes, on the CPU: in each process, or in the first with None in the others.

    What is not sharded is itself. All processes must ask at the same time.
    """
    if not is_sharded(tensor):
        return tensor.detach()
    me, mine = processes(), own(tensor).cpu()
    if not (everywhere or me.first):
        distributed.send(mine, dst=0)
        return None
    result = torch.empty(tensor.shape, dtype=tensor.dtype)
    for number in range(me.size):
        rows = result[_rows(tensor, number)]
        if number == me.number:
            rows.copy_(mine)
        if everywhere:
            distributed.broadcast(rows, src=number)
        elif number != me.number:
            distributed.recv(rows, src=number)
    return result


def is_sharded(tensor: Tensor) -> "TypeGuard[DTensor]":
    """Whether it is a part, of which each process has another."""
    if processes().size == 1:
        return False
    from torch.distributed.tensor import DTensor  # a second that those need not wait who only load a model

    return isinstance(tensor, DTensor)


def _part(whole: Tensor, mesh: "DeviceMesh", device: torch.device) -> "DTensor":
    from torch.distributed.tensor import DTensor, Shard

    mine = whole[_rows(whole, processes().number)].to(device, copy=True)
    return DTensor.from_local(mine, mesh, [Shard(0)], run_check=False, shape=whole.shape, stride=whole.stride())


def _rows(table: Tensor, number: int) -> slice:
    """Those of process `number`."""
    each = _rows_each(table)
    return slice(min(number * each, len(table)), min((number + 1) * each, len(table)))


def _rows_each(table: Tensor) -> int:
    """How many rows each process holds but the last ones: as `torch.chunk` divides, and `Shard(0)`."""
    return -(-len(table) // processes().size)


def _exchanged(rows: Tensor, sent: list[int], received: list[int]) -> Tensor:
    """What the other processes sent: from each as many rows as `received` says, for as many as `sent` says of `rows`, in order."""
    result = rows.new_empty(sum(received), *rows.shape[1:])
    distributed.all_to_all_single(result, rows.contiguous(), received, sent)
    return result
