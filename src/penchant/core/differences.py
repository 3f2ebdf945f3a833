"""What differs between two tables of settings, in words: why one training cannot go on from what another one left."""

from collections.abc import Mapping
from typing import Any


def differences(saved: Mapping[str, Any], now: Mapping[str, Any], where: str = "") -> list[str]:
    """One line a difference: `config.dropout: 0.2 → 0.5`. `Any`: JSON values."""
    lines = []
    for key in sorted({*saved, *now}):
        old, new = saved.get(key), now.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            lines += differences(old, new, f"{where}{key}.")
        elif old != new:
            lines.append(f"{where}{key}: {old!r} → {new!r}")
    return lines
