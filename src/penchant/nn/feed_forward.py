"""The part of a block that works on each position by itself, [..., D] → [..., D]."""

from torch import Tensor, nn
from torch.nn import functional as F

from penchant.nn.dropout import Dropout
from penchant.nn.linear import Linear


class FeedForward(nn.Module):
    """Two linear maps with GELU between."""

    def __init__(self, dim: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.up = Linear(dim, hidden, "gelu")
        self.down = Linear(hidden, dim)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as `x`."""
        result: Tensor = self.down(self.dropout(self.up(x)))
        return result


class SwiGLU(nn.Module):
    """Two linear maps whose product, one of them through SiLU, goes into a third (Shazeer 2020, arXiv:2002.05202)."""

    def __init__(self, dim: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.up = Linear(dim, 2 * hidden)
        self.down = Linear(hidden, dim)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as `x`."""
        gate, value = self.up(x).chunk(2, dim=-1)
        result: Tensor = self.down(self.dropout(F.silu(gate) * value))
        return result
