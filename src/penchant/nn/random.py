"""Where the random numbers of a forward pass come from: torch's generator, or that of a thread that works beside others.

What torch draws from by itself belongs to the process. A generator passed through every module's `forward` would be the alternative.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_of_thread = threading.local()


def own_generator() -> torch.Generator | None:
    """What a draw takes as `generator`: that of this thread; None = torch's."""
    found: torch.Generator | None = getattr(_of_thread, "generator", None)
    return found


@contextmanager
def drawing_from(generator: torch.Generator) -> Iterator[None]:
    """Inside, this thread draws from `generator`, so that what it draws does not depend on what other threads draw meanwhile."""
    before, _of_thread.generator = own_generator(), generator
    try:
        yield
    finally:
        _of_thread.generator = before
