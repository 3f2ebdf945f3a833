"""Every error penchant raises on purpose.

    PenchantError
    ├── ConfigError            a setting is wrong; lists every problem at once
    ├── DataError              an input file or table is wrong
    │   ├── SchemaError        … and the column and row are known
    │   └── UnknownIdError     … an id is not in the vocabulary
    ├── NotFittedError         a model was asked before `fit`
    ├── TrainingError          training cannot go on: a loss or weight is not a number
    ├── ArtifactError          a saved model cannot be used
    │   ├── ArtifactNotFound
    │   ├── ArtifactCorrupt
    │   └── ArtifactIncompatible
    ├── StoreError             a store failed
    │   ├── StoreUnavailable   … and a retry may help
    │   │   └── StoreFull      … once there is space on the disk
    │   └── StoreConflict
    ├── PipelineError          a stage of a request failed
    ├── RequestError           the caller's mistake: the only ones that become 4xx
    └── MissingExtraError      an optional dependency is not installed; names the pip line

A text holds what is wrong, the value, where, and what is allowed or what to do next. Never a secret, never personal data.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class PenchantError(Exception):
    """Root of the tree; the command line prints its text without a traceback."""


class ConfigError(PenchantError):
    """One or more settings are wrong; `problems` lists them all."""

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class DataError(PenchantError):
    """An input file or table is wrong."""


class SchemaError(DataError):
    """A column of an input is missing, ambiguous, or holds a value of the wrong kind."""


class UnknownIdError(DataError):
    """An external id is not in the vocabulary."""


class NotFittedError(PenchantError):
    """A model was used before `fit`."""


class TrainingError(PenchantError):
    """Training cannot go on."""


class ArtifactError(PenchantError):
    """A saved model cannot be used."""


class ArtifactNotFound(ArtifactError):
    """No artifact at this place."""


class ArtifactCorrupt(ArtifactError):
    """The artifact's bytes differ from what its manifest promises."""


class ArtifactIncompatible(ArtifactError):
    """The artifact is whole, but made by another class or format version."""


class StoreError(PenchantError):
    """A store failed; `retryable` says whether the same call may succeed later."""

    retryable = False


class StoreUnavailable(StoreError):
    """The store cannot be reached or is full."""

    retryable = True


class StoreFull(StoreUnavailable):
    """The disk, or the quota on it, is full; nothing was stored."""


class StoreConflict(StoreError):
    """Somebody else holds or changed what this call needs."""


class PipelineError(PenchantError):
    """A stage failed; the text names scenario, stage and component."""


class RequestError(PenchantError):
    """The caller's mistake. `field` names the input; `status` is its HTTP status (4xx)."""

    def __init__(self, message: str, *, field: str | None = None, status: int = 422) -> None:
        self.field = field
        self.status = status
        super().__init__(message)


class MissingExtraError(PenchantError):
    """An optional dependency is not installed."""

    def __init__(self, needs: str, extra: str) -> None:
        super().__init__(f"{needs} needs an optional part: {how_to_install(extra)}")


def how_to_install(extra: str) -> str:
    """The command that brings an optional part, for a package and for a copy of the repository."""
    return f"pip install 'penchant[{extra}]', or in a copy of the repository pip install '.[{extra}]'"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A clause naming the nearest known name and all of them: `; did you mean 'x'? known: x, y`."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    return f"{hint} known: {', '.join(names)}"
