"""Time is passed in: a clock is a function that returns UTC microseconds since 1970."""

import time
from collections.abc import Callable

Clock = Callable[[], int]

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def system_clock() -> int:
    """Now, UTC µs."""
    return time.time_ns() // 1000
