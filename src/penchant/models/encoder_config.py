"""Settings of the sequence models: how one is trained, and what its parts are."""

from typing import Literal

from pydantic import Field, model_validator

from penchant.models.base import ModelConfig

LEAST_STEPS = 30  # an epoch; small data are read in smaller batches, for it is steps that learn
LEAST_BATCH = 64  # events; below, a step costs the same
READS = 30_000_000  # events that training reads in all where `epochs` is left open


class TrainingConfig(ModelConfig):
    """How a model is trained that learns by steps."""

    max_len: int = Field(200, ge=1)  # latest events that are read
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

    def epochs_for(self, n_events: int) -> int:
        """How often data of this size are read."""
        return self.epochs if self.epochs is not None else min(50, max(5, READS // n_events))

    def batch_events_for(self, n_events: int) -> int:
        """How many events a step reads of data of this size."""
        return min(self.batch_size * self.max_len, max(LEAST_BATCH, n_events // LEAST_STEPS))


class EncoderConfig(TrainingConfig):
    """Settings of a sequence model."""

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

    @model_validator(mode="after")
    def _parts_fit(self) -> "EncoderConfig":
        if self.embedding_dim % self.n_heads:
            raise ValueError(f"embedding_dim must be a multiple of n_heads; received: {self.embedding_dim} and {self.n_heads}")
        if self.time != "none" and self.place != "relative":
            raise ValueError(f"time = {self.time!r} needs place = 'relative'; received: place = {self.place!r}")
        return self
