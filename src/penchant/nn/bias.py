"""How far apart two events are, in positions and in time, as a number added to their attention. Worked out once for all layers."""

from typing import Any

import torch
from torch import Tensor, nn

STEPS_PER_OCTAVE = 2
BUCKETS = 31 * STEPS_PER_OCTAVE + 1  # 0 s, 1 s … 2³¹ s


class RelativeBias(nn.Module):
    """Learned numbers for the distance in positions and, where times are given, for the logarithm of the time between.

    Distances are worked out once for all layers. `sets` says how many sets of numbers there are: with 1 all layers share what was
    gathered, else each layer has its own, as in the paper, and gathers it anew.
    Reference: Zhai et al. 2024, arXiv:2402.17152, appendix D, with a set a layer; Raffel et al. 2020, arXiv:1910.10683, shares positions.
    """

    def __init__(self, max_len: int, *, time: bool, sets: int = 1) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.zeros(sets, max_len))
        self.times = nn.Parameter(torch.zeros(sets, BUCKETS)) if time else None

    def forward(self, length: int, times: Tensor | None, asked: Tensor | None) -> tuple[Tensor, ...]:
        """One [1 or B, 1, L, L] for each set; entry (t, s) is about position t reading position s ≤ t.

        `times` [B, L] int32 seconds of each position's event, `asked` [B, L] int32 seconds at which each position is asked.
        """
        device = self.positions.device
        low = torch.is_autocast_enabled(device.type)
        dtype = torch.get_autocast_dtype(device.type) if low else self.positions.dtype
        steps = torch.arange(length, device=device)
        apart = (steps[:, None] - steps[None, :]).clamp_(min=0)
        biases = [found[None, None] for found in look_up_each(self.positions.to(dtype), apart)]
        if self.times is not None and times is not None and asked is not None:
            buckets = time_buckets(asked[:, :, None] - times[:, None, :])
            gaps = look_up_each(self.times.to(dtype), buckets)
            biases = [positions + gap[:, None] for positions, gap in zip(biases, gaps, strict=True)]
        return tuple(biases)


def time_buckets(seconds: Tensor) -> Tensor:
    """int32 number of the bucket of each int32 duration: 0 for none, then `STEPS_PER_OCTAVE` for each doubling.

    Read off the bits of a float: exponent and first bits of the fraction are a logarithm, 0.2 ms for [16, 200, 200].
    """
    if torch.compiler.is_exporting():  # an exported graph cannot look at bits
        return time_buckets_plain(seconds)
    bits = seconds.clamp(0, 2**31 - 256).add_(1).float().view(torch.int32)
    return bits.sub_(127 << 23).bitwise_right_shift_(23 - (STEPS_PER_OCTAVE - 1))


def time_buckets_plain(seconds: Tensor) -> Tensor:
    """The plain twin of `time_buckets`: the same numbers from logarithms, in float64 so that powers of two are met exactly."""
    reached = (seconds.clamp(0, 2**31 - 256) + 1).float().double()
    octave = torch.floor(torch.log2(reached) + 1e-12)
    part = (reached / torch.exp2(octave) - 1) * STEPS_PER_OCTAVE
    return (octave * STEPS_PER_OCTAVE + torch.floor(part)).int()


def look_up_each(tables: Tensor, index: Tensor) -> tuple[Tensor, ...]:
    """`table[index]` for each of `tables` [n, N]; in one call where nothing is to be learned."""
    if torch.is_inference_mode_enabled():
        return tables.index_select(1, index.reshape(-1)).view(len(tables), *index.shape).unbind(0)
    return tuple(look_up(table, index) for table in tables)


def look_up(table: Tensor, index: Tensor) -> Tensor:
    """`table[index]` for a table [N] and an integer index of any shape, with a backward pass that counts instead of sorting."""
    result: Any = _LookUp.apply(table, index)  # type: ignore[no-untyped-call]  # `Any`: torch does not type `apply`
    return result  # type: ignore[no-any-return]


class _LookUp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, index: Tensor) -> Tensor:  # `Any`: torch's context has no public type
        ctx.save_for_backward(index)
        ctx.size = len(table)
        return table.index_select(0, index.reshape(-1)).view(index.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # `Any`: as above
        (index,) = ctx.saved_tensors
        weights = gradients[0].reshape(-1).float()
        return torch.bincount(index.reshape(-1), weights=weights, minlength=ctx.size).to(weights.dtype), None
