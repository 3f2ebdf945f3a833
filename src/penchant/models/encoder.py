"""The sequence model: one causal encoder over histories. Its parts are switches; `SASRec` and its successors are named settings."""

from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from penchant.core.artifact import Arrays
from penchant.core.types import FloatArray, Queries
from penchant.data import Dataset
from penchant.models.assembly import build
from penchant.models.base import FitOptions, Model
from penchant.models.encoder_config import EncoderConfig
from penchant.models.inputs import inputs
from penchant.models.next_item import NextItem
from penchant.nn.encoder import last_states
from penchant.training.device import choose_device, choose_precision, machine
from penchant.training.loop import Plan, Run, train
from penchant.training.optimizers import adamw
from penchant.training.schedules import SCHEDULES


class EncoderModel(Model):
    """What the models of this family share: everything but name, defaults and paper."""

    Config = EncoderConfig
    log_scores = True
    config: EncoderConfig

    def _fit(self, dataset: Dataset, options: FitOptions) -> None:
        config = self.config
        device = choose_device(options.device)
        precision = choose_precision(config.precision, device)
        with machine(device, seed=config.seed, threads=options.threads):
            self._encoder = build(config, dataset.n_items).to(device)
            self._encoder.longest.fill_(min(config.max_len, int(dataset.interactions.lengths.max())))
            task = NextItem(self, dataset, options, precision)
            optimizer = adamw(
                self._encoder,
                learning_rate=config.learning_rate,
                embedding_learning_rate=config.embedding_learning_rate,
                weight_decay=config.weight_decay,
            )
            epochs = config.epochs_for(dataset.n_events)
            plan = Plan(optimizer, SCHEDULES[config.schedule](config.warmup), epochs, config.patience, config.clip)
            run = Run(self.name, device, self._identity(dataset, options), options.checkpoint, quiet=options.quiet)
            try:
                curve = train(task, plan, run)
            finally:
                self._encoder = self._encoder.to("cpu").eval()
                self._settle()
        self.facts = _facts(curve, device, precision)

    def _scores(self, queries: Queries) -> FloatArray:
        result = np.empty((len(queries), self.n_items), dtype=np.float32)
        weight = self._weight
        with torch.inference_mode():
            for rows, given in inputs(queries, longest=int(self._encoder.longest), start=self._encoder.start):
                codes, times, asked, lengths = (torch.from_numpy(array).to(weight.device) for array in given)
                states = last_states(self._states(codes, times, asked), lengths)
                result[rows] = (self._scaled(states) @ weight.t()).cpu().numpy()
        return result

    def _arrays(self) -> Arrays:
        return {name: tensor.detach().cpu().numpy() for name, tensor in self._encoder.state_dict().items()}

    def _restore(self, arrays: Arrays) -> None:
        self._encoder = build(self.config, self.n_items).eval()
        self._encoder.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in arrays.items()})
        self._settle()

    # ---- how

    def _settle(self) -> None:
        """Keep the item vectors as they score: they are the same for every request."""
        self._weight = self._item_weight().detach()

    def _states(self, codes: Tensor, times: Tensor, asked: Tensor) -> Tensor:
        """[B, L, D] states; time as far as the settings read it."""
        if self._encoder.training and self.config.time == "request":
            blind = torch.rand(len(codes), 1, device=codes.device) < self.config.hidden_time
            asked = torch.where(blind, times, asked)
        read = {"none": (codes,), "history": (codes, times, times), "request": (codes, times, asked)}[self.config.time]
        states: Tensor = self._encoder(*read)
        return states

    def _scaled(self, states: Tensor) -> Tensor:
        """[..., D] states as they meet the item weights."""
        return states if self.config.temperature is None else F.normalize(states, dim=-1) / self.config.temperature

    def _item_weight(self) -> Tensor:
        """[n_items, D] float32 item vectors as they score."""
        weight = self._encoder.item_weight()
        return weight if self.config.temperature is None else F.normalize(weight, dim=-1)

    def _identity(self, dataset: Dataset, options: FitOptions) -> dict[str, Any]:
        """What must be equal for a checkpoint to go on. `Any`: JSON values."""
        validation = options.validation.fingerprint if options.validation is not None else None
        return {
            "model": self.name,
            "version": version("penchant"),
            "config": self.config.model_dump(mode="json"),
            "data": {"train": dataset.fingerprint, "validation": validation},
        }


def _facts(curve: list[dict[str, float]], device: torch.device, precision: torch.dtype) -> dict[str, Any]:
    """What the training was like. `Any`: JSON values."""
    seconds = sum(point["seconds"] for point in curve)
    targets = sum(point["targets"] for point in curve)
    return {
        "curve": [{name: value for name, value in point.items() if name != "targets"} for point in curve],
        "tokens_per_second": round(targets / seconds) if seconds > 0 else None,
        "train_seconds": round(seconds, 3),
        "device": str(device),
        "precision": str(precision).removeprefix("torch."),
    }
