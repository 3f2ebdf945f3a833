"""Long short-term memory over what somebody did."""

from typing import Literal

from penchant.core.errors import MissingExtraError

try:
    import torch  # noqa: F401  (before anything that needs it, for an error that names the remedy)
except ModuleNotFoundError:
    raise MissingExtraError("LSTM", "torch") from None

from pydantic import Field

from penchant.models.encoder import EncoderModel
from penchant.models.encoder_config import EncoderConfig


class LSTMConfig(EncoderConfig):
    """Settings of `LSTM`."""

    n_layers: int = Field(1, ge=0)
    body: Literal["attention", "gru", "lstm", "convolution", "mean"] = "lstm"  # or "gru", another cell
    position: Literal["learned", "relative", "rotary", "none"] = "none"


class LSTM(EncoderModel):
    """What `GRU4Rec` is, with cells that keep a memory beside their state.

    Reference: Hochreiter & Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997; as a recommender as in Hidasi et
    al., ICLR 2016, arXiv:1511.06939.
    Differs: as `GRU4Rec` from its paper.
    Cost: as `GRU4Rec`; a layer is a third larger.
    """

    name = "lstm"
    Config = LSTMConfig
    config: LSTMConfig
