"""Which of several processes this is: `torchrun` starts them and says so in the environment."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Processes:
    """Process `number` of `size` that do one job together."""

    number: int = 0
    size: int = 1
    local: int = 0  # its number on this machine

    @property
    def first(self) -> bool:
        """Whether this one does what only one may do: write, publish, report."""
        return self.number == 0


def processes() -> Processes:
    """As the environment says; one process where it says nothing."""
    told = os.environ
    if "MASTER_ADDR" not in told or not told.get("WORLD_SIZE", "").isdigit():
        return Processes()
    number, size = int(told.get("RANK", 0)), int(told["WORLD_SIZE"])
    return Processes(number, size, int(told.get("LOCAL_RANK", number))) if size > 1 else Processes()
