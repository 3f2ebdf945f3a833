"""What a small encoder takes over from a large one that has learned already."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from penchant.nn.bias import RelativeBias
from penchant.nn.encoder import Encoder
from penchant.nn.position import LearnedPosition


@torch.no_grad()
def inherit(encoder: Encoder, teacher: Encoder) -> None:
    """Begin `encoder` with the numbers of `teacher`, part by part, where both are built and read alike; other parts stay as they are.

    Items keep their codes; those that are newer than the teacher stay. Of its layers evenly spread ones are taken, of its positions the
    first. Only what was learned is taken over, never what was read from data.
    Reference: Sanh et al., "DistilBERT, a distilled version of BERT", 2019, arXiv:1910.01108, section 3.
    Differs: every kth layer for any number of layers, the first and the last among them.
    """
    if not len(teacher.blocks):
        return
    layers = np.linspace(0, len(teacher.blocks) - 1, len(encoder.blocks)).round().astype(int).tolist()
    if encoder.items.embedding_dim == teacher.items.embedding_dim:
        encoder.items.weight[: teacher.n_items] = teacher.items.weight[: teacher.n_items]
        encoder.items.weight[encoder.n_items :] = teacher.items.weight[teacher.n_items :]
    for own, theirs in _pairs(encoder, teacher, layers):
        if _alike(own, theirs):
            for mine, learned in zip(own.parameters(), theirs.parameters(), strict=True):
                mine.copy_(learned)
    _positions(encoder.position, teacher.position, layers)


def _pairs(encoder: Encoder, teacher: Encoder, layers: list[int]) -> Iterator[tuple[nn.Module, nn.Module]]:
    """Parts of both that do the same."""
    yield from zip(encoder.blocks, (teacher.blocks[layer] for layer in layers), strict=True)
    for name in ("norm", "head", "events", "content"):
        own, theirs = getattr(encoder, name), getattr(teacher, name)
        if own is not None and theirs is not None:
            yield own, theirs


def _alike(own: nn.Module, theirs: nn.Module) -> bool:
    """Whether both have the same parts, and the same numbers where these are not learned."""
    shapes = [[(name, weight.shape) for name, weight in each.named_parameters()] for each in (own, theirs)]
    kept = [dict(each.named_buffers()) for each in (own, theirs)]
    return (
        shapes[0] == shapes[1] and kept[0].keys() == kept[1].keys() and all(torch.equal(kept[0][name], kept[1][name]) for name in kept[0])
    )


def _positions(own: LearnedPosition | RelativeBias | None, theirs: LearnedPosition | RelativeBias | None, layers: list[int]) -> None:
    if not (isinstance(own, RelativeBias) and isinstance(theirs, RelativeBias)) or len(own.positions) != len(layers):
        return
    sets = layers if len(theirs.positions) > 1 else [0] * len(layers)
    own.positions.copy_(theirs.positions[sets, : own.positions.shape[1]])
    if own.times is not None and theirs.times is not None:
        own.times.copy_(theirs.times[sets])
