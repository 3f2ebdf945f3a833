import pytest
import torch
from torch import Tensor

from penchant.nn import losses
from penchant.nn.losses import ChunkedSoftmax, FullSoftmax, full_softmax_plain


def inputs(n_targets: int = 300, n_items: int = 211, dim: int = 16) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    hidden, weight = torch.randn(n_targets, dim), torch.randn(n_items, dim)
    return hidden, weight, torch.randint(n_items, (n_targets,))


def gradients(loss: object, hidden: Tensor, weight: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    h, w = hidden.clone().requires_grad_(), weight.clone().requires_grad_()
    value = loss(h, w, targets)  # type: ignore[operator]
    (value * 3).backward()
    assert h.grad is not None and w.grad is not None
    return value.detach(), h.grad, w.grad


def off_by(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize("rows", [256, 7])
def test_full_softmax_equals_its_plain_twin(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "CHUNK", rows * 211)
    monkeypatch.setattr(losses, "LEAST_ROWS", 1)
    plain = gradients(full_softmax_plain, *inputs())
    chunked = gradients(FullSoftmax(), *inputs())
    for ours, theirs in zip(chunked, plain, strict=True):
        assert off_by(ours, theirs) < 1e-5


def test_bfloat16_is_within_one_percent() -> None:
    plain = gradients(full_softmax_plain, *inputs())
    low = gradients(FullSoftmax(torch.bfloat16), *inputs())
    for ours, theirs in zip(low, plain, strict=True):
        assert off_by(ours, theirs) < 0.01


def test_the_buffer_serves_every_call() -> None:
    loss = FullSoftmax()
    first = gradients(loss, *inputs())
    buffer = loss._kept.buffer.data_ptr()
    again = gradients(loss, *inputs())
    assert loss._kept.buffer.data_ptr() == buffer
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_inputs_that_want_no_gradient_get_none() -> None:
    hidden, weight, targets = inputs()
    h = hidden.clone().requires_grad_()
    FullSoftmax()(h, weight, targets).backward()
    assert h.grad is not None and weight.grad is None


def test_an_impossible_target_has_a_large_but_finite_loss() -> None:
    hidden, weight = torch.tensor([[1000.0]]), torch.tensor([[1.0], [-1.0]])
    assert torch.isfinite(FullSoftmax()(hidden, weight, torch.tensor([1])))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.01)])
def test_a_smoothed_target_equals_its_plain_twin(dtype: torch.dtype, tolerance: float) -> None:
    plain = gradients(lambda *given: full_softmax_plain(*given, 0.1), *inputs())
    chunked = gradients(FullSoftmax(dtype, smoothing=0.1), *inputs())
    for ours, theirs in zip(chunked, plain, strict=True):
        assert off_by(ours, theirs) < tolerance


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_chunks_of_any_scores_equal_their_plain_twin(smoothing: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "CHUNK", 7 * 211)
    monkeypatch.setattr(losses, "STEP_ROWS", 1)
    plain = gradients(lambda *given: full_softmax_plain(*given, smoothing), *inputs())
    chunked = gradients(ChunkedSoftmax(lambda users, items: users @ items.t(), smoothing=smoothing), *inputs())
    for ours, theirs in zip(chunked, plain, strict=True):
        assert off_by(ours, theirs) < 1e-5
