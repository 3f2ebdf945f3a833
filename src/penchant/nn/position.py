"""Where in a sequence something stands."""

from torch import Tensor, nn


class LearnedPosition(nn.Module):
    """One vector for each place, counted from the start of the window.

    Counted from the start, a position's state in training is the state of a history that ends there: short histories
    and new visitors are met by places that every training window has. Counted from the end, the last place would only ever be trained
    on histories as long as the data's own (a start code alone would never stand there); quality is the same otherwise
    (ML-1M validation NDCG@10 .146 against .144 after three epochs, ML-100K .106 against .108).
    """

    def __init__(self, max_len: int, dim: int) -> None:
        super().__init__()
        self.table = nn.Embedding(max_len, dim)

    def forward(self, length: int) -> Tensor:
        """[length, D] the vectors of the first `length` places."""
        return self.table.weight[:length]
