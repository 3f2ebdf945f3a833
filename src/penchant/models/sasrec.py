"""Self-attention over what somebody did, in order: the sequence encoder's plain setting."""

from penchant.core.errors import MissingExtraError

try:
    import torch  # noqa: F401  (before anything that needs it, for an error that names the remedy)
except ModuleNotFoundError:
    raise MissingExtraError("SASRec", "torch") from None

from penchant.models.encoder import EncoderModel
from penchant.models.encoder_config import EncoderConfig


class SASRecConfig(EncoderConfig):
    """Settings of `SASRec`."""


class SASRec(EncoderModel):
    """Causal transformer that predicts the next item from the history, item vectors shared by input and output.

    Reference: Kang & McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018, arXiv:1808.09781, section 3.
    Differs: cross-entropy over the whole catalogue instead of binary cross-entropy with one sampled negative, the larger part of
    what separates it from later models (Klenitskiy & Vasilev, RecSys 2023, arXiv:2309.07602); scores are cosines divided by a
    temperature, which learns in far fewer steps; norms before the layers and GELU in a wider feed-forward part; AdamW with
    warm-up and cosine; a start code, so that the empty history has an answer; long histories are cut into windows instead of
    losing all but their last part; positions counted from the start of the window; no dropout inside attention, for its cost.
    Cost: training O(E·(n_layers·(D² + max_len·D) + n_items·D)) an epoch for E events of D dimensions; memory O(n_items·D).
    """

    name = "sasrec"
    Config = SASRecConfig
    config: SASRecConfig
