import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from penchant.nn.heads import DotHead
from penchant.nn.losses import full_softmax_plain
from penchant.nn.sampled import Kind, SampledLoss, Sampler, Sampling, bce, bpr, gbce, sampled_softmax

N, DIM = 50, 8
HOWS: list[Sampling] = ["uniform", "popularity", "in-batch", "mixed"]


def skewed() -> Tensor:
    """How often each item occurs: the first fifty times as often as the last."""
    return torch.arange(N, 0, -1)


def inputs(n_targets: int = 400, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    states, weight = torch.randn(n_targets, DIM, generator=generator), torch.randn(N, DIM, generator=generator)
    return states, weight, torch.multinomial(skewed().float(), n_targets, replacement=True, generator=generator)


def loss(kind: Kind, how: Sampling, negatives: int) -> SampledLoss:
    return SampledLoss(kind, DotHead(None), Sampler(how, skewed()), negatives=negatives)


def of(weight: Tensor) -> Callable[[Tensor], Tensor]:
    """Finds rows of `weight`."""
    return lambda codes: weight[codes]


def gradient(value: Tensor, weight: Tensor) -> Tensor:
    return torch.autograd.grad(value, weight)[0]


def test_all_items_as_negatives_are_the_full_softmax() -> None:
    torch.manual_seed(0)
    states, weight, targets = inputs()
    weight.requires_grad_()
    full, sampled = full_softmax_plain(states, weight, targets), loss("sampled", "uniform", N)(states, of(weight), targets)
    torch.testing.assert_close(sampled, full)
    torch.testing.assert_close(gradient(sampled, weight), gradient(full, weight), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("how", HOWS)
def test_draws_come_as_often_as_expected(how: Sampling) -> None:
    torch.manual_seed(0)
    sampler, rounds, found, expected = Sampler(how, skewed()), 400, torch.zeros(N), torch.zeros(N)
    for seed in range(rounds):
        targets = inputs(64, seed)[2]
        codes, log_expected = sampler(16, targets)
        assert len(codes) == 16
        found += torch.bincount(codes, minlength=N)
        expected[codes] = log_expected.exp()
    own = 64 / 63 if how == "in-batch" else 1.0  # what counts against a target is what the other targets drew
    assert float((found / rounds - expected * own).abs().max()) < 0.08
    assert float(((found / rounds)[:10] / (expected * own)[:10] - 1).abs().mean()) < 0.1


@pytest.mark.parametrize("how", HOWS)
def test_the_corrected_denominator_is_right_on_average(how: Sampling) -> None:
    torch.manual_seed(0)
    sampler, sums, rounds = Sampler(how, skewed()), torch.zeros(64), 600
    states, weight, _ = inputs(64)
    scores = 0.5 * states @ weight.t()
    for seed in range(rounds):
        targets = inputs(64, seed)[2]
        codes, log_expected = sampler(32, targets)
        others = (scores[:, codes] - log_expected).exp().masked_fill(codes == targets[:, None], 0.0)
        sums += (scores.gather(1, targets[:, None]).exp().sum(1) + others.sum(1)) / scores.exp().sum(1)
    assert abs(float(sums.mean()) / rounds - 1) < 0.02


@pytest.mark.parametrize("how", HOWS)
def test_the_correction_brings_the_gradient_to_the_full_softmax(how: Sampling) -> None:
    torch.manual_seed(0)
    weight = (0.5 * inputs()[1]).requires_grad_()
    ours, full, plain = (torch.zeros_like(weight) for _ in range(3))
    sampled = loss("sampled", how, 160)
    for seed in range(200):
        states, _, targets = inputs(200, seed)
        ours += gradient(sampled(states, of(weight), targets), weight)
        full += gradient(full_softmax_plain(states, weight, targets), weight)
        codes = sampled.sampler(160, targets)[0]
        scores, hits = states @ weight[codes].t(), codes == targets[:, None]
        plain += gradient(sampled_softmax((states * weight[targets]).sum(1), scores, hits), weight)
    away, uncorrected = (float((each - full).norm() / full.norm()) for each in (ours, plain))
    assert away < 0.1
    assert how == "uniform" or away < 0.3 * uncorrected


def test_a_draw_that_is_the_target_itself_counts_for_nothing() -> None:
    weight = torch.eye(3)
    states, targets = torch.ones(4, 3), torch.tensor([1, 1, 1, 1])
    one_item = SampledLoss("sampled", DotHead(None), Sampler("in-batch", torch.tensor([1, 9, 1])), negatives=4)
    assert float(one_item(states, of(weight), targets)) == pytest.approx(0.0)


def test_gbce_with_one_of_its_bounds_is_known() -> None:
    wanted, others, hits = torch.tensor([0.3]), torch.tensor([[0.1, -0.2]]), torch.zeros(1, 2, dtype=torch.bool)
    plain = F.binary_cross_entropy_with_logits(torch.tensor([0.3, 0.1, -0.2]), torch.tensor([1.0, 0.0, 0.0]))
    assert float(gbce(wanted, others, hits, n_items=11, calibration=0.0)) == pytest.approx(float(plain), rel=1e-5)
    share = 2 / 10
    expected = (share * math.log1p(math.exp(-0.3)) + math.log1p(math.exp(0.1)) + math.log1p(math.exp(-0.2))) / 3
    assert float(gbce(wanted, others, hits, n_items=11, calibration=1.0)) == pytest.approx(expected, rel=1e-5)


def test_bce_and_bpr_are_their_formulas_without_the_hits() -> None:
    wanted, others = torch.tensor([0.5]), torch.tensor([[1.0, 7.0, -1.0]])
    hits = torch.tensor([[False, True, False]])
    by_bce = math.log1p(math.exp(-0.5)) + (math.log1p(math.e) + math.log1p(1 / math.e)) / 2
    by_bpr = (math.log1p(math.exp(0.5)) + math.log1p(math.exp(-1.5))) / 2
    assert float(bce(wanted, others, hits)) == pytest.approx(by_bce, rel=1e-5)
    assert float(bpr(wanted, others, hits)) == pytest.approx(by_bpr, rel=1e-5)


@pytest.mark.parametrize("kind", ["sampled", "gbce", "bce", "bpr"])
@pytest.mark.parametrize("how", HOWS)
def test_each_loss_raises_the_target_and_survives_a_batch_of_one(kind: Kind, how: Sampling) -> None:
    torch.manual_seed(0)
    states, weight, targets = inputs()
    weight.requires_grad_()
    step = weight - 5 * gradient(loss(kind, how, 16)(states, of(weight), targets), weight)
    places = [
        (states @ table.t()).argsort(1, descending=True).argsort(1)[torch.arange(400), targets].float().mean() for table in (weight, step)
    ]
    assert places[1] < places[0]
    assert torch.isfinite(loss(kind, how, 16)(states[:1], of(weight), targets[:1]))
