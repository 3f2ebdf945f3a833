from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from penchant.nn import attention
from penchant.nn.attention import (
    PointwiseAttention,
    SoftmaxAttention,
    pointwise_attention,
    pointwise_attention_plain,
    softmax_attention,
    softmax_attention_plain,
)

Kernel = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
KERNELS = [(softmax_attention, softmax_attention_plain), (pointwise_attention, pointwise_attention_plain)]
BIASES = [None, (1, 1), (3, 1), (3, 2)]  # how many of B = 3 and H = 2 the bias has


def inputs(bias: tuple[int, int] | None, dtype: torch.dtype) -> list[Tensor | None]:
    torch.manual_seed(0)
    made = [torch.randn(3, 2, 17, 8) for _ in range(3)] + ([] if bias is None else [torch.randn(*bias, 17, 17)])
    rounded = [tensor.bfloat16().to(dtype).requires_grad_() for tensor in made]
    return [*rounded, *([None] if bias is None else [])]


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize(("kernel", "plain"), KERNELS)
def test_a_fast_kernel_equals_its_plain_twin(kernel: Kernel, plain: Kernel, bias: tuple[int, int] | None) -> None:
    fast, exact = inputs(bias, torch.bfloat16), inputs(bias, torch.float32)
    result, expected = kernel(*fast), plain(*exact)  # type: ignore[arg-type]
    torch.manual_seed(1)
    direction = torch.randn_like(expected)
    result.backward(direction.bfloat16())
    expected.backward(direction)
    pairs = [(result, expected), *((a.grad, b.grad) for a, b in zip(fast, exact, strict=True) if a is not None and b is not None)]
    for ours, theirs in pairs:
        assert ours is not None and theirs is not None
        assert float((ours.detach().float() - theirs.detach()).norm() / theirs.detach().norm()) < 0.015


@pytest.mark.parametrize("cached", [1, 2_000, 640_000])
@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize(("kernel", "plain"), KERNELS)
def test_answers_equal_the_plain_twin(
    kernel: Kernel, plain: Kernel, bias: tuple[int, int] | None, cached: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "CACHED", cached)
    given = inputs(bias, torch.float32)
    askew = [None if tensor is None else tensor.transpose(1, 2).contiguous().transpose(1, 2) for tensor in given[:3]]
    expected = plain(*given)  # type: ignore[arg-type]
    with torch.inference_mode():
        torch.testing.assert_close(kernel(*given), expected, rtol=0, atol=1e-5)  # type: ignore[arg-type]
        torch.testing.assert_close(kernel(*askew, given[3]), expected, rtol=0, atol=1e-5)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", [SoftmaxAttention, PointwiseAttention])
def test_the_future_changes_nothing(kind: type[nn.Module], dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer = kind(16, 2).to(dtype)
    x, bias = torch.randn(2, 9, 16, dtype=dtype), torch.randn(1, 1, 9, 9, dtype=dtype)
    other = x.clone()
    other[:, 5:] = torch.randn(2, 4, 16, dtype=dtype)
    assert torch.equal(layer(x, bias)[:, :5], layer(other, bias)[:, :5])
    assert not torch.equal(layer(x, bias)[:, 5:], layer(other, bias)[:, 5:])


def test_one_position_reads_itself() -> None:
    q, k, v = (torch.randn(3, 2, 1, 8) for _ in range(3))
    torch.testing.assert_close(softmax_attention(q, k, v), v)
