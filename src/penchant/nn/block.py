"""One layer of an encoder: attention, then feed-forward, each on a normalised copy and added back."""

from torch import Tensor, nn

from penchant.nn.dropout import Dropout


class Block(nn.Module):
    """Pre-norm residual block: x + drop(attention(norm(x))), then x + drop(feed_forward(norm(x))); [B, L, D] → [B, L, D].

    Pre-norm keeps a clean sum through all layers, so that deep stacks train without a long warm-up.
    """

    def __init__(self, dim: int, attention: nn.Module, feed_forward: nn.Module, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(dim)
        self.attention = attention
        self.feed_forward_norm = nn.LayerNorm(dim)
        self.feed_forward = feed_forward
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as `x`."""
        x = x + self.dropout(self.attention(self.attention_norm(x)))
        result: Tensor = x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))
        return result
