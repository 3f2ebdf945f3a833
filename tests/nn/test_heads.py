import pytest
import torch
from torch.nn import functional as F

from penchant.nn.encoder import initialise
from penchant.nn.feed_forward import FeedForward
from penchant.nn.heads import DotHead, Head, MixtureHead, NeuralHead

DIM = 8
HEADS = {
    "dot": lambda: DotHead(None),
    "cosine": lambda: DotHead(0.1),
    "tower": lambda: DotHead(0.1, FeedForward(DIM, 16, 0.0)),
    "mixture": lambda: MixtureHead(DIM, 0.1, 4),
    "mixture of products": lambda: MixtureHead(DIM, None, 2),
    "network": lambda: NeuralHead(DIM, 16, product=False),
    "network and product": lambda: NeuralHead(DIM, 16, product=True),
}


def made(name: str) -> Head:
    torch.manual_seed(0)
    head = HEADS[name]()
    initialise(head, std=0.5)
    return head.eval()


@pytest.mark.parametrize("name", HEADS)
def test_a_pairs_score_is_its_place_among_all(name: str) -> None:
    head = made(name)
    users, items = head.users(torch.randn(5, DIM)), head.items(torch.randn(7, DIM))
    scores = head.scores(users, items)
    assert scores.shape == (5, 7)
    torch.testing.assert_close(head.pairs(users, items[:5]), scores[range(5), range(5)], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", HEADS)
def test_a_score_depends_on_state_and_item(name: str) -> None:
    head = made(name)
    users, items = head.users(torch.randn(5, DIM)), head.items(torch.randn(7, DIM))
    scores = head.scores(users, items)
    assert (scores.std(0) > 0).all() and (scores.std(1) > 0).all()


def test_a_mixture_is_the_weighed_mean_of_its_parts() -> None:
    head = MixtureHead(DIM, 0.1, 4)
    initialise(head, std=0.5)
    states, vectors = torch.randn(5, DIM), torch.randn(7, DIM)
    u = F.normalize((states + head.user(states)).view(5, 4, 2), dim=-1)
    v = F.normalize((vectors + head.item(vectors)).view(7, 4, 2), dim=-1)
    gates = head.user_gate(states)[:, None] + head.item_gate(vectors)[None]
    expected = (torch.softmax(gates, dim=-1) * torch.einsum("tke,nke->tnk", u, v)).sum(-1) / 0.1
    torch.testing.assert_close(head.scores(head.users(states), head.items(vectors)), expected, rtol=1e-4, atol=1e-4)


def test_a_mixture_says_more_than_one_product_can() -> None:
    head = made("mixture")
    scores = head.scores(head.users(torch.randn(60, DIM)), head.items(torch.randn(60, DIM)))
    assert torch.linalg.matrix_rank(scores, rtol=1e-3) > DIM


def test_a_network_is_asked_in_parts_where_it_would_be_large(monkeypatch: pytest.MonkeyPatch) -> None:
    head = made("network and product")
    users, items = head.users(torch.randn(5, DIM)), head.items(torch.randn(7, DIM))
    whole = head.scores(users, items)
    monkeypatch.setattr("penchant.nn.heads.CELLS", 2 * 7 * 16)
    torch.testing.assert_close(head.scores(users, items), whole)
