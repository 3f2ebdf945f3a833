"""A convolutional body: each position reads a window that ends with it, [B, L, D] → [B, L, D]."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from penchant.nn.dropout import Dropout


class CaserConvolution(nn.Module):
    """Horizontal filters of every height up to `window`, the largest of each over the window; vertical filters, weighed sums of it.

    Horizontal ones see several events together and in order, wherever in the window; vertical ones sum each dimension over places.
    Before the first event the window holds zeros. Reference: Tang & Wang, "Personalized Top-N Sequential Recommendation via
    Convolutional Sequence Embedding", WSDM 2018, arXiv:1809.07426, section 3.2.
    """

    def __init__(self, dim: int, window: int, *, dropout: float, horizontal: int = 16, vertical: int = 4) -> None:
        super().__init__()
        self.window = window
        self.norm = nn.LayerNorm(dim)
        self.horizontal = nn.ModuleList(nn.Conv1d(dim, horizontal, height) for height in range(1, window + 1))
        self.vertical = nn.Linear(window, vertical, bias=False)
        self.out = nn.Linear(window * horizontal + vertical * dim, dim)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """What each position makes of its window; there is no attention that a bias could be for."""
        before = F.pad(self.norm(x).transpose(1, 2), (self.window - 1, 0))  # [B, D, window − 1 + L]
        found = []
        for height, filters in enumerate(self.horizontal, start=1):
            met = F.relu(filters(before))  # [B, horizontal, window − height + L]
            found.append(met.unfold(2, self.window - height + 1, 1).amax(-1).transpose(1, 2))
        found.append(self.vertical(before.unfold(2, self.window, 1)).permute(0, 2, 1, 3).flatten(2))  # [B, L, D · vertical]
        result: Tensor = F.relu(self.out(self.dropout(torch.cat(found, dim=-1))))
        return result
