"""Where `penchant train` keeps what an interrupted training goes on from, and of which training that is.

<checkpoints>/<model>/<digest of the identity>/{identity.json, what the model saves as it trains}
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from penchant.core.differences import differences
from penchant.core.log import logger

IDENTITY = "identity.json"


def folder_of(home: Path, identity: dict[str, Any]) -> Path:
    """The folder in `home`, which is one model's, of the training that is `identity`; the same finds it again. `Any`: JSON."""
    return home / hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def begin(folder: Path, identity: dict[str, Any]) -> None:
    """Write down in `folder` what it is for, and say so where a training of something else was left and nothing of this one.

    A disk that does not take it does not end the training. `Any`: JSON.
    """
    if not _has_begun(folder):
        for left in sorted(folder.parent.glob("*")):
            if _has_begun(left):
                changed = "; ".join(_what_changed(left, identity))
                logger.warning(
                    "%s: an interrupted training was left and this one begins anew, for they differ: %s", folder.parent.name, changed
                )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staging = folder / f".{IDENTITY}.new"
        staging.write_text(json.dumps(identity, indent=2, ensure_ascii=False), encoding="utf-8")
        os.replace(staging, folder / IDENTITY)
    except OSError as error:
        logger.warning("%s: nothing can be kept in case of an interruption (%s)", folder.parent.name, error)


def _has_begun(folder: Path) -> bool:
    """Whether there is anything to go on from: a checkpoint, or a member that is done."""
    return any(folder.rglob("*.safetensors"))


def _what_changed(left: Path, identity: dict[str, Any]) -> list[str]:
    """In words, what keeps the training that is `identity` from going on in `left`. `Any`: JSON."""
    try:
        saved = dict(json.loads((left / IDENTITY).read_text(encoding="utf-8")))
        others = ["the events are others"] if saved.pop("data", None) != identity["data"] else []
        return others + differences(saved, {key: value for key, value in identity.items() if key != "data"})
    except (OSError, ValueError, TypeError) as error:
        return [f"what it was of cannot be read ({error})"]
