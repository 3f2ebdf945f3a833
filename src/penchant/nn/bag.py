"""A body without order: each position is the mean of itself and all before it, [B, L, D] → [B, L, D]."""

import torch
from torch import Tensor, nn


class RunningMean(nn.Module):
    """The mean of positions 0 … t at position t, in float32: a history as a bag of items."""

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """Same shape as `x`; there is no attention that a bias could be for."""
        counts = torch.arange(1, x.shape[1] + 1, device=x.device, dtype=torch.float32)
        return x.float().cumsum(1) / counts[:, None]
