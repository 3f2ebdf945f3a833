"""What was written is on the disk, or why it is not: the one place that asks the operating system."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

_NUMBER = re.compile(r"\(os error (\d+)\)")


def fsync(path: Path) -> None:
    """Returns when the file, or the list of files that a folder is, has reached the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def writing_tensors(path: Path) -> Iterator[None]:
    """Inside, a disk that does not take tensors raises OSError: safetensors raises its own class, the number in its text alone."""
    try:
        yield
    except SafetensorError as error:
        if number := _NUMBER.search(str(error)):
            raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from None
        raise OSError(errno.EIO, str(error), str(path)) from None
