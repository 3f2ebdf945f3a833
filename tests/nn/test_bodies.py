"""What histories go through in place of attention, and rotary places inside it."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from penchant.nn.attention import PointwiseAttention, SoftmaxAttention, softmax_attention, softmax_attention_plain
from penchant.nn.bag import RunningMean
from penchant.nn.block import Block
from penchant.nn.convolution import CaserConvolution
from penchant.nn.encoder import Encoder
from penchant.nn.position import rotated
from penchant.nn.recurrent import Recurrent

DIM, LENGTH = 8, 9
BODIES: dict[str, Callable[[], nn.Module]] = {
    "gru": lambda: Recurrent(DIM, 2, "gru", dropout=0.1),
    "lstm": lambda: Recurrent(DIM, 1, "lstm", dropout=0.1),
    "convolution": lambda: CaserConvolution(DIM, 4, dropout=0.1),
    "mean": RunningMean,
    "rotary softmax": lambda: SoftmaxAttention(DIM, 2, rotary=True),
    "rotary pointwise": lambda: PointwiseAttention(DIM, 2, rotary=True),
}


def made(name: str) -> nn.Module:
    torch.manual_seed(0)
    return BODIES[name]().eval()


@pytest.mark.parametrize("name", BODIES)
def test_the_future_changes_nothing(name: str) -> None:
    body, x = made(name), torch.randn(2, LENGTH, DIM)
    other = x.clone()
    other[:, 5:] = torch.randn(2, 4, DIM)
    torch.testing.assert_close(body(x)[:, :5], body(other)[:, :5])
    assert not torch.allclose(body(x)[:, 5:], body(other)[:, 5:])


@pytest.mark.parametrize("name", BODIES)
def test_the_past_changes_something_and_the_shape_stays(name: str) -> None:
    body, x = made(name), torch.randn(2, LENGTH, DIM)
    other = x.clone()
    other[:, LENGTH - 2] = torch.randn(2, DIM)
    assert body(x).shape == x.shape
    assert not torch.allclose(body(x)[:, -1], body(other)[:, -1])


@pytest.mark.parametrize("name", BODIES)
def test_order_counts_but_for_a_mean(name: str) -> None:
    body, x = made(name), torch.randn(1, 4, DIM)
    turned = x[:, [1, 0, 2, 3]]
    assert torch.allclose(body(x)[:, -1], body(turned)[:, -1], atol=1e-6) == (name == "mean")


def test_a_convolution_reads_no_further_than_its_window() -> None:
    body, x = made("convolution"), torch.randn(1, LENGTH, DIM)
    other = x.clone()
    other[:, : LENGTH - 4] = 0
    torch.testing.assert_close(body(x)[:, -1], body(other)[:, -1])


def test_a_convolution_is_filters_over_one_window_after_another() -> None:
    body, x = made("convolution"), torch.randn(1, LENGTH, DIM)
    window = body.norm(x)[0, 3:7]  # what position 6 reads
    found = []
    for height, filters in enumerate(body.horizontal, start=1):
        each = [torch.einsum("ld,fdl->f", window[at : at + height], filters.weight) + filters.bias for at in range(4 - height + 1)]
        found.append(torch.stack(each).relu().amax(0))
    vertical = torch.einsum("ld,vl->dv", window, body.vertical.weight).flatten()
    expected = body.out(torch.cat([*found, vertical])).relu()
    torch.testing.assert_close(body(x)[0, 6], expected)


def test_a_running_mean_is_the_mean_so_far() -> None:
    x = torch.randn(2, LENGTH, DIM)
    torch.testing.assert_close(RunningMean()(x)[:, 5], x[:, :6].mean(1))


def test_turned_products_depend_on_the_distance_alone() -> None:
    torch.manual_seed(0)
    q, k = (torch.randn(DIM).expand(1, 1, LENGTH, DIM) for _ in range(2))
    products = rotated(q)[0, 0] @ rotated(k)[0, 0].t()
    for apart in range(LENGTH):
        along = products.diagonal(-apart)
        torch.testing.assert_close(along, along[:1].expand_as(along))
    assert float(products[:, 0].std()) > 0.01


def test_turning_keeps_lengths_and_the_first_place() -> None:
    x = torch.randn(2, 3, LENGTH, DIM)
    torch.testing.assert_close(rotated(x).norm(dim=-1), x.norm(dim=-1))
    torch.testing.assert_close(rotated(x)[:, :, 0], x[:, :, 0])


def both_ways() -> Encoder:
    torch.manual_seed(0)
    blocks = [Block(DIM, SoftmaxAttention(DIM, 2, causal=False), None, dropout=0.0)]
    return Encoder(11, DIM, position=None, blocks=blocks, dropout=0.0, both_ways=True)


def test_both_ways_the_future_is_read_but_never_padding() -> None:
    model = both_ways().eval()
    first = model(torch.tensor([[1, 2, 3, 4]]))
    assert not torch.allclose(first[:, 0], model(torch.tensor([[1, 2, 3, 9]]))[:, 0])
    padded = model(torch.tensor([[1, 2, 3, 4, 11, 11]]))
    torch.testing.assert_close(padded[:, :4], first)


def test_both_ways_the_fast_kernel_equals_its_plain_twin() -> None:
    torch.manual_seed(0)
    exact = [torch.randn(3, 2, 17, 8).bfloat16().float().requires_grad_() for _ in range(3)]
    fast = [tensor.detach().bfloat16().requires_grad_() for tensor in exact]
    bias = torch.zeros(3, 1, 1, 17)
    bias[1, :, :, 12:] = -torch.inf
    result, expected = softmax_attention(*fast, bias, causal=False), softmax_attention_plain(*exact, bias, causal=False)
    direction = torch.randn_like(expected)
    result.backward(direction.bfloat16())
    expected.backward(direction)
    pairs: list[tuple[Tensor, Tensor]] = [(result, expected), *((a.grad, b.grad) for a, b in zip(fast, exact, strict=True))]  # type: ignore[misc]
    for ours, theirs in pairs:
        assert float((ours.detach().float() - theirs.detach()).norm() / theirs.detach().norm()) < 0.015
