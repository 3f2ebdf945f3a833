"""From the settings of a sequence model to its encoder: which part goes where."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from penchant.core import columns
from penchant.core.artifact import Arrays
from penchant.core.errors import DataError
from penchant.data import Dataset
from penchant.models.encoder_config import MIXED, EncoderConfig
from penchant.models.item_matrix import item_matrix
from penchant.nn.attention import PointwiseAttention, SoftmaxAttention
from penchant.nn.bag import RunningMean
from penchant.nn.bias import RelativeBias
from penchant.nn.block import Block
from penchant.nn.convolution import CaserConvolution
from penchant.nn.encoder import Encoder, initialise
from penchant.nn.feed_forward import FeedForward, SwiGLU
from penchant.nn.heads import DotHead, MixtureHead, NeuralHead
from penchant.nn.known import EventInputs, ItemContent, edges_of
from penchant.nn.position import LearnedPosition
from penchant.nn.recurrent import Recurrent

FEED_FORWARDS = {"gelu": FeedForward, "swiglu": SwiGLU}


@dataclass(frozen=True)
class Known:
    """What a data set says beyond who met what and when, as far as the settings read it."""

    n_event_types: int = 0
    edges: Tensor | None = None  # of values
    content: Tensor | None = None  # [n_items, F]
    n_scenarios: int = 0

    @classmethod
    def of(cls, config: EncoderConfig, dataset: Dataset) -> Self:
        """From the training data. Raises DataError where there is no content to read, or no event names its place."""
        if "scenario" in config.inputs and not len(dataset.scenarios):
            raise DataError(
                f"inputs: 'scenario' needs events that say where they happened; none of {dataset.name!r} does; "
                f"send or import the column {columns.SCENARIO!r}, or leave 'scenario' out"
            )
        return cls(
            len(dataset.event_types) if "event_type" in config.inputs else 0,
            edges_of(torch.tensor(dataset.interactions.values)) if "value" in config.inputs else None,
            torch.from_numpy(item_matrix(dataset)) if "content" in config.inputs else None,
            len(dataset.scenarios) if "scenario" in config.inputs else 0,
        )

    @classmethod
    def saved(cls, config: EncoderConfig, arrays: Arrays, n_event_types: int, n_scenarios: int) -> Self:
        """Of the same shapes as what `arrays` holds, so that it can be loaded."""
        edges, matrix = (arrays.get(name) for name in ("events.edges", "content.matrix"))
        return cls(
            n_event_types if "event_type" in config.inputs else 0,
            None if edges is None else torch.from_numpy(np.array(edges)),
            None if matrix is None else torch.from_numpy(np.array(matrix[:-1])),
            n_scenarios if "scenario" in config.inputs else 0,
        )


def build(config: EncoderConfig, n_items: int, known: Known | None = None, *, both_ways: bool = False) -> Encoder:
    """A fresh encoder, its parts as the settings say."""
    dim = config.embedding_dim
    position: LearnedPosition | RelativeBias | None = None
    if config.position == "learned":
        position = LearnedPosition(config.max_len, dim)
    elif config.position == "relative":
        sets = config.n_layers if config.relative_bias == "layer" else 1
        position = RelativeBias(config.max_len, time=config.time != "none", sets=sets)
    blocks = _blocks(config, both_ways=both_ways)
    encoder = Encoder(n_items, dim, position=position, blocks=blocks, dropout=config.dropped, head=_head(config), both_ways=both_ways)
    initialise(encoder, std=0.02)
    if isinstance(encoder.head, NeuralHead):
        encoder.head.restart()
    if known is not None and (known.n_event_types or known.edges is not None or known.n_scenarios):
        encoder.events = EventInputs(dim, n_event_types=known.n_event_types, edges=known.edges, n_scenarios=known.n_scenarios)
    if known is not None and known.content is not None:
        encoder.content = ItemContent(dim, known.content)
    return encoder


def _blocks(config: EncoderConfig, *, both_ways: bool) -> Sequence[nn.Module]:
    dim = config.embedding_dim
    if config.body in ("gru", "lstm"):
        return [Recurrent(dim, config.n_layers, config.body, dropout=config.dropped)]
    if config.body == "convolution":
        return [CaserConvolution(dim, config.window, dropout=config.dropped)]
    layers = [
        Block(dim, _attention(config, both_ways=both_ways), _feed_forward(config), dropout=config.dropped, gated=config.gated)
        for _ in range(config.n_layers)
    ]
    return [RunningMean(), *layers] if config.body == "mean" else layers


def _attention(config: EncoderConfig, *, both_ways: bool) -> PointwiseAttention | SoftmaxAttention | None:
    if config.body != "attention":
        return None
    rotary = config.position == "rotary"
    if config.attention == "pointwise":
        return PointwiseAttention(config.embedding_dim, config.n_heads, rotary=rotary)
    return SoftmaxAttention(config.embedding_dim, config.n_heads, causal=not both_ways, rotary=rotary)


def _feed_forward(config: EncoderConfig) -> nn.Module | None:
    if config.feed_forward == "none":
        return None
    return FEED_FORWARDS[config.feed_forward](config.embedding_dim, config.expansion * config.embedding_dim, config.dropped)


def _head(config: EncoderConfig) -> DotHead | MixtureHead | NeuralHead:
    dim = config.embedding_dim
    if config.head == "mixture":
        return MixtureHead(dim, config.temperature, MIXED)
    if config.head in ("mlp", "neumf"):
        return NeuralHead(dim, dim, product=config.head == "neumf")
    return DotHead(config.temperature, FeedForward(dim, config.expansion * dim, config.dropped) if config.item_tower else None)
