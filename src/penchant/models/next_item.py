"""What the sequence models are trained on: the next item of each history, against all items or a sample of them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from penchant.core.types import UNKNOWN
from penchant.data import Dataset
from penchant.models.base import FitOptions
from penchant.models.encoder_config import EncoderConfig
from penchant.nn.encoder import Encoder
from penchant.nn.heads import DotHead, Head
from penchant.nn.losses import ChunkedSoftmax, FullSoftmax
from penchant.nn.precision import products_in
from penchant.nn.sampled import SampledLoss, Sampler
from penchant.training.loader import Batch, WindowLoader
from penchant.training.validation import holdout, mean_ndcg

if TYPE_CHECKING:
    from penchant.models.encoder import EncoderModel

Objective = Callable[[Tensor, Tensor], Tensor]  # states [T, D], targets [T] → a scalar
Whole = Callable[[Tensor, Tensor, Tensor], Tensor]  # states [T, D], the vectors of all items [N, D], targets [T] → a scalar


class NextItem:
    """Predict each event of each history from those before it."""

    def __init__(self, model: "EncoderModel", dataset: Dataset, options: FitOptions, precision: torch.dtype) -> None:
        config = model.config
        self.module: nn.Module = model._encoder
        self._model, self._precision, self._events = model, precision, dataset.interactions
        self._loss = objective(config, model._encoder, dataset, precision)
        self._loader = WindowLoader(
            dataset.interactions,
            start=model._encoder.start,
            max_len=config.max_len,
            batch_events=config.batch_events_for(dataset.n_events),
            seed=config.seed,
            augment=config.augmented(),
        )
        validation = options.validation
        self._held = None if validation is None else holdout(validation, limit=config.validation_users, seed=config.seed)
        self.validates = self._held is not None and len(self._held[0]) > 0
        whole = config.loss_for(dataset.n_items) == "softmax"
        self.divisible = whole or config.sampling not in ("in-batch", "mixed")

    def batches(self, epoch: int) -> Sequence[Batch]:
        """As the loader cuts them."""
        return self._loader.epoch(epoch)

    def loss(self, batch: Batch) -> Tensor:
        """The mean over the batch's targets."""
        states = self.states(self._model, batch)
        return self._loss(states, batch.targets.to(states.device))

    def states(self, model: "EncoderModel", batch: Batch) -> Tensor:
        """[T, D] what `model` makes of the batch's real positions."""
        device = model._encoder.items.weight.device
        facts = self._facts(batch) if model._encoder.events is not None else ()
        batch = batch.to(device)
        with products_in(self._precision, device):
            hidden = model._states(batch.codes, batch.times, batch.asked, *(fact.to(device) for fact in facts))
        return hidden.flatten(0, 1).index_select(0, batch.real)

    def validate(self) -> float | None:
        """NDCG@10, seen items left out."""
        if self._held is None:
            return None
        requests, wanted = self._held
        self._model._settle()
        score = mean_ndcg(self._model.recommend(requests, 10), wanted, at=10)
        del self._model._weight  # as large as the table
        return score

    def _facts(self, batch: Batch) -> tuple[Tensor, ...]:
        """Types, values and places of the events that are read, and the places of those to be guessed.

        Of an event to be guessed nothing is told but its place, which a request tells, too: at the position that guesses it and at no
        earlier one. Later positions read the event itself.
        """
        read, wanted = batch.read.numpy(), batch.wanted.numpy()
        facts = [
            np.where(read < 0, np.int16(UNKNOWN), self._events.event_types[read]),
            np.where(read < 0, np.float32(np.nan), self._events.values[read]),
        ]
        if self._events.scenarios is not None:
            facts += [np.where(events < 0, np.int16(UNKNOWN), self._events.scenarios[events]) for events in (read, wanted)]
        return tuple(torch.from_numpy(fact) for fact in facts)


def objective(config: EncoderConfig, encoder: Encoder, dataset: Dataset, precision: torch.dtype) -> Objective:
    """The loss that the settings name, for the encoder's head."""
    kind = config.loss_for(dataset.n_items)
    if kind == "softmax":
        full = whole_softmax(config, encoder.head, precision)
        return lambda states, targets: full(states, encoder.item_weight(), targets)
    counts = torch.from_numpy(np.bincount(dataset.interactions.items, minlength=dataset.n_items))
    sampler = Sampler(config.sampling, counts).to(encoder.items.weight.device)
    some = SampledLoss(kind, encoder.head, sampler, negatives=config.negatives, calibration=config.calibration, dtype=precision)
    return lambda states, targets: some(states, encoder.item_vectors, targets)


def whole_softmax(config: EncoderConfig, head: Head, precision: torch.dtype) -> Whole:
    """The loss over all items."""
    full: nn.Module = ChunkedSoftmax(head.scores, precision, smoothing=config.label_smoothing)
    if isinstance(head, DotHead):
        full = FullSoftmax(precision, smoothing=config.label_smoothing)
    return lambda states, weight, targets: full(head.users(states), head.items(weight), targets)
