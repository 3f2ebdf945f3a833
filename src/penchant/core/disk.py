"""What was written is on the disk: the one place that says so to the operating system."""

import os
from pathlib import Path


def fsync(path: Path) -> None:
    """Returns when the file, or the list of files that a folder is, has reached the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
