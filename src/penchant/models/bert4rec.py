"""Attention both ways over a history with gaps: the masked language model of recommendation."""

from typing import Literal

from penchant.core.errors import MissingExtraError

try:
    import torch  # noqa: F401  (before anything that needs it, for an error that names the remedy)
except ModuleNotFoundError:
    raise MissingExtraError("BERT4Rec", "torch") from None

from penchant.models.encoder import EncoderModel
from penchant.models.masked_item import MaskedConfig, MaskedItem


class BERT4RecConfig(MaskedConfig):
    """Settings of `BERT4Rec`."""

    body: Literal["attention"] = "attention"
    attention: Literal["softmax"] = "softmax"
    position: Literal["learned", "rotary", "none"] = "learned"
    time: Literal["none"] = "none"
    inputs: tuple[Literal["content"], ...] = ()


class BERT4Rec(EncoderModel):
    """Transformer whose positions read both ways, trained to fill gaps; a request is a history with a gap at its end.

    Reference: Sun et al., "BERT4Rec: Sequential Recommendation with Bidirectional Encoder Representations from Transformer", CIKM
    2019, arXiv:1904.06690, section 3.
    Differs: cosines with a temperature and no layer between the last state and the item vectors; norms before the layers; AdamW with
    warm-up and cosine; long histories are cut into windows; gaps are drawn anew in each epoch; a share of the histories is cut
    somewhere and has its gap at the new end, where the paper takes out the very last item only. It needs more epochs than
    `SASRec`, for only gaps are targets (Petrov & Macdonald, "A Systematic Review and Replicability Study of BERT4Rec for
    Sequential Recommendation", RecSys 2022, arXiv:2207.07483).
    Cost: as `SASRec` an epoch, with attention twice as dear and fewer targets for the loss.
    """

    name = "bert4rec"
    Config = BERT4RecConfig
    config: BERT4RecConfig
    Task = MaskedItem
    both_ways = True
