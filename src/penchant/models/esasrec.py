"""SASRec with the parts that later work found to matter: gated layers of the LiGR kind."""

from typing import Literal

from penchant.core.errors import MissingExtraError

try:
    import torch  # noqa: F401  (before anything that needs it, for an error that names the remedy)
except ModuleNotFoundError:
    raise MissingExtraError("ESASRec", "torch") from None

from penchant.models.encoder import EncoderModel
from penchant.models.encoder_config import EncoderConfig


class ESASRecConfig(EncoderConfig):
    """Settings of `ESASRec`."""

    feed_forward: Literal["gelu", "swiglu", "none"] = "swiglu"
    gated: bool = True


class ESASRec(EncoderModel):
    """SASRec whose layers add through gates and whose feed-forward part is a SwiGLU.

    Reference: Tikhonovich et al., "eSASRec: Enhancing Transformer-based Recommendations in a Modular Fashion", RecSys 2025,
    arXiv:2508.06450; the layers are those of Borisyuk et al., "From Features to Transformers: Redefining Ranking for Scalable
    Impact" (LiGR), 2025, arXiv:2502.03417.
    Differs: softmax over the whole catalogue instead of over sampled negatives; else as `SASRec`.
    Cost: that of `SASRec` with a feed-forward part half as large again.
    """

    name = "esasrec"
    Config = ESASRecConfig
    config: ESASRecConfig
