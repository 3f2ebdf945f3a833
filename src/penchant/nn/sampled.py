"""Losses over a sample of the catalogue: which items are drawn, and what is made of the target's score and theirs.

Negatives are shared by all targets of a batch: one gather and one matrix product serve them all. A draw that happens to be a
target's own item is left out for that target.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from penchant.nn.heads import Head
from penchant.nn.precision import products_in
from penchant.nn.random import own_generator

Sampling = Literal["uniform", "popularity", "in-batch", "mixed"]
Kind = Literal["sampled", "gbce", "bce", "bpr"]

OUT = -1e9  # the score of what is left out: its exponent is 0, its gradient too


class Sampler(nn.Module):
    """Draws the negatives of a batch, and says how often each was to be expected among them.

    uniform: every item alike. popularity: as often as in the training data. in-batch: other targets of the same batch. mixed: half
    of them in-batch, half uniform, so that popular items are held down and rare ones are not forgotten (Yang et al., "Mixed Negative
    Sampling for Learning Two-tower Neural Networks in Recommendations", WWW 2020). Draws are stratified: one in each of n equal parts
    of the probability, so that n = n_items uniform draws are every item once; expectations are those of independent draws.
    """

    def __init__(self, how: Sampling, counts: Tensor) -> None:
        """`counts` [N]: how often each item is a target in the training data."""
        super().__init__()
        self.how = how
        shares = counts.clamp(min=1).double() / counts.clamp(min=1).sum()
        self.shares: Tensor
        self.sums: Tensor
        self.register_buffer("shares", shares.float(), persistent=False)
        self.register_buffer("sums", shares.cumsum(0), persistent=False)

    def forward(self, n: int, targets: Tensor) -> tuple[Tensor, Tensor]:
        """(codes [n'] int64, log of how often each was to be expected [n'] float32) for a batch of `targets` [T]; n' ≤ `n`."""
        n_items, device = len(self.shares), targets.device
        from_batch = {"in-batch": min(n, len(targets)), "mixed": min(n // 2, len(targets))}.get(self.how, 0)
        drawn = 0 if self.how == "in-batch" else n - from_batch
        points = (
            torch.arange(drawn, device=device) + torch.rand(drawn, generator=own_generator(), device=device, dtype=torch.float64)
        ) / max(1, drawn)
        codes = torch.searchsorted(self.sums, points, right=True) if self.how == "popularity" else (points * n_items).long()
        if from_batch:
            codes = torch.cat([targets[torch.randperm(len(targets), generator=own_generator(), device=device)[:from_batch]], codes])
        codes = codes.clamp_(max=n_items - 1)
        others = from_batch * (1 - 1 / max(1, len(targets)))  # a target's own place in the batch never counts against it
        share = self.shares[codes]
        expected = others * share + drawn * (share if self.how == "popularity" else 1 / n_items)
        return codes, expected.clamp(min=1e-30).log()


class SampledLoss(nn.Module):
    """The mean loss of a batch's targets against shared negatives; see the functions below for what `kind` means.

    Inputs: states [T, D], `vectors`, which finds the items' vectors [..., D] by their codes, targets [T] int64.
    Use where N·T is too large for `FullSoftmax`, or to reproduce a paper. Cost: O(T·n·D), and that of finding n + T vectors.
    `dtype` is that of the products with the negatives.
    """

    def __init__(
        self,
        kind: Kind,
        head: Head,
        sampler: Sampler,
        *,
        negatives: int,
        calibration: float = 0.75,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.kind, self.negatives, self.calibration = kind, negatives, calibration
        self.head, self.sampler, self.dtype = head, sampler, dtype

    def forward(self, states: Tensor, vectors: Callable[[Tensor], Tensor], targets: Tensor) -> Tensor:
        """A float32 scalar."""
        codes, log_expected = self.sampler(self.negatives, targets)
        users = self.head.users(states)
        wanted = self.head.pairs(users, self.head.items(vectors(targets))).float()
        drawn = self.head.items(vectors(codes))
        with products_in(self.dtype, users.device):
            others = self.head.scores(users, drawn).float()
        hits = codes[None, :] == targets[:, None]
        if self.kind == "sampled":
            return sampled_softmax(wanted, others - log_expected, hits)
        if self.kind == "gbce":
            return gbce(wanted, others, hits, n_items=len(self.sampler.shares), calibration=self.calibration)
        return bce(wanted, others, hits) if self.kind == "bce" else bpr(wanted, others, hits)


def sampled_softmax(wanted: Tensor, others: Tensor, hits: Tensor) -> Tensor:
    """Mean cross-entropy of the targets' scores [T] among those of negatives [T, n], from which the log of how often each was to be
    expected is already taken.

    exp(s_y) + Σ exp(s_j) / expected_j over the draws that are not y has the full softmax's denominator as its mean, exactly, for a
    target is in its own denominator for certain and so takes no correction.
    Reference: Bengio & Senécal 2008; Yi et al., RecSys 2019, on the correction in batches; Khrylchenko et al., RecSys 2025,
    arXiv:2507.09331, on the target's part.
    """
    denominator = torch.logsumexp(torch.cat([wanted[:, None], others.masked_fill(hits, OUT)], dim=1), dim=1)
    return (denominator - wanted).mean()


def gbce(wanted: Tensor, others: Tensor, hits: Tensor, *, n_items: int, calibration: float) -> Tensor:
    """Generalised binary cross-entropy: the target's probability to the power β, so that few negatives do not make every score high.

    β = α·(t·(1 − 1/α) + 1/α) with α the share of the catalogue that is drawn and t the `calibration`: 0 is plain binary
    cross-entropy, 1 gives scores whose sigmoid is the probability of a softmax.
    Reference: Petrov & Macdonald, "gSASRec: Reducing Overconfidence in Sequential Recommendation Trained with Negative Sampling",
    RecSys 2023, arXiv:2308.07192, section 5.
    """
    share = min(1.0, others.shape[1] / max(1, n_items - 1))
    power = share * (calibration * (1 - 1 / share) + 1 / share)
    losses = power * F.softplus(-wanted) + F.softplus(others).masked_fill(hits, 0.0).sum(1)
    return losses.mean() / (1 + others.shape[1])


def bce(wanted: Tensor, others: Tensor, hits: Tensor) -> Tensor:
    """Binary cross-entropy, the negatives together as heavy as the target: in the mean that of one negative a target."""
    return (F.softplus(-wanted) + _mean_over(F.softplus(others), hits)).mean()


def bpr(wanted: Tensor, others: Tensor, hits: Tensor) -> Tensor:
    """Bayesian personalised ranking: −log of the chance that the target is before a negative (Rendle et al. 2009, arXiv:1205.2618)."""
    return _mean_over(F.softplus(others - wanted[:, None]), hits).mean()


def _mean_over(losses: Tensor, hits: Tensor) -> Tensor:
    """[T] the mean of each row [T, n] without its hits."""
    kept = (~hits).sum(1).clamp(min=1)
    return losses.masked_fill(hits, 0.0).sum(1) / kept
