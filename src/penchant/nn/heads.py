"""How a state and an item make a score. Each side is worked out by itself, so that the items' side is kept between requests."""

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CELLS = 2**24  # numbers between the layers of `NeuralHead` at once: 64 MiB


class Head(Protocol):
    """A score in four steps; U and V are the widths of what a head makes of a state and of an item."""

    def users(self, states: Tensor) -> Tensor:
        """[T, U] of states [T, D]."""
        ...

    def items(self, vectors: Tensor) -> Tensor:
        """[N, V] of item vectors [N, D]."""
        ...

    def scores(self, users: Tensor, items: Tensor) -> Tensor:
        """[T, N] of every user with every item."""
        ...

    def pairs(self, users: Tensor, items: Tensor) -> Tensor:
        """[T] of each user with its own item, [T, V]."""
        ...


class DotHead(nn.Module):
    """The product of both; with a temperature their cosine divided by it.

    What `tower`, a module [N, D] → [N, D], makes of an item's vector is first added to it: alone, its small first outputs would make
    the cosine's gradient huge.
    """

    def __init__(self, temperature: float | None, tower: nn.Module | None = None) -> None:
        super().__init__()
        self.temperature, self.tower = temperature, tower

    def users(self, states: Tensor) -> Tensor:
        """[T, D]."""
        return states if self.temperature is None else F.normalize(states, dim=-1) / self.temperature

    def items(self, vectors: Tensor) -> Tensor:
        """[N, D]."""
        vectors = vectors if self.tower is None else vectors + self.tower(vectors)
        return vectors if self.temperature is None else F.normalize(vectors, dim=-1)

    def scores(self, users: Tensor, items: Tensor) -> Tensor:
        """[T, N]."""
        return users @ items.t()

    def pairs(self, users: Tensor, items: Tensor) -> Tensor:
        """[T]."""
        return (users * items).sum(-1)


class MixtureHead(nn.Module):
    """A mixture of logits: `parts` small products, weighed anew for each pair; what one product cannot express, for its rank, this can.

    Score = Σ_k π_k·(u_k · v_k), π = softmax over k of log a_k + log b_k, a from the state and b from the item. So it is a ratio of
    two matrix products, (a_k·u_k)·(b_k·v_k) and a·b: all items cost hardly more than by one product.
    Reference: Zhai et al., "Revisiting Neural Retrieval on Accelerators", KDD 2023, arXiv:2306.04039, section 3.
    Differs: no part of the gate is made from the pair's own products, which is what would need every [T, N, k] number.
    """

    def __init__(self, dim: int, temperature: float | None, parts: int = 4) -> None:
        super().__init__()
        self.temperature, self.parts = temperature, parts
        self.user, self.user_gate = nn.Linear(dim, dim), nn.Linear(dim, parts)
        self.item, self.item_gate = nn.Linear(dim, dim), nn.Linear(dim, parts)

    def users(self, states: Tensor) -> Tensor:
        """[T, D + parts]: the weighed parts, then the weights."""
        return self._side(states + self.user(states), self.user_gate(states), self.temperature)

    def items(self, vectors: Tensor) -> Tensor:
        """[N, D + parts]: likewise."""
        scale = None if self.temperature is None else 1.0
        return self._side(vectors + self.item(vectors), self.item_gate(vectors), scale)

    def scores(self, users: Tensor, items: Tensor) -> Tensor:
        """[T, N]."""
        dim = users.shape[1] - self.parts
        return (users[:, :dim] @ items[:, :dim].t()) / (users[:, dim:] @ items[:, dim:].t())

    def pairs(self, users: Tensor, items: Tensor) -> Tensor:
        """[T]."""
        dim = users.shape[1] - self.parts
        products = users * items
        return products[:, :dim].sum(-1) / products[:, dim:].sum(-1)

    def _side(self, x: Tensor, gate: Tensor, temperature: float | None) -> Tensor:
        parts = x.view(*x.shape[:-1], self.parts, -1)
        parts = parts if temperature is None else F.normalize(parts, dim=-1) / temperature
        weights = torch.softmax(gate.float(), dim=-1)
        return torch.cat([(weights[..., None] * parts).flatten(-2), weights], dim=-1)


class NeuralHead(nn.Module):
    """A small network reads state and item together; with `product` also their elementwise product, weighed.

    The network's first layer is a sum of a state's and an item's part, each worked out once. Item vectors are normalised as states
    are, for theirs are small at first and the network would hardly see them. Reference: He et al., "Neural
    Collaborative Filtering", WWW 2017, arXiv:1708.05031, sections 3.3 (the network) and 3.4 (both).
    Cost: O(T·N·hidden²) for all items, a hundred times that of a product.
    """

    def __init__(self, dim: int, hidden: int, *, product: bool) -> None:
        super().__init__()
        self.hidden = hidden
        self.user, self.item = nn.Linear(dim, hidden), nn.Linear(dim, hidden, bias=False)
        self.middle, self.out = nn.Linear(hidden, hidden // 2), nn.Linear(hidden // 2, 1)
        self.weigh = nn.Linear(dim, dim, bias=False) if product else None

    def restart(self) -> None:
        """Weights as torch begins them: layer on layer of small ones would let nothing through."""
        for part in self.children():
            if isinstance(part, nn.Linear):
                part.reset_parameters()

    def users(self, states: Tensor) -> Tensor:
        """[T, hidden (+ D)]."""
        first = self.user(states)
        return first if self.weigh is None else torch.cat([first, self.weigh(states)], dim=-1)

    def items(self, vectors: Tensor) -> Tensor:
        """[N, hidden (+ D)]."""
        vectors = F.layer_norm(vectors, vectors.shape[-1:])
        first = self.item(vectors)
        return first if self.weigh is None else torch.cat([first, vectors], dim=-1)

    def scores(self, users: Tensor, items: Tensor) -> Tensor:
        """[T, N]."""
        if torch.compiler.is_exporting():  # a graph has no loop over rows
            return self._all(users, items)
        rows = max(1, CELLS // (len(items) * self.hidden))
        return torch.cat([self._all(users[start : start + rows], items) for start in range(0, len(users), rows)])

    def pairs(self, users: Tensor, items: Tensor) -> Tensor:
        """[T]."""
        deep = self._deep(users[:, : self.hidden] + items[:, : self.hidden])
        return deep if self.weigh is None else deep + (users[:, self.hidden :] * items[:, self.hidden :]).sum(-1)

    def _all(self, users: Tensor, items: Tensor) -> Tensor:
        deep = self._deep(users[:, None, : self.hidden] + items[None, :, : self.hidden])
        return deep if self.weigh is None else deep + users[:, self.hidden :] @ items[:, self.hidden :].t()

    def _deep(self, x: Tensor) -> Tensor:
        """[...] of the first layer's sums [..., hidden]."""
        result: Tensor = self.out(F.relu(self.middle(F.relu(x)))).squeeze(-1)
        return result
