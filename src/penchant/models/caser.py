"""Convolutions over the latest events: short patterns, in order and not."""

from typing import Literal

from penchant.core.errors import MissingExtraError

try:
    import torch  # noqa: F401  (before anything that needs it, for an error that names the remedy)
except ModuleNotFoundError:
    raise MissingExtraError("Caser", "torch") from None

from penchant.models.encoder import EncoderModel
from penchant.models.encoder_config import EncoderConfig


class CaserConfig(EncoderConfig):
    """Settings of `Caser`."""

    body: Literal["attention", "gru", "lstm", "convolution", "mean"] = "convolution"
    position: Literal["learned", "relative", "rotary", "none"] = "none"


class Caser(EncoderModel):
    """Filters over a window of the latest events: horizontal ones find runs of items, vertical ones weigh places.

    Reference: Tang & Wang, "Personalized Top-N Sequential Recommendation via Convolutional Sequence Embedding", WSDM 2018,
    arXiv:1809.07426, section 3.
    Differs: no user vector, for the answer is a function of the history, so that new users are like others; filters slide, so that
    every position of a history is trained at once; cross-entropy over the whole catalogue instead of binary with sampled
    negatives, and the next item only; item vectors shared by input and output; cosines with a temperature.
    Cost: training O(E·(window²·D + D² + n_items·D)) an epoch for E events; memory O(n_items·D).
    """

    name = "caser"
    Config = CaserConfig
    config: CaserConfig
