"""How the learning rate goes from the first step to the last: factors in [0, 1] as a function of the share of training done."""

import math
from collections.abc import Callable

Schedule = Callable[[float], float]

DROPS = (0.5, 0.75)  # shares of training after which `step` falls to a tenth


def warmup_cosine(warmup: float, *, floor: float = 0.0) -> Schedule:
    """Rises in a straight line over the first `warmup` share of training, then falls along half a cosine to `floor`."""

    def factor(done: float) -> float:
        if done < warmup:
            return _ramp(done, warmup)
        share = (done - warmup) / (1 - warmup)
        return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * share))

    return factor


def constant(warmup: float) -> Schedule:
    """Rises in a straight line over the first `warmup` share of training, then stays."""

    def factor(done: float) -> float:
        return _ramp(done, warmup) if done < warmup else 1.0

    return factor


def step(warmup: float) -> Schedule:
    """Rises in a straight line over the first `warmup` share of training, then falls to a tenth at each of `DROPS`."""

    def factor(done: float) -> float:
        if done < warmup:
            return _ramp(done, warmup)
        return 0.1 ** sum(done >= drop for drop in DROPS)

    return factor


SCHEDULES: dict[str, Callable[[float], Schedule]] = {"cosine": warmup_cosine, "constant": constant, "step": step}


def _ramp(done: float, warmup: float) -> float:
    return 0.01 + 0.99 * done / warmup  # the first step must move, too
