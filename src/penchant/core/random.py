"""Randomness is passed in: one seed and a purpose give one independent, reproducible stream."""

import hashlib

import numpy as np


def generator(seed: int, purpose: str = "") -> np.random.Generator:
    """A numpy generator that depends on `seed` and `purpose` only."""
    digest = hashlib.sha256(purpose.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])
