import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from penchant.nn.attention import SoftmaxAttention, causal_attention


def qkv(dtype: torch.dtype = torch.float32) -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(3, 2, 17, 8, dtype=dtype).requires_grad_() for _ in range(3)]


def test_the_direct_path_equals_the_fused_one() -> None:
    direct = qkv(torch.bfloat16)
    result = causal_attention(*direct)
    result.backward(torch.ones_like(result))
    exact = [tensor.detach().float().requires_grad_() for tensor in direct]
    expected = F.scaled_dot_product_attention(*exact, is_causal=True)
    expected.backward(torch.ones_like(expected))
    for ours, theirs in [(result, expected), *((a.grad, b.grad) for a, b in zip(direct, exact, strict=True))]:
        assert ours is not None and theirs is not None
        assert float((ours.detach().float() - theirs.detach()).norm() / theirs.detach().norm()) < 0.01


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_future_changes_nothing(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    attention = SoftmaxAttention(16, 2).to(dtype)
    x = torch.randn(2, 9, 16, dtype=dtype)
    other = x.clone()
    other[:, 5:] = torch.randn(2, 4, 16, dtype=dtype)
    assert torch.equal(attention(x)[:, :5], attention(other)[:, :5])
    assert not torch.equal(attention(x)[:, 5:], attention(other)[:, 5:])


def test_one_position_reads_itself() -> None:
    q, k, v = (tensor[:, :, :1] for tensor in qkv())
    torch.testing.assert_close(causal_attention(q, k, v), v)
