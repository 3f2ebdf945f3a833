"""What the sequence models are trained on: the next item of each history."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from penchant.core.types import Jagged, Queries
from penchant.data import Dataset
from penchant.models.base import FitOptions
from penchant.nn.losses import FullSoftmax
from penchant.training.loader import Batch, WindowLoader
from penchant.training.validation import holdout, mean_ndcg

if TYPE_CHECKING:
    from penchant.models.encoder import EncoderModel


class NextItem:
    """Predict each event of each history from those before it."""

    def __init__(self, model: "EncoderModel", dataset: Dataset, options: FitOptions, precision: torch.dtype) -> None:
        config = model.config
        self.module: nn.Module = model._encoder
        self._model, self._precision = model, precision
        self._loss = FullSoftmax(precision)
        self._loader = WindowLoader(
            dataset.interactions,
            start=model._encoder.start,
            max_len=config.max_len,
            batch_events=config.batch_events_for(dataset.n_events),
            seed=config.seed,
        )
        self._requests: Queries | None = None
        if options.validation is not None:
            self._requests, self._wanted = holdout(options.validation, limit=config.validation_users, seed=config.seed)

    def batches(self, epoch: int) -> Sequence[Batch]:
        """As the loader cuts them."""
        return self._loader.epoch(epoch)

    def loss(self, batch: Batch) -> Tensor:
        """Mean cross-entropy over the whole catalogue."""
        model = self._model
        device = model._encoder.items.weight.device
        batch = batch.to(device)
        with torch.autocast(device.type, dtype=self._precision, enabled=self._precision != torch.float32):
            hidden = model._states(batch.codes, batch.times, batch.asked)
        states = hidden.flatten(0, 1).index_select(0, batch.real)
        loss: Tensor = self._loss(model._scaled(states), model._item_weight(), batch.targets)
        return loss

    def validate(self) -> float | None:
        """NDCG@10, seen items left out."""
        if self._requests is None or len(self._requests) == 0:
            return None
        wanted: Jagged = self._wanted
        self._model._settle()
        return mean_ndcg(self._model.recommend(self._requests, 10), wanted, at=10)
