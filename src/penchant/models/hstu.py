"""Pointwise attention with relative positions and time: the sequence encoder's setting for long histories."""

from typing import Literal

from penchant.core.errors import MissingExtraError

try:
    import torch  # noqa: F401  (before anything that needs it, for an error that names the remedy)
except ModuleNotFoundError:
    raise MissingExtraError("HSTU", "torch") from None

from pydantic import Field

from penchant.models.encoder import EncoderModel
from penchant.models.encoder_config import EncoderConfig


class HSTUConfig(EncoderConfig):
    """Settings of `HSTU`."""

    n_layers: int = Field(4, ge=0)
    attention: Literal["softmax", "pointwise"] = "pointwise"
    feed_forward: Literal["gelu", "swiglu", "none"] = "none"
    position: Literal["learned", "relative", "rotary", "none"] = "relative"
    time: Literal["none", "history", "request"] = "request"


class HSTU(EncoderModel):
    """Hierarchical sequential transduction unit: attention by SiLU instead of softmax, gated, with no feed-forward part.

    Weights that need not sum to one keep how strongly somebody likes a thing, not only which of two more.

    Reference: Zhai et al., "Actions Speak Louder than Words: Trillion-Parameter Sequential Transducers for Generative
    Recommendations", ICML 2024, arXiv:2402.17152, section 3.
    Differs: one set of numbers for positions and one for times serves all layers unless `relative_bias = "layer"`, for their cost; time
    between events in half octaves; half of the windows are asked at the time of their last event instead of the next one's, so that a
    request whose time is not known is answered well, too; no division of the attention by the length, which the norm behind it would
    undo; softmax over the whole catalogue.
    Cost: as `SASRec`; a layer is a third smaller and its attention cheaper than softmax.
    """

    name = "hstu"
    Config = HSTUConfig
    config: HSTUConfig
