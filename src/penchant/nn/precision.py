"""The number format of matrix products."""

import torch


def products_in(dtype: torch.dtype, device: torch.device) -> torch.autocast:
    """Inside, matrix products on `device` are in `dtype`; float32 leaves them as they are.

    Autocast keeps no casts of weights: its store of them is one for all threads, and a weight used twice would have its gradient summed
    in one format or the other, whichever thread came first.
    """
    return torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32, cache_enabled=False)
