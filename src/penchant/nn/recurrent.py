"""A recurrent body: one state that is carried from event to event, [B, L, D] → [B, L, D]."""

import torch
from torch import Tensor, nn

from penchant.nn.dropout import Dropout

CELLS = {"gru": nn.GRU, "lstm": nn.LSTM}


class Recurrent(nn.Module):
    """`n_layers` of gated recurrent units or of long short-term memory, on a normalised copy of the input.

    In float32 whatever surrounds it: its steps are too small to gain from less. Reference: Cho et al. 2014, arXiv:1406.1078 (gru);
    Hochreiter & Schmidhuber, Neural Computation 9(8), 1997 (lstm).
    """

    def __init__(self, dim: int, n_layers: int, cell: str, *, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.cells = nn.ModuleList(CELLS[cell](dim, dim, batch_first=True) for _ in range(n_layers))
        self.dropout = Dropout(dropout)  # between them

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """The state after each position; there is no attention that a bias could be for."""
        with torch.autocast(x.device.type, enabled=False):
            states: Tensor = self.norm(x.float())
            for number, cell in enumerate(self.cells):
                states = cell(self.dropout(states) if number else states)[0]
        return states
