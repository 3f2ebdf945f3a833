"""Self-attention: each position reads itself and what came before, never what comes after, unless it is told to read both ways.

Sequences are left-aligned (padding on the right), so that causality alone keeps padding out of every real position. Each kind
takes an additive `bias` that broadcasts to [B, H, L, L], made once for all layers (see `penchant.nn.bias`).
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from penchant.nn.linear import Linear, linear
from penchant.nn.position import rotated

CACHED = 640_000  # weights of a slice: 8 rows of 200 positions with 2 heads; twice as many take 1.4 × as long for leaving the cache


def softmax_attention_plain(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None, *, causal: bool = True) -> Tensor:
    """softmax(q·kᵀ/√E + bias, over the positions not later than one's own)·v, each [B, H, L, E]: torch's own kernel."""
    if bias is None:
        return F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    mask = bias.to(q.dtype)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask + causal_mask(q.shape[-2], q) if causal else mask)


def softmax_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None, *, causal: bool = True) -> Tensor:
    """What `softmax_attention_plain` says, by the fastest way known for the place and the number format.

    bfloat16 on a CPU with a gradient wanted takes plain matrix products and keeps only the probabilities: torch's fused kernel
    needs 12 ms there, this 4 (B = 32, H = 2, L = 200, E = 32, forward and backward, two threads).
    """
    if not _direct(q):
        return softmax_attention_plain(q, k, v, bias, causal=causal)
    # `Any`: torch does not type `apply`.
    result: Any = _Softmax.apply(q / math.sqrt(q.shape[-1]), k, v, bias, causal)  # type: ignore[no-untyped-call]
    return result  # type: ignore[no-any-return]


def pointwise_attention_plain(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
    """SiLU(q·kᵀ + bias)·v over the positions not later than one's own, each [B, H, L, E]; weights are not made to sum to 1."""
    scores = q @ k.transpose(-1, -2)
    return F.silu(scores if bias is None else scores + bias).tril() @ v


def pointwise_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
    """What `pointwise_attention_plain` says; in place and in slices on a CPU, to answer or, in bfloat16, to learn."""
    if torch.is_inference_mode_enabled() and q.device.type == "cpu":
        return _pointwise_in_place(q.contiguous(), k.contiguous(), v.contiguous(), bias)
    if not _direct(q):
        return pointwise_attention_plain(q, k, v, bias)
    result: Any = _Pointwise.apply(q, k, v, bias)  # type: ignore[no-untyped-call]  # `Any`: as above
    return result  # type: ignore[no-any-return]


def causal_mask(length: int, like: Tensor) -> Tensor:
    """[L, L] 0 where column ≤ row, −inf elsewhere; dtype and device of `like`."""
    return torch.full((length, length), -math.inf, dtype=like.dtype, device=like.device).triu_(1)


class SoftmaxAttention(nn.Module):
    """Multi-head softmax attention, [B, L, D] → [B, L, D].

    `causal`: positions read their past only. `rotary`: queries and keys are turned by their places (see `penchant.nn.position`).
    """

    def __init__(self, dim: int, n_heads: int, *, causal: bool = True, rotary: bool = False) -> None:
        super().__init__()
        self.n_heads, self.causal, self.rotary = n_heads, causal, rotary
        self.qkv = Linear(dim, 3 * dim)
        self.out = Linear(dim, dim)

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """What each position gathers."""
        q, k, v = in_heads(self.qkv(x), 3, self.n_heads)
        if self.rotary:
            q, k = rotated(q), rotated(k)
        result: Tensor = self.out(joined(softmax_attention(q, k, v, bias, causal=self.causal)))
        return result

    def answer(self, x: Tensor, at: Tensor, bias: Tensor | None = None) -> Tensor:
        """[B, 1, D] what the position `at` [B] of each row gathers from itself and its past: one row of the attention, not L.

        No key and no value is made: (W·x)·q is x·(Wᵀ·q), whose offset the softmax takes out, and Σ p·(W·x) is W·(Σ p·x).
        Rotary keys are, for each is turned by its own place.
        """
        dim, weight, offset = x.shape[-1], self.qkv.weight, self.qkv.bias
        of_keys, of_values = weight[dim:].view(2, self.n_heads, -1, dim)  # [H, E, D] each
        (q,) = in_heads(linear(taken(x, at), weight[:dim], offset[:dim]), 1, self.n_heads)  # [B, H, 1, E]
        q = q / math.sqrt(q.shape[-1])
        if self.rotary:
            (k,) = in_heads(linear(x, weight[dim : 2 * dim], offset[dim : 2 * dim]), 1, self.n_heads)
            scores = rotated(q, at[:, None, None]) @ rotated(k).transpose(-1, -2)
        else:
            asking = q.squeeze(2).transpose(0, 1) @ of_keys  # [H, B, D]
            scores = (asking.transpose(0, 1) @ x.transpose(1, 2))[:, :, None]
        scores = scores if bias is None else scores + row_of(bias, at)
        if self.causal:
            scores = scores.masked_fill(later(at, x.shape[1]), -math.inf)
        gathered = scores.squeeze(2).softmax(dim=-1) @ x  # [B, H, D]
        heads = gathered.transpose(0, 1) @ of_values.transpose(1, 2)  # [H, B, E]
        result: Tensor = self.out((heads.transpose(0, 1).flatten(1) + offset[2 * dim :])[:, None])
        return result


class PointwiseAttention(nn.Module):
    """Multi-head causal pointwise attention whose result is normalised and gated, [B, L, D] → [B, L, D]; the core of HSTU."""

    def __init__(self, dim: int, n_heads: int, *, rotary: bool = False) -> None:
        super().__init__()
        self.n_heads, self.rotary = n_heads, rotary
        self.uqkv = Linear(dim, 4 * dim, "silu")
        self.norm = nn.LayerNorm(dim)
        self.out = Linear(dim, dim)

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """What each position gathers from itself and its past."""
        dim = x.shape[-1]
        mixed = self.uqkv(x)
        gate, rest = mixed[..., :dim], mixed[..., dim:]
        q, k, v = in_heads(rest, 3, self.n_heads)
        if self.rotary:
            q, k = rotated(q), rotated(k)
        result: Tensor = self.out(self.norm(joined(pointwise_attention(q, k, v, bias))) * gate)
        return result

    def answer(self, x: Tensor, at: Tensor, bias: Tensor | None = None) -> Tensor:
        """[B, 1, D] what the position `at` [B] of each row gathers from itself and its past: one row of the attention, not L."""
        dim, weight, offset = x.shape[-1], self.uqkv.weight, self.uqkv.bias
        own = linear(taken(x, at), weight[: 2 * dim], offset[: 2 * dim], "silu")
        (q,) = in_heads(own[..., dim:], 1, self.n_heads)
        k, v = in_heads(linear(x, weight[2 * dim :], offset[2 * dim :], "silu"), 2, self.n_heads)
        if self.rotary:
            q, k = rotated(q, at[:, None, None]), rotated(k)
        scores = q @ k.transpose(-1, -2)
        scores = F.silu(scores if bias is None else scores + row_of(bias, at)).masked_fill(later(at, x.shape[1]), 0)
        result: Tensor = self.out(self.norm(joined(scores @ v)) * own[..., :dim])
        return result


def in_heads(x: Tensor, parts: int, n_heads: int) -> tuple[Tensor, ...]:
    """[B, L, parts·D] as `parts` tensors [B, H, L, D/H]; in one copy where a gradient is to come, which is made faster so."""
    batch, length, width = x.shape
    divided = x.view(batch, length, parts, n_heads, width // (parts * n_heads)).permute(2, 0, 3, 1, 4)
    return (divided if torch.is_inference_mode_enabled() else divided.contiguous()).unbind(0)


def joined(x: Tensor) -> Tensor:
    """[B, H, L, E] as [B, L, H·E]."""
    return x.transpose(1, 2).flatten(2)


def taken(x: Tensor, at: Tensor) -> Tensor:
    """[B, 1, D] the position `at` [B] of each row of [B, L, D]."""
    return x[torch.arange(x.shape[0], device=x.device), at][:, None]


def row_of(bias: Tensor, at: Tensor) -> Tensor:
    """[B, 1 or H, 1, L] the row `at` [B] of each bias of [1 or B, 1 or H, L, L]."""
    rows = torch.arange(at.shape[0], device=at.device)
    return bias.expand(at.shape[0], -1, -1, -1)[rows, :, at][:, :, None] if bias.shape[2] > 1 else bias


def later(at: Tensor, length: int) -> Tensor:
    """[B, 1, 1, L] True behind the position `at` [B]."""
    return (torch.arange(length, device=at.device) > at[:, None])[:, None, None]


def _direct(q: Tensor) -> bool:
    return q.device.type == "cpu" and q.dtype == torch.bfloat16 and torch.is_grad_enabled()


def _sum_to(gradient: Tensor, shape: torch.Size) -> Tensor:
    """[B, H, L, L] summed to the shape that was broadcast; heads one by one, torch's own sum over them takes 10 × as long."""
    if shape[1] == 1:
        total = gradient[:, :1].clone()
        for head in range(1, gradient.shape[1]):
            total += gradient[:, head : head + 1]
        gradient = total
    return gradient.sum(0, keepdim=True) if shape[0] == 1 else gradient


def _slices(q: Tensor) -> Iterator[slice]:
    """Rows of [B, H, L, E] whose weights, [b, H, L, L], stay in the cache from one step to the next."""
    step = max(1, CACHED // (q.shape[1] * q.shape[2] ** 2))
    return (slice(start, start + step) for start in range(0, q.shape[0], step))


def _pointwise_in_place(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
    """Pointwise attention that keeps nothing: 15 ms instead of 24 for 80 rows of 200 positions with 2 heads, one thread."""
    result = torch.empty_like(v)
    for rows in _slices(q):
        scores = _product(q[rows], k[rows].transpose(-1, -2), q.new_empty(*q[rows].shape[:3], q.shape[2]))
        _product(F.silu(_biased(scores, bias, rows), inplace=True).tril_(), v[rows], result[rows])
    return result


def _product(a: Tensor, b: Tensor, out: Tensor) -> Tensor:
    """a · b of matrices in two leading dimensions, written to `out`, which is contiguous in them."""
    torch.bmm(a.flatten(0, 1), b.flatten(0, 1), out=out.flatten(0, 1))
    return out


def _biased(scores: Tensor, bias: Tensor | None, rows: slice) -> Tensor:
    """`scores` of some rows with their bias added in place."""
    return scores if bias is None else scores.add_(bias if bias.shape[0] == 1 else bias[rows])


class _BiasGradient:
    """Sums the gradients of the scores, slice by slice, to the shape of the bias that was broadcast to them."""

    def __init__(self, bias: tuple[torch.Size, torch.dtype] | None, like: Tensor) -> None:
        self._dtype = like.dtype if bias is None else bias[1]
        self._total = None if bias is None else torch.zeros(bias[0], dtype=torch.float32, device=like.device)

    def add(self, gradient: Tensor, rows: slice) -> None:
        """Take in those of `rows`."""
        if self._total is None:
            return
        if self._total.shape[0] == 1:
            self._total += _sum_to(gradient, self._total.shape)
        else:
            self._total[rows] = _sum_to(gradient, self._total.shape)

    def result(self) -> Tensor | None:
        """None where there is no bias that wants one."""
        return None if self._total is None else self._total.to(self._dtype)


class _Softmax(torch.autograd.Function):
    """Softmax attention that keeps only the probabilities for the way back; everything [B, H, L, L] is done in place, in slices."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, causal: bool) -> Tensor:  # noqa: FBT001  (torch calls it)
        """`Any`: torch's context has no public type."""
        weights, result = q.new_empty(*q.shape[:3], q.shape[2]), torch.empty_like(v)
        mask = causal_mask(q.shape[2], q) if causal else None
        for rows in _slices(q):
            part = _biased(_product(q[rows], k[rows].transpose(-1, -2), weights[rows]), bias, rows)
            if mask is not None:
                part.add_(mask)
            _product(torch.softmax(part, dim=-1, out=part), v[rows], result[rows])
        ctx.save_for_backward(q, k, v, weights)
        ctx.bias = None if bias is None else (bias.shape, bias.dtype)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # `Any`: as above
        q, k, v, weights = ctx.saved_tensors
        d_q, d_k, d_v = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        d_bias = _BiasGradient(ctx.bias if ctx.needs_input_grad[3] else None, q)
        for rows in _slices(q):
            part, wanted = weights[rows], gradients[0][rows]
            scores = _product(wanted, v[rows].transpose(-1, -2), torch.empty_like(part))
            torch._softmax_backward_data(scores, part, -1, part.dtype, grad_input=scores)
            d_bias.add(scores, rows)
            _product(scores, k[rows], d_q[rows])
            _product(scores.transpose(-1, -2), q[rows], d_k[rows])
            _product(part.transpose(-1, -2), wanted, d_v[rows])
        return d_q, d_k, d_v, d_bias.result(), None


class _Pointwise(torch.autograd.Function):
    """Pointwise attention; keeps scores and weights for the way back, and works in slices likewise."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:  # `Any`: torch's context has no public type
        scores, result = q.new_empty(*q.shape[:3], q.shape[2]), torch.empty_like(v)
        weights = torch.empty_like(scores)
        for rows in _slices(q):
            part = _biased(_product(q[rows], k[rows].transpose(-1, -2), scores[rows]), bias, rows)
            torch.ops.aten.silu.out(part, out=weights[rows])
            _product(weights[rows].tril_(), v[rows], result[rows])
        ctx.save_for_backward(q, k, v, scores, weights)
        ctx.bias = None if bias is None else (bias.shape, bias.dtype)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # `Any`: as above
        q, k, v, scores, weights = ctx.saved_tensors
        d_q, d_k, d_v = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        d_bias = _BiasGradient(ctx.bias if ctx.needs_input_grad[3] else None, q)
        for rows in _slices(q):
            part, wanted = scores[rows], gradients[0][rows]
            of_scores = _product(wanted, v[rows].transpose(-1, -2), torch.empty_like(part))
            torch.ops.aten.silu_backward.grad_input(of_scores, part, grad_input=of_scores)
            d_bias.add(of_scores.tril_(), rows)
            _product(of_scores, k[rows], d_q[rows])
            _product(of_scores.transpose(-1, -2), q[rows], d_k[rows])
            _product(weights[rows].transpose(-1, -2), wanted, d_v[rows])
        return d_q, d_k, d_v, d_bias.result()
