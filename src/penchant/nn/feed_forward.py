"""The part of a block that works on each position by itself."""

from torch import Tensor, nn
from torch.nn import functional as F

from penchant.nn.dropout import Dropout


class FeedForward(nn.Module):
    """Two linear maps with GELU between, [..., D] → [..., D]."""

    def __init__(self, dim: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.up = nn.Linear(dim, hidden)
        self.down = nn.Linear(hidden, dim)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as `x`."""
        result: Tensor = self.down(self.dropout(F.gelu(self.up(x))))
        return result
