"""penchant: a self-hosted recommender built on large models.

    from penchant import Dataset, evaluate, load
    from penchant.models import EASE, SASRec

The names below are imported when they are first used, so that `import penchant` is quick and needs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penchant.data import Dataset
    from penchant.evaluation import evaluate
    from penchant.models import load

__version__ = "0.1.0"

_HOME = {"Dataset": "penchant.data", "evaluate": "penchant.evaluation", "load": "penchant.models"}

__all__ = ["Dataset", "__version__", "evaluate", "load"]


def __getattr__(name: str) -> Any:
    """The public object called `name`. `Any`: each is of another kind."""
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'penchant' has no attribute {name!r}; public: {', '.join(__all__)}")
