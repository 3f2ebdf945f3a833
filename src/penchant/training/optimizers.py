"""Optimisers over named groups of weights."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from penchant.nn.sharded import is_sharded, part_of

BETAS = (0.9, 0.98)  # a shorter memory of squares than torch's .999: rare items' steps do not stay small for long
MOMENTUM = 0.9

Groups = list[dict[str, Any]]  # `Any`: weights and settings of a group, as torch takes them

OPTIMIZERS: Mapping[str, Callable[[Groups], Optimizer]] = {
    "adamw": lambda groups: AdamW(groups, betas=BETAS, fused=True),  # Loshchilov & Hutter 2019, arXiv:1711.05101
    "adam": lambda groups: Adam(groups, betas=BETAS, fused=True),  # Kingma & Ba 2015, arXiv:1412.6980
    "sgd": lambda groups: SGD(groups, lr=0.0, fused=True),
    "momentum": lambda groups: SGD(groups, lr=0.0, momentum=MOMENTUM, fused=True),
}

FUSED_BY_ROWS = ("adamw", "adam")  # of torch 2.13's fused steps only these take sharded weights


def optimizer_of(
    name: str, module: nn.Module, *, learning_rate: float, embedding_learning_rate: float | None, weight_decay: float
) -> Optimizer:
    """One of `OPTIMIZERS` with three groups of weights, and one of sharded embeddings, which no step mixes with others.

    Embeddings take their own learning rate (None = the common one); norms and biases are not decayed. Decay is apart from the
    gradient in AdamW and part of it in the others. Each group keeps its full rate as `base_lr`, which a schedule scales.
    """
    tables, matrices, vectors = _groups(module)
    embeddings, sharded = ([table for table in tables if is_sharded(table) == wanted] for wanted in (False, True))
    rate = learning_rate if embedding_learning_rate is None else embedding_learning_rate
    groups: Groups = [
        {"params": embeddings, "lr": rate, "base_lr": rate, "weight_decay": weight_decay},
        {"params": sharded, "lr": rate, "base_lr": rate, "weight_decay": weight_decay, "fused": name in FUSED_BY_ROWS},
        {"params": matrices, "lr": learning_rate, "base_lr": learning_rate, "weight_decay": weight_decay},
        {"params": vectors, "lr": learning_rate, "base_lr": learning_rate, "weight_decay": 0.0},
    ]
    return OPTIMIZERS[name]([group for group in groups if group["params"]])


def set_rates(optimizer: Optimizer, factor: float) -> None:
    """Put every group at `factor` of its full learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor


def optimizer_tensors(optimizer: Optimizer, module: nn.Module) -> dict[str, Tensor]:
    """What the optimiser remembers, as `weight name/what`."""
    names: dict[Tensor, str] = {parameter: name for name, parameter in module.named_parameters()}
    return {
        f"{names[parameter]}/{what}": value
        for parameter, memory in optimizer.state.items()
        for what, value in memory.items()
        if isinstance(value, torch.Tensor)
    }


def restore_optimizer(optimizer: Optimizer, module: nn.Module, tensors: dict[str, Tensor]) -> None:
    """The inverse of `optimizer_tensors`, from whole tables."""
    parameters = dict(module.named_parameters())
    for key, value in tensors.items():
        name, _, what = key.rpartition("/")
        parameter = parameters[name]
        mine = part_of(value, parameter) if value.shape == parameter.shape else value.to(parameter.device)  # steps are counted there, too
        optimizer.state.setdefault(parameter, {})[what] = mine


def _groups(module: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter], list[nn.Parameter]]:
    """(embeddings, other matrices, vectors), each in the order of the modules."""
    tables = {id(part.weight) for part in module.modules() if isinstance(part, nn.Embedding)}
    wanted = [parameter for parameter in module.parameters() if parameter.requires_grad]
    embeddings = [parameter for parameter in wanted if id(parameter) in tables]
    matrices = [parameter for parameter in wanted if parameter.ndim > 1 and id(parameter) not in tables]
    return embeddings, matrices, [parameter for parameter in wanted if parameter.ndim <= 1 and id(parameter) not in tables]
