"""Linear maps by oneDNN are those of torch."""

import pytest
import torch

from penchant.nn import linear as module
from penchant.nn.linear import MANY, Activation, Linear, linear, linear_plain

ACTIVATIONS: tuple[Activation, ...] = ("none", "gelu", "silu")


def given(rows: int, n_inputs: int, n_outputs: int) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(0)
    return torch.randn(3, rows, n_inputs), torch.randn(n_outputs, n_inputs), torch.randn(n_outputs)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("n_inputs", "n_outputs"), [(64, 256), (7, 5), (33, 1)])
def test_both_ways_agree(activation: Activation, n_inputs: int, n_outputs: int) -> None:
    rows = -(-MANY // 3)
    x, weight, bias = given(rows, n_inputs, n_outputs)
    for more in (bias, None):
        plain = linear_plain(x, weight, more, activation)
        with torch.inference_mode():
            fused = linear(x, weight, more, activation)
        assert fused.shape == plain.shape == (3, rows, n_outputs)
        assert (fused - plain).abs().max() <= 1e-6 * plain.abs().max()


def test_parts_of_a_matrix_are_read_where_they_are() -> None:
    x, weight, bias = given(MANY, 64, 192)
    with torch.inference_mode():
        part = linear(x[..., :32], weight[64:, :32], bias[64:])
    assert torch.allclose(part, linear_plain(x[..., :32], weight[64:, :32], bias[64:]), rtol=0, atol=1e-4)


@pytest.mark.skipif(not module._HAS_ONEDNN, reason="this torch has no oneDNN")
def test_what_learns_and_what_is_small_takes_the_plain_way(monkeypatch: pytest.MonkeyPatch) -> None:
    used = []
    monkeypatch.setattr(module, "linear_plain", lambda *given: used.append(given) or linear_plain(*given))
    layer, x = Linear(8, 8, "gelu"), torch.randn(MANY, 8)
    assert layer(x).requires_grad
    with torch.inference_mode():
        layer(x[:-1])
        assert len(used) == 2
        layer(x)
        assert len(used) == 2
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert layer(x).dtype == torch.bfloat16
