"""One layer of an encoder: attention and feed-forward, as far as given, each on a normalised copy and added back; same shape out."""

from typing import Any

import torch
from torch import Tensor, nn

from penchant.nn.attention import PointwiseAttention, SoftmaxAttention, taken
from penchant.nn.dropout import Dropout
from penchant.nn.linear import Linear


class Block(nn.Module):
    """Pre-norm residual block: x + drop(attention(norm(x))), then x + drop(feed_forward(norm(x))).

    Pre-norm keeps a clean sum through all layers, so that deep stacks train without a long warm-up. `gated` multiplies what
    is added by sigmoid(linear(x)): the LiGR residual (Borisyuk et al. 2025, arXiv:2502.03417), which keeps eight layers trainable.
    """

    def __init__(
        self,
        dim: int,
        attention: PointwiseAttention | SoftmaxAttention | None,
        feed_forward: nn.Module | None,
        *,
        dropout: float,
        gated: bool = False,
    ) -> None:
        super().__init__()
        self.attention = None if attention is None else Residual(dim, attention, dropout, gated=gated)
        self.feed_forward = None if feed_forward is None else Residual(dim, feed_forward, dropout, gated=gated)

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """Same shape as `x`; `bias` is for the attention."""
        x = x if self.attention is None else self.attention(x, bias)
        return x if self.feed_forward is None else self.feed_forward(x)

    def answer(self, x: Tensor, at: Tensor, bias: Tensor | None = None) -> Tensor:
        """[B, 1, D] the position `at` [B] of what `forward` gives, the others not worked out."""
        x = taken(x, at) if self.attention is None else self.attention.answer(x, at, bias)
        return x if self.feed_forward is None else self.feed_forward(x)


class Residual(nn.Module):
    """x + gate · drop(part(norm(x)))."""

    def __init__(self, dim: int, part: nn.Module, dropout: float, *, gated: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.part = part
        self.gate = Linear(dim, dim) if gated else None
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, *more: Tensor | None) -> Tensor:
        """Same shape as `x`; `more` goes to the part."""
        return self._sum(x, self.part(self.norm(x), *more))

    def answer(self, x: Tensor, at: Tensor, bias: Tensor | None) -> Tensor:
        """[B, 1, D] the position `at` [B] of what `forward` gives, of a part that can answer one alone."""
        part: Any = self.part  # `Any`: torch types the modules of a module as modules
        return self._sum(taken(x, at), part.answer(self.norm(x), at, bias))

    def _sum(self, x: Tensor, added: Tensor) -> Tensor:
        added = self.dropout(added)
        return x + added if self.gate is None else x + torch.sigmoid(self.gate(x)) * added
