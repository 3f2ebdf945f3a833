"""A network that reads user and item: the neural half of neural collaborative filtering."""

from typing import Literal

from penchant.core.errors import MissingExtraError

try:
    import torch  # noqa: F401  (before anything that needs it, for an error that names the remedy)
except ModuleNotFoundError:
    raise MissingExtraError("MLP", "torch") from None

from pydantic import Field

from penchant.models.encoder import EncoderModel
from penchant.models.encoder_config import EncoderConfig


class MLPConfig(EncoderConfig):
    """Settings of `MLP`."""

    max_len: int = Field(30, ge=1)  # a mean of more says less
    batch_size: int = Field(20, ge=1)
    learning_rate: float = Field(3e-3, gt=0)
    embedding_learning_rate: float | None = Field(1e-2, gt=0)
    n_layers: int = Field(0, ge=0)
    body: Literal["attention", "gru", "lstm", "convolution", "mean"] = "mean"
    position: Literal["learned", "relative", "rotary", "none"] = "none"
    head: Literal["dot", "mixture", "mlp", "neumf"] = "mlp"
    loss: Literal["softmax", "sampled", "gbce", "bce", "bpr"] = "bce"
    negatives: int = Field(32, ge=1)


class MLP(EncoderModel):
    """A network of two hidden layers scores each pair of user and item.

    Reference: He et al., "Neural Collaborative Filtering", WWW 2017, arXiv:1708.05031, section 3.3.
    Differs: a user's vector is the mean of the vectors of the history's items instead of one of the user's own, so that new users
    and new events count at once; one table of item vectors; negatives are shared by a batch
    and together weigh as much as the target.
    Cost: as `NCF`.
    """

    name = "mlp"
    Config = MLPConfig
    config: MLPConfig
