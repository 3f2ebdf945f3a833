"""What a model that reads both ways is trained on: items of a history that were taken out of it."""

from typing import NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from penchant.models.encoder_config import EncoderConfig
from penchant.models.next_item import NextItem
from penchant.training.loader import Batch

LAST = 0.1  # share of histories where the last item alone is taken out: that is what a request asks


class MaskedConfig(EncoderConfig):
    """Settings of a model that fills gaps."""

    masked: float = Field(0.2, gt=0, lt=1)  # share of a history's items that are taken out


class Masked(NamedTuple):
    """Histories with gaps, and what was there."""

    codes: Tensor  # [B, L] int64; padding holds the start code
    places: Tensor  # [T'] int64 the gaps, as places in the flattened [B·L]
    items: Tensor  # [T'] int64 what was there


def masked(batch: Batch, *, share: float, start: int, mask: int) -> Masked:
    """Each history with about `share` of its items replaced by `mask`, at least one; draws from torch's generator."""
    items = torch.full_like(batch.codes, start)
    items.view(-1)[batch.real] = batch.targets
    real = items != start
    drawn = (torch.rand(items.shape, device=items.device) < share) & real
    last = torch.zeros_like(real)
    last[torch.arange(len(items), device=items.device), real.sum(1) - 1] = True
    alone = torch.rand(len(items), 1, device=items.device) < LAST
    alone |= ~drawn.any(1, keepdim=True)
    chosen = torch.where(alone, last, drawn)
    places = chosen.view(-1).nonzero().squeeze(1)
    return Masked(items.masked_fill(chosen, mask), places, items.view(-1)[places])


class MaskedItem(NextItem):
    """Guess the items that were taken out of each history from those before and after them."""

    def loss(self, batch: Batch) -> Tensor:
        """The mean over the items taken out."""
        encoder, config = self._model._encoder, self._model.config
        assert isinstance(config, MaskedConfig)
        device = encoder.items.weight.device
        given = masked(batch.to(device), share=config.masked, start=encoder.start, mask=encoder.mask)
        with torch.autocast(device.type, dtype=self._precision, enabled=self._precision != torch.float32):
            hidden = encoder(given.codes)
        states = hidden.flatten(0, 1).index_select(0, given.places)
        return self._loss(states, encoder.item_weight(), given.items)
