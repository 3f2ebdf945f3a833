"""The causal sequence encoder: item codes in, one vector a position out."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from penchant.nn.dropout import Dropout


class Encoder(nn.Module):
    """Item and position vectors, a stack of blocks, a last norm. The parts are given, so that each is a switch.

    Codes 0 … n_items−1 are items; `start` = n_items begins every history and stands in for an empty one. The item vectors
    also score (tied weights): a position's scores are `forward(...) · item_weight()ᵀ`.
    """

    def __init__(self, n_items: int, dim: int, *, position: nn.Module | None, blocks: Sequence[nn.Module], dropout: float) -> None:
        super().__init__()
        self.n_items = n_items
        self.register_buffer("longest", torch.zeros((), dtype=torch.int64))  # positions of the longest window met in training
        self.longest: Tensor
        self.items = nn.Embedding(n_items + 1, dim)
        self.position = position
        self.dropout = Dropout(dropout)
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(dim)

    @property
    def start(self) -> int:
        """The code that begins a history."""
        return self.n_items

    def forward(self, codes: Tensor) -> Tensor:
        """[B, L, D] from `codes` [B, L], left-aligned; what is right of a row's real positions changes none of their states."""
        x: Tensor = self.items(codes)
        if self.position is not None:
            x = x + self.position(codes.shape[1])
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x)
        result: Tensor = self.norm(x)
        return result

    def last(self, codes: Tensor, lengths: Tensor) -> Tensor:
        """[B, D] the state of the last real position of rows with `lengths` [B] of them."""
        hidden = self.forward(codes)
        return hidden[torch.arange(len(codes), device=codes.device), lengths - 1]

    def item_weight(self) -> Tensor:
        """[n_items, D] the vectors that score."""
        return self.items.weight[: self.n_items]


def initialise(module: nn.Module, *, std: float) -> None:
    """Start every linear map and embedding from a normal distribution cut at two deviations, biases from 0.

    Uses torch's generator in the order of the modules, so one seed gives one start.
    """
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Embedding):
            nn.init.trunc_normal_(part.weight, std=std, a=-2 * std, b=2 * std)
        if isinstance(part, nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)
