"""The exponential moving average of weights: smoother than any single step's, and often better."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from penchant.nn.sharded import own, part_of


class Average:
    """a ← d·a + (1 − d)·w after each step, with d = min(decay, (1 + n) / (10 + n)) at step n, so that the start is soon forgotten.

    Reference: Polyak & Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J. Control Optim. 1992; the
    growing decay is that of TensorFlow's `ExponentialMovingAverage`. What is no parameter (counters, say) is not averaged.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._module, self._decay = module, decay
        self.tensors = {name: parameter.detach().clone() for name, parameter in module.named_parameters()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after step number `step`, counted from 1."""
        decay = min(self._decay, (1 + step) / (10 + step))
        weights = [own(parameter) for _, parameter in self._module.named_parameters()]
        torch._foreach_lerp_([own(tensor) for tensor in self.tensors.values()], weights, 1 - decay)

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from these."""
        for name, tensor in tensors.items():
            self.tensors[name].copy_(part_of(tensor, self.tensors[name]))

    @torch.no_grad()
    def hand_out(self) -> None:
        """Leave the average in the module."""
        for name, parameter in self._module.named_parameters():
            parameter.copy_(self.tensors[name])

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside, the module's weights are the average; afterwards they are as they were."""
        before = {name: parameter.detach().clone() for name, parameter in self._module.named_parameters()}
        self.hand_out()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, parameter in self._module.named_parameters():
                    parameter.copy_(before[name])
