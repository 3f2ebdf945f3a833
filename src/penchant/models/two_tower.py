"""Two networks that never meet but in a product: one reads the user, the other the item."""

from typing import Literal

from penchant.core.errors import MissingExtraError

try:
    import torch  # noqa: F401  (before anything that needs it, for an error that names the remedy)
except ModuleNotFoundError:
    raise MissingExtraError("TwoTower", "torch") from None

from pydantic import Field

from penchant.models.encoder import EncoderModel
from penchant.models.encoder_config import EncoderConfig


class TwoTowerConfig(EncoderConfig):
    """Settings of `TwoTower`."""

    max_len: int = Field(30, ge=1)  # a mean of more says less
    batch_size: int = Field(50, ge=1)
    n_layers: int = Field(1, ge=0)
    body: Literal["attention", "gru", "lstm", "convolution", "mean"] = "mean"
    position: Literal["learned", "relative", "rotary", "none"] = "none"
    item_tower: bool = True
    loss: Literal["softmax", "sampled", "gbce", "bce", "bpr"] = "sampled"
    sampling: Literal["uniform", "popularity", "in-batch", "mixed"] = "in-batch"
    negatives: int = Field(4_096, ge=1)


class TwoTower(EncoderModel):
    """A tower over the bag of the history and a tower over the item, trained against the other items of the batch.

    Reference: Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys 2019
    (https://doi.org/10.1145/3298689.3346996), section 3: in-batch softmax with the correction for how often an item is drawn.
    Differs: counts of the training data instead of estimates from a stream; the target itself takes no correction, so that the softmax's
    denominator is right on average; the user's tower reads the mean of the history's item vectors, those that the item's
    tower reads, too. Item properties are read with `inputs = ("content",)`.
    Cost: training O(E·(batch·D + D²)) an epoch for E events, whatever the catalogue; a request O(n_items·D).
    """

    name = "two-tower"
    Config = TwoTowerConfig
    config: TwoTowerConfig
