"""What else is known about events and items, added to their vectors. All of it begins at zero, so that knowing more never starts worse.

Nothing here draws a random number: the rest of an encoder starts alike with and without it.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BINS = 10  # of values; as many quantiles, fewer where many events have one value


class EventInputs(nn.Module):
    """A vector for each event type, one for each range of values, one for each place where an event happened and another
    one for each place that is asked for; where one is not known, nothing is added.

    `edges` [BINS − 1] divide the values, see `edges_of`.
    """

    def __init__(self, dim: int, *, n_event_types: int = 0, edges: Tensor | None = None, n_scenarios: int = 0) -> None:
        super().__init__()
        self.types = _zeros(n_event_types + 1, dim) if n_event_types else None
        self.scenarios = _zeros(n_scenarios + 1, dim) if n_scenarios else None
        self.asked_scenarios = _zeros(n_scenarios + 1, dim) if n_scenarios else None
        self.edges: Tensor | None
        self.register_buffer("edges", edges)
        self.values = None if edges is None else _zeros(BINS + 1, dim)

    def forward(
        self,
        event_types: Tensor | None = None,
        values: Tensor | None = None,
        scenarios: Tensor | None = None,
        asked_scenarios: Tensor | None = None,
    ) -> Tensor | int:
        """[B, L, D] of what is told of the events read: integer types [B, L], −1 = none, float values [B, L], NaN = none, and the places
        [B, L] of the events themselves and of those asked for, −1 = none.
        """
        added: Tensor | int = 0
        tables = ((self.types, event_types), (self.scenarios, scenarios), (self.asked_scenarios, asked_scenarios))
        for table, codes in tables:
            if table is not None and codes is not None:
                known = (codes >= 0) & (codes < table.num_embeddings - 1)
                added = added + table(torch.where(known, codes + 1, 0).long())
        if self.values is not None and self.edges is not None and values is not None:
            places = 1 + torch.bucketize(values.nan_to_num(), self.edges, right=True)
            added = added + self.values(torch.where(torch.isfinite(values), places, 0))
        return added


class ItemContent(nn.Module):
    """A linear map of what is known of each item, a frozen matrix [n_items, F]; codes beyond have nothing."""

    def __init__(self, dim: int, matrix: Tensor) -> None:
        super().__init__()
        self.matrix: Tensor
        self.register_buffer("matrix", torch.cat([matrix, matrix.new_zeros(1, matrix.shape[1])]))
        self.weigh = nn.Parameter(torch.zeros(dim, matrix.shape[1]))

    def forward(self, codes: Tensor | None = None) -> Tensor:
        """[..., D] of codes of any shape, or of all items in their order."""
        n_items = len(self.matrix) - 1
        rows = self.matrix[:n_items] if codes is None else self.matrix[codes.clamp(max=n_items)]
        return F.linear(rows, self.weigh)


def edges_of(values: Tensor) -> Tensor:
    """[BINS − 1] float32, rising, that divide the finite `values` into parts of like size; the largest float where fewer will do."""
    finite = values[torch.isfinite(values)].double()
    edges = torch.full((BINS - 1,), torch.finfo(torch.float32).max)
    if len(finite):
        shares = torch.arange(1, BINS, dtype=torch.float64) / BINS
        found = finite.sort().values[(shares * len(finite)).long()]
        found = found[found > finite.min()]  # an edge below everything divides nothing
        found = found[torch.diff(found, prepend=finite.min()[None]) > 0]
        edges[: len(found)] = found.float()
    return edges


def _zeros(rows: int, dim: int) -> nn.Embedding:
    """A table of zeros whose first row stays so."""
    return nn.Embedding(rows, dim, padding_idx=0, _weight=torch.zeros(rows, dim))
