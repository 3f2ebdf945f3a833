"""Optimisers over named groups of weights."""

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

BETAS = (0.9, 0.98)  # a shorter memory of squares than torch's .999: rare items' steps do not stay small for long


def adamw(module: nn.Module, *, learning_rate: float, embedding_learning_rate: float | None, weight_decay: float) -> Optimizer:
    """AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) with three groups of weights.

    Embeddings take their own learning rate (None = the common one); norms and biases are not decayed. Each group keeps its
    full rate as `base_lr`, which a schedule scales.
    """
    embeddings, matrices, vectors = _groups(module)
    rate = learning_rate if embedding_learning_rate is None else embedding_learning_rate
    groups = [
        {"params": embeddings, "lr": rate, "base_lr": rate, "weight_decay": weight_decay},
        {"params": matrices, "lr": learning_rate, "base_lr": learning_rate, "weight_decay": weight_decay},
        {"params": vectors, "lr": learning_rate, "base_lr": learning_rate, "weight_decay": 0.0},
    ]
    return AdamW([group for group in groups if group["params"]], betas=BETAS, fused=True)


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
    """The inverse of `optimizer_tensors`."""
    parameters = dict(module.named_parameters())
    for key, value in tensors.items():
        name, _, what = key.rpartition("/")
        parameter = parameters[name]
        optimizer.state.setdefault(parameter, {})[what] = value.to(parameter.device)  # a fused optimiser counts its steps there, too


def _groups(module: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter], list[nn.Parameter]]:
    """(embeddings, other matrices, vectors), each in the order of the modules."""
    tables = {id(part.weight) for part in module.modules() if isinstance(part, nn.Embedding)}
    wanted = [parameter for parameter in module.parameters() if parameter.requires_grad]
    embeddings = [parameter for parameter in wanted if id(parameter) in tables]
    matrices = [parameter for parameter in wanted if parameter.ndim > 1 and id(parameter) not in tables]
    return embeddings, matrices, [parameter for parameter in wanted if parameter.ndim <= 1 and id(parameter) not in tables]
