"""Where in a sequence something stands."""

import torch
from torch import Tensor, nn


class LearnedPosition(nn.Module):
    """One vector for each distance from the end, so that the latest event of a long and of a short history look alike.

    A position of a window of `length` real positions is numbered `max_len − length + t`: the last one is always `max_len − 1`,
    whatever the length, and a length that never occurred in training needs no vector of its own.
    """

    def __init__(self, max_len: int, dim: int) -> None:
        super().__init__()
        self.max_len = max_len
        self.table = nn.Embedding(max_len, dim)

    def forward(self, lengths: Tensor, length: int) -> Tensor:
        """[B, L, D] for sequences of `lengths` [B] real positions, left-aligned in `length`; padding gets the last vector."""
        steps = torch.arange(length, device=lengths.device)
        numbers = (self.max_len - lengths)[:, None] + steps[None, :]
        result: Tensor = self.table(numbers.clamp(max=self.max_len - 1))
        return result
