"""Linear maps, with an activation after them; when answering on a CPU, by the library that is fastest there."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Activation = Literal["none", "gelu", "silu"]

_TWINS: Mapping[Activation, Callable[[Tensor], Tensor]] = {"none": lambda x: x, "gelu": F.gelu, "silu": F.silu}
_FUSED = {"none": "none", "gelu": "gelu", "silu": "swish"}  # as oneDNN calls them
MANY = 3_800  # rows, which only full batches of requests have; oneDNN keeps a kernel (0.3–0.9 MB) for each number, and those are few


class Linear(nn.Linear):
    """`activation(x·Wᵀ + b)`, [..., I] → [..., O]; weights as those of torch's own."""

    def __init__(self, n_inputs: int, n_outputs: int, activation: Activation = "none") -> None:
        super().__init__(n_inputs, n_outputs)
        self.activation: Activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """[..., O]."""
        return linear(x, self.weight, self.bias, self.activation)


def linear_plain(x: Tensor, weight: Tensor, bias: Tensor | None = None, activation: Activation = "none") -> Tensor:
    """`activation(x·weightᵀ + bias)`, [..., I] → [..., O], by torch's own parts."""
    return _TWINS[activation](F.linear(x, weight, bias))


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None, activation: Activation = "none") -> Tensor:
    """What `linear_plain` says, to 1e-6 of the largest number.

    In inference mode, float32 on a CPU, many rows, by oneDNN: torch takes MKL there, which leaves half of the width of other makers'
    vector units unused, adds the bias in a pass of its own and the activation in another. 16,384 rows of 64 to 64 and 256 numbers on
    one Zen 4 core: 200 GFLOP/s instead of 80, with GELU 150 instead of 70.
    """
    if not _by_onednn(x):
        return linear_plain(x, weight, bias, activation)
    result: Any = torch.ops.mkldnn._linear_pointwise(x, weight, bias, _FUSED[activation], [], "none")  # `Any`: operators are not typed
    return result  # type: ignore[no-any-return]


def _by_onednn(x: Tensor) -> bool:
    return (
        torch.is_inference_mode_enabled()
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and x.numel() >= MANY * x.shape[-1]
        and not torch.is_autocast_enabled("cpu")
        and _HAS_ONEDNN
    )


_HAS_ONEDNN = bool(torch.backends.mkldnn.is_available()) and hasattr(torch.ops.mkldnn, "_linear_pointwise")  # type: ignore[no-untyped-call]
