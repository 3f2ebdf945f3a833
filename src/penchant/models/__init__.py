"""One file = one model. `MODELS` lists them; a class is imported when it is first asked for, so torch stays optional."""

from typing import Any

from penchant.core.catalogue import Catalogue

MODELS = Catalogue(
    "model",
    {
        "popular": "penchant.models.popular:Popular",
        "last-item": "penchant.models.last_item:LastItem",
        "item-knn": "penchant.models.item_knn:ItemKNN",
        "user-knn": "penchant.models.user_knn:UserKNN",
        "ease": "penchant.models.ease:EASE",
        "als": "penchant.models.als:ALS",
        "sasrec": "penchant.models.sasrec:SASRec",
    },
)

__all__ = ["ALS", "EASE", "MODELS", "ItemKNN", "LastItem", "Popular", "SASRec", "UserKNN"]


def __getattr__(name: str) -> Any:
    """The model class called `name`. `Any`: each is a different class."""
    for listed in MODELS:
        if MODELS[listed].endswith(f":{name}"):
            return MODELS.load(listed)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; models: {', '.join(__all__)}")
