"""Where the random numbers of a forward pass come from: torch's own generator, or that of a thread that works beside others."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_of_thread = threading.local()


def generator() -> torch.Generator | None:
    """What a draw takes as `generator`; None = torch's own."""
    found: torch.Generator | None = getattr(_of_thread, "generator", None)
    return found


@contextmanager
def drawing_from(own: torch.Generator) -> Iterator[None]:
    """Inside, this thread draws from `own`, so that what it draws does not depend on what other threads draw meanwhile."""
    before, _of_thread.generator = generator(), own
    try:
        yield
    finally:
        _of_thread.generator = before
