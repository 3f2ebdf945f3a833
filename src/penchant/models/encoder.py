"""The sequence model: one causal encoder over histories. Its parts are switches; `SASRec` and its successors are named settings."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from penchant.core.artifact import Arrays
from penchant.core.types import FloatArray, Jagged, Queries
from penchant.data import Dataset
from penchant.models.base import FitOptions, Model, ModelConfig
from penchant.models.inputs import inputs
from penchant.nn.attention import PointwiseAttention, SoftmaxAttention
from penchant.nn.bias import RelativeBias
from penchant.nn.block import Block
from penchant.nn.encoder import Encoder, initialise, last_states
from penchant.nn.feed_forward import FeedForward, SwiGLU
from penchant.nn.losses import FullSoftmax
from penchant.nn.position import LearnedPosition
from penchant.training.device import choose_device, choose_precision, machine
from penchant.training.loader import Batch, WindowLoader
from penchant.training.loop import Plan, Run, train
from penchant.training.optimizers import adamw
from penchant.training.schedules import SCHEDULES
from penchant.training.validation import holdout, mean_ndcg

LEAST_STEPS = 30  # an epoch; small data are read in smaller batches, for it is steps that learn
LEAST_BATCH = 64  # events; below, a step costs the same
READS = 30_000_000  # events that training reads in all where `epochs` is left open

ATTENTIONS = {"softmax": SoftmaxAttention, "pointwise": PointwiseAttention}
FEED_FORWARDS = {"gelu": FeedForward, "swiglu": SwiGLU}


class EncoderConfig(ModelConfig):
    """Settings of a sequence model."""

    max_len: int = Field(200, ge=1)  # latest events that are read
    embedding_dim: int = Field(64, ge=1)
    n_layers: int = Field(2, ge=0)
    n_heads: int = Field(2, ge=1)
    attention: Literal["softmax", "pointwise"] = "softmax"
    feed_forward: Literal["gelu", "swiglu", "none"] = "gelu"
    expansion: int = Field(4, ge=1)  # width of the feed-forward part, in embedding_dim
    gated: bool = False  # what a layer adds is weighed by a gate
    place: Literal["learned", "relative", "none"] = "learned"  # added to the items, or to the attention
    time: Literal["none", "history", "request"] = "none"  # with relative places: time between events, or up to the request
    tables: Literal["shared", "layer"] = "shared"  # numbers for relative places and times: one set for all layers, or one each
    hidden_time: float = Field(0.5, ge=0, le=1)  # share of windows not told when they are asked: requests of unknown time gain
    dropout: float = Field(0.2, ge=0, lt=1)
    temperature: float | None = Field(0.05, gt=0)  # scores are cosines divided by it; None = dot products
    learning_rate: float = Field(1e-3, gt=0)
    embedding_learning_rate: float | None = Field(3e-3, gt=0)  # None = learning_rate
    weight_decay: float = Field(0.01, ge=0)
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: float = Field(0.05, gt=0, lt=1)  # share of training in which the learning rate rises
    clip: float = Field(1.0, gt=0)  # longest gradient
    batch_size: int = Field(16, ge=1)  # a step reads at most as many events as this many histories of max_len
    epochs: int | None = Field(None, ge=1)  # None = what reads `READS` events, from 5 to 50
    patience: int = Field(10, ge=1)  # epochs without a better validation after which training ends
    validation_users: int = Field(2_000, ge=1)  # at most as many requests validate an epoch
    precision: Literal["auto", "float32", "bfloat16"] = "auto"  # of matrix products in training
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _parts_fit(self) -> "EncoderConfig":
        if self.embedding_dim % self.n_heads:
            raise ValueError(f"embedding_dim must be a multiple of n_heads; received: {self.embedding_dim} and {self.n_heads}")
        if self.time != "none" and self.place != "relative":
            raise ValueError(f"time = {self.time!r} needs place = 'relative'; received: place = {self.place!r}")
        return self

    def epochs_for(self, n_events: int) -> int:
        """How often data of this size are read."""
        return self.epochs if self.epochs is not None else min(50, max(5, READS // n_events))

    def batch_events_for(self, n_events: int) -> int:
        """How many events a step reads of data of this size."""
        return min(self.batch_size * self.max_len, max(LEAST_BATCH, n_events // LEAST_STEPS))


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
            self._encoder = _build(config, dataset.n_items).to(device)
            self._encoder.longest.fill_(min(config.max_len, int(dataset.interactions.lengths.max())))
            task = _NextItem(self, dataset, options, precision)
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
        self._encoder = _build(self.config, self.n_items).eval()
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


class _NextItem:
    """The task: predict each event of each history from those before it."""

    def __init__(self, model: EncoderModel, dataset: Dataset, options: FitOptions, precision: torch.dtype) -> None:
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


def _build(config: EncoderConfig, n_items: int) -> Encoder:
    """A fresh encoder, its parts as the settings say."""
    dim = config.embedding_dim
    blocks = [
        Block(
            dim,
            ATTENTIONS[config.attention](dim, config.n_heads),
            None if config.feed_forward == "none" else FEED_FORWARDS[config.feed_forward](dim, config.expansion * dim, config.dropout),
            dropout=config.dropout,
            gated=config.gated,
        )
        for _ in range(config.n_layers)
    ]
    place: LearnedPosition | RelativeBias | None = None
    if config.place == "learned":
        place = LearnedPosition(config.max_len, dim)
    elif config.place == "relative":
        place = RelativeBias(config.max_len, time=config.time != "none", tables=config.n_layers if config.tables == "layer" else 1)
    encoder = Encoder(n_items, dim, place=place, blocks=blocks, dropout=config.dropout)
    initialise(encoder, std=0.02)
    return encoder


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
