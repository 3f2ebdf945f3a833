"""A recurrent network over what somebody did: the first neural model of sessions."""

from typing import Literal

from penchant.core.errors import MissingExtraError

try:
    import torch  # noqa: F401  (before anything that needs it, for an error that names the remedy)
except ModuleNotFoundError:
    raise MissingExtraError("GRU4Rec", "torch") from None

from pydantic import Field

from penchant.models.encoder import EncoderModel
from penchant.models.encoder_config import EncoderConfig


class GRU4RecConfig(EncoderConfig):
    """Settings of `GRU4Rec`."""

    n_layers: int = Field(1, ge=0)
    body: Literal["attention", "gru", "lstm", "convolution", "mean"] = "gru"  # or "lstm", another cell
    position: Literal["learned", "relative", "rotary", "none"] = "none"


class GRU4Rec(EncoderModel):
    """Gated recurrent units carry one state from event to event; the next item is what meets the state best.

    Reference: Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks", ICLR 2016, arXiv:1511.06939, section 3; the
    loss of Hidasi & Karatzoglou, "Recurrent Neural Networks with Top-k Gains", CIKM 2018, arXiv:1706.03847, section 3.3 in the limit of
    all items as negatives.
    Differs: cross-entropy over the whole catalogue by default (`loss = "bpr"` and `sampling = "in-batch"` are nearest to the
    paper's); item vectors shared by input and output; cosines with a temperature; whole histories instead of sessions in
    parallel batches; a start code; AdamW.
    Cost: training O(E·(n_layers·D² + n_items·D)) an epoch for E events, its steps one after another along each history;
    memory O(n_items·D).
    """

    name = "gru4rec"
    Config = GRU4RecConfig
    config: GRU4RecConfig
