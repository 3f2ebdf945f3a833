"""Self-attention over what somebody did, in order: the sequence encoder's plain setting."""

from collections.abc import Sequence

from penchant.core.errors import MissingExtraError

try:
    from torch import nn
except ModuleNotFoundError:
    raise MissingExtraError("SASRec", "torch") from None

from penchant.models.encoder import EncoderConfig, EncoderModel
from penchant.nn.attention import SoftmaxAttention
from penchant.nn.block import Block
from penchant.nn.feed_forward import FeedForward


class SASRecConfig(EncoderConfig):
    """Settings of `SASRec`."""


class SASRec(EncoderModel):
    """Causal transformer that predicts the next item from the history, item vectors shared by input and output.

    Reference: Kang & McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018, arXiv:1808.09781, section 3.
    Differs: cross-entropy over the whole catalogue instead of binary cross-entropy with one sampled negative, the larger part of
    what separates it from later models (Klenitskiy & Vasilev, RecSys 2023, arXiv:2309.07602); norms before the layers and GELU in
    a wider feed-forward part, which train more steadily; AdamW with warm-up and cosine; positions counted from the end, so that
    short histories need no padding on the left; a start code, so that the empty history has an answer; long histories are cut
    into windows instead of losing all but their last part; no dropout inside attention, which would double its cost.
    Cost: training O(E·(n_layers·(D² + max_len·D) + n_items·D)) an epoch for E events of D dimensions; memory O(n_items·D).
    """

    name = "sasrec"
    Config = SASRecConfig
    config: SASRecConfig

    def _layers(self) -> Sequence[nn.Module]:
        config = self.config
        dim = config.embedding_dim
        return [
            Block(
                dim,
                SoftmaxAttention(dim, config.n_heads),
                FeedForward(dim, config.expansion * dim, config.dropout),
                config.dropout,
            )
            for _ in range(config.n_layers)
        ]
