"""Matrix factorisation and a network side by side: what neural collaborative filtering is."""

from typing import Literal

from penchant.core.errors import MissingExtraError

try:
    import torch  # noqa: F401  (before anything that needs it, for an error that names the remedy)
except ModuleNotFoundError:
    raise MissingExtraError("NCF", "torch") from None

from pydantic import Field

from penchant.models.encoder import EncoderModel
from penchant.models.encoder_config import EncoderConfig


class NCFConfig(EncoderConfig):
    """Settings of `NCF`."""

    max_len: int = Field(30, ge=1)  # a mean of more says less
    batch_size: int = Field(20, ge=1)
    learning_rate: float = Field(3e-3, gt=0)
    n_layers: int = Field(0, ge=0)
    body: Literal["attention", "gru", "lstm", "convolution", "mean"] = "mean"
    position: Literal["learned", "relative", "rotary", "none"] = "none"
    head: Literal["dot", "mixture", "mlp", "neumf"] = "neumf"
    loss: Literal["softmax", "sampled", "gbce", "bce", "bpr"] = "bce"
    negatives: int = Field(32, ge=1)


class NCF(EncoderModel):
    """NeuMF: the product of user and item, weighed, plus a network that reads both.

    Reference: He et al., "Neural Collaborative Filtering", WWW 2017, arXiv:1708.05031, section 3.4.
    Differs: a user's vector is the mean of the vectors of the history's items instead of one of the user's own, so that new users
    and new events count at once; one table of item vectors, projected for either part, instead of one each; negatives are shared by a batch
    and together weigh as much as the target.
    Rendle et al., "Neural Collaborative Filtering vs. Matrix Factorization Revisited", RecSys 2020, arXiv:2005.09683, find a plain
    product better and a hundred times faster: it is here to compare with.
    Cost: training O(E·negatives·D²) an epoch for E events; a request O(n_items·D²).
    """

    name = "ncf"
    Config = NCFConfig
    config: NCFConfig
