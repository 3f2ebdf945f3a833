"""Where `penchant train` keeps what an interrupted training goes on from, and of which training that is.

<checkpoints>/<model>/<digest of the identity>/{identity.json, what the model saves as it trains}
"""

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

from penchant.core.differences import differences
from penchant.core.log import logger

IDENTITY = "identity.json"
CURSOR = "cursor"  # in it: where the store's events end that the training is of
GOES_ON_WITHIN = 86_400  # seconds since a training last kept something, in which it goes on although there are newer events


def folder_of(home: Path, identity: dict[str, Any]) -> Path:
    """The folder in `home`, which is one model's, of the training that is `identity`; the same finds it again. `Any`: JSON."""
    return home / hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def left_at(home: Path, settings: dict[str, Any]) -> int | None:
    """Where the events end of the latest training with these settings that was interrupted not long ago. `Any`: JSON."""
    found = []
    for left in home.glob("*"):
        kept = max((path.stat().st_mtime for path in left.rglob("*.safetensors")), default=0.0)
        saved = _saved(left) if kept > time.time() - GOES_ON_WITHIN else {}
        if isinstance(saved.get(CURSOR), int) and all(saved.get(key) == value for key, value in settings.items()):
            found.append((kept, saved[CURSOR]))
    return max(found)[1] if found else None


def begin(folder: Path, identity: dict[str, Any], cursor: int) -> None:
    """Write down in `folder` what it is for and where its events end; say so where a training of something else was left and nothing
    of this one.

    A disk that does not take it does not end the training. `Any`: JSON.
    """
    if not has_begun(folder):
        for left in sorted(folder.parent.glob("*")):
            if has_begun(left):
                changed = "; ".join(_what_changed(left, identity))
                logger.warning(
                    "%s: an interrupted training was left and this one begins anew, for they differ: %s", folder.parent.name, changed
                )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staging = folder / f".{IDENTITY}.new"
        staging.write_text(json.dumps({**identity, CURSOR: cursor}, indent=2, ensure_ascii=False), encoding="utf-8")
        os.replace(staging, folder / IDENTITY)
    except OSError as error:
        logger.warning("%s: nothing can be kept in case of an interruption (%s)", folder.parent.name, error)


def has_begun(folder: Path) -> bool:
    """Whether there is anything to go on from: a checkpoint, or a member that is done."""
    return any(folder.rglob("*.safetensors"))


def _what_changed(left: Path, identity: dict[str, Any]) -> list[str]:
    """In words, what keeps the training that is `identity` from going on in `left`. `Any`: JSON."""
    if not (saved := _saved(left)):
        return ["what it was of cannot be read"]
    others = ["the events are others"] if saved.get("data") != identity["data"] else []
    own, ours = ({key: value for key, value in each.items() if key not in ("data", CURSOR)} for each in (saved, identity))
    return others + differences(own, ours)


def _saved(left: Path) -> dict[str, Any]:
    """The identity and the cursor in `left`; nothing where they cannot be read. `Any`: JSON."""
    try:
        saved = json.loads((left / IDENTITY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return saved if isinstance(saved, dict) else {}
