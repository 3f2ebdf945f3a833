"""What the loop asks of something that is trained."""

from collections.abc import Sequence
from typing import Protocol, Self, TypeVar

from torch import Tensor, nn


class Parted(Protocol):
    """A batch knows how many targets it has, and can be shared out."""

    def __len__(self) -> int:
        """Number of targets."""
        ...

    def part(self, number: int, of: int) -> Self:
        """Share `number` of `of`: each target is in one of them, and a share may have none."""
        ...


B = TypeVar("B", bound=Parted)


class Task(Protocol[B]):
    """What is trained."""

    module: nn.Module
    validates: bool  # whether there is something to validate on; alike in all processes
    divisible: bool  # whether shares of a batch may be worked out apart, which a loss that compares its targets forbids

    def batches(self, epoch: int) -> Sequence[B]:
        """The batches of one epoch: a function of its number alone."""
        ...

    def loss(self, batch: B) -> Tensor:
        """The mean loss over the batch's targets, a scalar."""
        ...

    def validate(self) -> float | None:
        """NDCG@10 of the weights as they are, asked only where `validates`; None = it says nothing about them."""
        ...
