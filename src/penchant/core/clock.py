"""Time is passed in: a clock is a function that returns UTC microseconds since 1970."""

import time
from collections.abc import Callable

import numpy as np

from penchant.core.types import IntArray, LongArray

Clock = Callable[[], int]

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def system_clock() -> int:
    """Now, UTC µs."""
    return time.time_ns() // 1000


def seconds_since(first: LongArray, times: LongArray) -> IntArray:
    """int32 whole seconds from `first` to `times`, both UTC µs; at most 2³¹ − 1."""
    seconds: IntArray = np.clip((times - first) // SECOND, 0, 2**31 - 1).astype(np.int32)
    return seconds
