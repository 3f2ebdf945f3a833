"""What a model that reads both ways is trained on: items of a history that were taken out of it."""

from typing import NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from penchant.models.encoder_config import EncoderConfig
from penchant.models.next_item import NextItem
from penchant.nn.precision import products_in
from penchant.nn.random import own_generator
from penchant.training.loader import Batch

ASKED = 0.2  # share of histories that are cut and asked what comes next, as a request is: else no short history would ever end in a gap


class MaskedConfig(EncoderConfig):
    """Settings of a model that fills gaps."""

    masked: float = Field(0.2, gt=0, lt=1)  # share of a history's items that are taken out


class Masked(NamedTuple):
    """Histories with gaps, and what was there."""

    codes: Tensor  # [B, L] int64; padding holds the start code
    places: Tensor  # [T'] int64 the gaps, as places in the flattened [B·L]
    items: Tensor  # [T'] int64 what was there


def masked(batch: Batch, *, share: float, start: int, mask: int) -> Masked:
    """Each history with about `share` of its items replaced by `mask`, or cut somewhere and its new end alone replaced.

    Draws from the thread's generator.
    """
    items = torch.full_like(batch.codes, start)
    items.view(-1)[batch.real] = batch.targets
    real, steps = items != start, torch.arange(items.shape[1], device=items.device)
    drawn = (torch.rand(items.shape, generator=own_generator(), device=items.device) < share) & real
    asked = torch.rand(len(items), 1, generator=own_generator(), device=items.device) < ASKED
    asked |= ~drawn.any(1, keepdim=True)
    ends = (torch.rand(len(items), 1, generator=own_generator(), device=items.device) * real.sum(1, keepdim=True)).long()
    chosen = torch.where(asked, steps == ends, drawn)
    codes = items.masked_fill(chosen, mask).masked_fill_(asked & (steps > ends), start)
    places = chosen.view(-1).nonzero().squeeze(1)
    return Masked(codes, places, items.view(-1)[places])


class MaskedItem(NextItem):
    """Guess the items that were taken out of each history from those before and after them."""

    def loss(self, batch: Batch) -> Tensor:
        """The mean over the items taken out."""
        encoder, config = self._model._encoder, self._model.config
        assert isinstance(config, MaskedConfig)
        device = encoder.items.weight.device
        given = masked(batch.to(device), share=config.masked, start=encoder.start, mask=encoder.mask)
        with products_in(self._precision, device):
            hidden = encoder(given.codes)
        states = hidden.flatten(0, 1).index_select(0, given.places)
        return self._loss(states, given.items)
