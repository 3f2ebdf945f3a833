"""How wide rows of numbers are padded where many stand side by side."""

import numpy as np

from penchant.core.types import LongArray


def width_of(lengths: LongArray) -> LongArray:
    """Lengths rounded up to one of eight steps an octave: 1 … 16, 18, 20 … 32, 36 …

    Few different shapes: each new one makes the matrix library compile and keep another kernel (ML-100K: 1.1 GB after six epochs
    of unrounded lengths). Padding grows by 3 % on average.
    """
    octaves = np.frexp(np.maximum(lengths - 1, 1))[1].astype(np.int64)  # 2^octave ≥ length
    steps = 2 ** np.maximum(octaves - 4, 0)
    widths: LongArray = -(-lengths // steps) * steps
    return widths
