"""The sequence encoder: item codes in, one state a position out."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from penchant.nn.bias import RelativeBias
from penchant.nn.block import Block
from penchant.nn.dropout import Dropout
from penchant.nn.heads import DotHead, MixtureHead, NeuralHead
from penchant.nn.known import EventInputs, ItemContent
from penchant.nn.position import LearnedPosition


class Encoder(nn.Module):
    """Item vectors, a stack of blocks, a last norm. Everything between is given, so that each part is a switch.

    Codes 0 … n_items−1 are items; `start` = n_items begins every history and stands in for an empty one. The item vectors
    also score (tied weights), by `head`. `position` is added to the item vectors or, as a relative bias, to the attention of the blocks.
    With `both_ways` positions read what comes after them, too; then `start` only fills up rows and is read by nobody, and one more
    code, `mask`, stands for an item to be guessed. `events` and `content`, what else is known, may be set later.
    """

    def __init__(
        self,
        n_items: int,
        dim: int,
        *,
        position: LearnedPosition | RelativeBias | None,
        blocks: Sequence[nn.Module],
        dropout: float,
        head: DotHead | MixtureHead | NeuralHead | None = None,
        both_ways: bool = False,
    ) -> None:
        super().__init__()
        self.n_items, self.both_ways = n_items, both_ways
        self.register_buffer("longest", torch.zeros((), dtype=torch.int64))  # positions of the longest window met in training
        self.longest: Tensor
        self.items = nn.Embedding(n_items + 1 + both_ways, dim)
        self.position = position
        self.dropout = Dropout(dropout)
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(dim)
        self.head = DotHead(None) if head is None else head
        self.events: EventInputs | None = None
        self.content: ItemContent | None = None

    @property
    def start(self) -> int:
        """The code that begins a history."""
        return self.n_items

    @property
    def mask(self) -> int:
        """The code of an item to be guessed, where positions are read both ways."""
        return self.n_items + 1

    def forward(
        self,
        codes: Tensor,
        times: Tensor | None = None,
        asked: Tensor | None = None,
        *facts: Tensor,
    ) -> Tensor:
        """[B, L, D] from `codes` [B, L], left-aligned; what is right of a row's real positions changes none of their states.

        `times` and `asked`, both [B, L] int32 seconds, are for a relative bias that reads time; `facts` [B, L] for `events`, as it
        takes them.
        """
        x, biases = self._read(codes, times, asked, *facts)
        for layer, block in enumerate(self.blocks):
            x = block(x, biases[layer % len(biases)])
        result: Tensor = self.norm(x)
        return result

    def answer(
        self,
        lengths: Tensor,
        codes: Tensor,
        times: Tensor | None = None,
        asked: Tensor | None = None,
        *facts: Tensor,
    ) -> Tensor:
        """[B, D] the state of the last of each row's `lengths` [B] real positions; the last block works out no other.

        Where positions are read both ways, that is the state of a gap behind the history, which takes the place of the start.
        """
        x, biases = self._read(self._with_gap(codes, lengths) if self.both_ways else codes, times, asked, *facts)
        *before, last = self.blocks if len(self.blocks) else (None,)
        for layer, block in enumerate(before):
            x = block(x, biases[layer % len(biases)])
        bias = biases[len(before) % len(biases)]
        if isinstance(last, Block):
            x = last.answer(x, lengths - 1, bias)[:, 0]
        else:
            x = last_states(x if last is None else last(x, bias), lengths)
        result: Tensor = self.norm(x)
        return result

    def _read(self, codes: Tensor, times: Tensor | None, asked: Tensor | None, *facts: Tensor) -> tuple[Tensor, tuple[Tensor | None, ...]]:
        """What goes into the blocks: [B, L, D], and the biases of their attention."""
        x = self.item_vectors(codes)
        if self.events is not None:
            x = x + self.events(*facts)
        biases: tuple[Tensor | None, ...] = (self._padding(codes) if self.both_ways else None,)
        if isinstance(self.position, LearnedPosition):
            x = x + self.position(codes.shape[1])
        elif self.position is not None:
            biases = self.position(codes.shape[1], times, asked)
        return self.dropout(x), biases

    def item_vectors(self, codes: Tensor) -> Tensor:
        """[..., D] the vectors of `codes` of any shape, as they are read and, before the head reads them, as they score."""
        vectors: Tensor = self.items(codes)
        return vectors if self.content is None else vectors + self.content(codes)

    def item_weight(self) -> Tensor:
        """[n_items, D] the vectors of all items."""
        weight = self.items.weight[: self.n_items]
        return weight if self.content is None else weight + self.content()

    def _with_gap(self, codes: Tensor, lengths: Tensor) -> Tensor:
        """[B, L] codes that begin with the start, without it, and with a gap at their end."""
        steps = torch.arange(codes.shape[1], device=codes.device)
        moved = torch.cat([codes[:, 1:], torch.full_like(codes[:, :1], self.start)], dim=1)
        return moved.masked_fill(steps == lengths[:, None] - 1, self.mask)

    def _padding(self, codes: Tensor) -> Tensor:
        """[B, 1, 1, L] −∞ where nobody reads."""
        none = torch.zeros(codes.shape, device=codes.device).masked_fill_(codes == self.start, -math.inf)
        return none[:, None, None]


def last_states(states: Tensor, lengths: Tensor) -> Tensor:
    """[B, D] the state [B, L, D] of the last real position of rows with `lengths` [B] of them."""
    return states[torch.arange(states.shape[0], device=states.device), lengths - 1]


def initialise(module: nn.Module, *, std: float) -> None:
    """Start every linear map and embedding from a normal distribution cut at two deviations, biases from 0.

    Uses torch's generator in the order of the modules, so one seed gives one start.
    """
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Embedding):
            nn.init.trunc_normal_(part.weight, std=std, a=-2 * std, b=2 * std)
        if isinstance(part, nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)
