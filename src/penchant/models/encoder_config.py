"""Settings of the sequence models: how one is trained, and what its parts are."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from penchant.models.base import ModelConfig
from penchant.models.space import OneOf, Real, Space, Whole
from penchant.training.augment import Augment

LEAST_STEPS = 30  # an epoch; small data are read in smaller batches, for it is steps that learn
LEAST_BATCH = 64  # events; below, a step costs the same
# What `size` stands for, where a setting is not given itself.
SIZES: Mapping[str, Mapping[str, Any]] = {  # `Any`: values of settings
    "tiny": {"embedding_dim": 32, "n_layers": 1, "n_heads": 1},
    "small": {"embedding_dim": 64, "n_layers": 2, "n_heads": 2},
    "base": {"embedding_dim": 64, "n_layers": 4, "n_heads": 2},
    "large": {"embedding_dim": 64, "n_layers": 8, "n_heads": 2, "gated": True},
}

READS = 30_000_000  # events that training reads in all where `epochs` is left open
MIXED = 4  # products in a mixture
OFTEN = 50  # events an item from which on little dropout does
WHOLE = 30_000  # items of the largest catalogue that the loss covers whole where `loss` is left open

Loss = Literal["softmax", "sampled", "gbce", "bce", "bpr"]


class TrainingConfig(ModelConfig):
    """How a model is trained that learns by steps."""

    max_len: int = Field(200, ge=1)  # latest events that are read
    optimizer: Literal["adamw", "adam", "sgd", "momentum"] = "adamw"
    learning_rate: float = Field(1e-3, gt=0)
    embedding_learning_rate: float | None = Field(3e-3, gt=0)  # None = learning_rate
    weight_decay: float = Field(0.01, ge=0)
    schedule: Literal["cosine", "constant", "step"] = "cosine"
    warmup: float = Field(0.05, gt=0, lt=1)  # share of training in which the learning rate rises
    clip: float = Field(1.0, gt=0)  # longest gradient
    ema: float | None = Field(None, gt=0, lt=1)  # the weights' moving average is kept instead of the last ones; its decay a step
    augment: tuple[Literal["crop", "mask", "reorder", "substitute"], ...] = ()  # ways in which histories are changed while learning
    augment_share: float = Field(0.3, ge=0, le=1)  # share of the histories that are changed, each in one of these ways
    batch_size: int = Field(16, ge=1)  # a step reads at most as many events as this many histories of max_len
    epochs: int | None = Field(None, ge=1)  # None = what reads `READS` events, from 5 to 50
    patience: int = Field(10, ge=1)  # epochs after which training ends if none validates better, unless on the whole they rise
    validation_users: int = Field(2_000, ge=1)  # at most as many requests validate an epoch
    precision: Literal["auto", "float32", "bfloat16"] = "auto"  # of matrix products in training
    seed: int = Field(0, ge=0)

    def epochs_for(self, n_events: int) -> int:
        """How often data of this size are read."""
        return self.epochs if self.epochs is not None else min(50, max(5, READS // n_events))

    def augmented(self) -> Augment:
        """How histories are changed."""
        return Augment(self.augment, self.augment_share)

    def batch_events_for(self, n_events: int) -> int:
        """How many events a step reads of data of this size."""
        return min(self.batch_size * self.max_len, max(LEAST_BATCH, n_events // LEAST_STEPS))


class EncoderConfig(TrainingConfig):
    """Settings of a sequence model."""

    space: ClassVar[Space] = {
        "embedding_dim": OneOf((32, 64, 128)),
        "n_layers": Whole(1, 4),
        "n_heads": OneOf((1, 2, 4)),
        "dropout": Real(0, 0.5),
        "temperature": Real(0.02, 0.3, log=True),
        "learning_rate": Real(3e-4, 1e-2, log=True),
        "embedding_learning_rate": Real(3e-4, 2e-2, log=True),
        "weight_decay": Real(1e-4, 0.3, log=True),
    }

    size: Literal["tiny", "small", "base", "large"] | None = None  # says embedding_dim, n_layers and n_heads where they are not given
    embedding_dim: int = Field(64, ge=1)
    n_layers: int = Field(2, ge=0)
    n_heads: int = Field(2, ge=1)
    body: Literal["attention", "gru", "lstm", "convolution", "mean"] = "attention"  # what a history goes through
    attention: Literal["softmax", "pointwise"] = "softmax"
    feed_forward: Literal["gelu", "swiglu", "none"] = "gelu"
    expansion: int = Field(4, ge=1)  # width of the feed-forward part, in embedding_dim
    gated: bool = False  # what a layer adds is weighed by a gate
    window: int = Field(5, ge=1)  # latest events that a convolution reads
    position: Literal["learned", "relative", "rotary", "none"] = "learned"  # added to items, to attention, or a turn of queries and keys
    time: Literal["none", "history", "request"] = "none"  # with relative positions: time between events, or up to the request
    relative_bias: Literal["shared", "layer"] = "shared"  # numbers for relative positions and times: one set for all layers, or one each
    context_dropout: float = Field(0.5, ge=0, le=1)  # share of windows not told when, or where, they are asked
    inputs: tuple[Literal["event_type", "value", "content", "scenario"], ...] = ()  # what else is read, of events and of items
    dropout: float | None = Field(None, ge=0, lt=1)  # None = 0.5, or 0.2 where an item has 50 events or more on average
    head: Literal["dot", "mixture", "mlp", "neumf"] = "dot"  # how a state and an item make a score
    item_tower: bool = False  # with head = "dot": items go through a feed-forward part of their own before they score
    temperature: float | None = Field(0.05, gt=0)  # scores are cosines divided by it; None = dot products
    loss: Loss | None = None  # over the whole catalogue, or over negatives; None = softmax, sampled above 30,000 items
    negatives: int = Field(1_024, ge=1)  # items that all targets of a step are compared with
    sampling: Literal["uniform", "popularity", "in-batch", "mixed"] = "uniform"  # how negatives are drawn
    calibration: float = Field(0.75, ge=0, le=1)  # of gbce: how far few negatives are kept from raising every score
    label_smoothing: float = Field(0.0, ge=0, lt=1)  # of softmax: share of a target that goes to all items alike

    @model_validator(mode="before")
    @classmethod
    def _sized(cls, given: Any) -> Any:
        """`Any`: not checked yet."""
        if not isinstance(given, Mapping) or given.get("size") not in SIZES:
            return given
        return {**SIZES[given["size"]], **given}

    @model_validator(mode="after")
    def _parts_fit(self) -> "EncoderConfig":
        if self.embedding_dim % self.n_heads:
            raise ValueError(f"embedding_dim must be a multiple of n_heads; received: {self.embedding_dim} and {self.n_heads}")
        if self.time != "none" and self.position != "relative":
            raise ValueError(f"time = {self.time!r} needs position = 'relative'; received: position = {self.position!r}")
        if self.position in ("relative", "rotary") and self.body != "attention":
            raise ValueError(f"position = {self.position!r} needs body = 'attention'; received: body = {self.body!r}")
        if self.position == "rotary" and self.embedding_dim // self.n_heads % 2:
            raise ValueError(f"position = 'rotary' needs heads of even width; received: {self.embedding_dim} / {self.n_heads}")
        if self.body in ("gru", "lstm") and not self.n_layers:
            raise ValueError(f"body = {self.body!r} needs n_layers of at least 1; received: 0")
        if self.head == "mixture" and self.embedding_dim % MIXED:
            raise ValueError(f"head = 'mixture' needs embedding_dim to be a multiple of {MIXED}; received: {self.embedding_dim}")
        if self.head in ("mlp", "neumf") and self.loss in (None, "softmax"):
            raise ValueError(f"head = {self.head!r} costs too much for all items; set loss = 'bce', 'gbce', 'bpr' or 'sampled'")
        if self.item_tower and self.head != "dot":
            raise ValueError(f"item_tower needs head = 'dot'; received: head = {self.head!r}")
        if self.label_smoothing and self.loss not in (None, "softmax"):
            raise ValueError(f"label_smoothing needs loss = 'softmax'; received: loss = {self.loss!r}")
        return self

    @property
    def dropped(self) -> float:
        """`dropout`, where it is left open none: only training, which asks `dropout_for`, drops anything."""
        return self.dropout or 0.0

    def dropout_for(self, n_events: int, n_items: int) -> float:
        """What suits data of this size: items that are seldom met are learned by heart otherwise."""
        often = n_events >= OFTEN * n_items
        return self.dropout if self.dropout is not None else 0.2 if often else 0.5

    def loss_for(self, n_items: int) -> Loss:
        """What is minimised over a catalogue of this size."""
        return self.loss or ("softmax" if n_items <= WHOLE or self.label_smoothing else "sampled")
