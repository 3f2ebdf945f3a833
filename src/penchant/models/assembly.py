"""From the settings of a sequence model to its encoder: which part goes where."""

from penchant.models.encoder_config import EncoderConfig
from penchant.nn.attention import PointwiseAttention, SoftmaxAttention
from penchant.nn.bias import RelativeBias
from penchant.nn.block import Block
from penchant.nn.encoder import Encoder, initialise
from penchant.nn.feed_forward import FeedForward, SwiGLU
from penchant.nn.position import LearnedPosition

ATTENTIONS = {"softmax": SoftmaxAttention, "pointwise": PointwiseAttention}
FEED_FORWARDS = {"gelu": FeedForward, "swiglu": SwiGLU}


def build(config: EncoderConfig, n_items: int) -> Encoder:
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
