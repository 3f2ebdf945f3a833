"""One file = one model. `MODELS` lists them; a class is imported when it is first asked for, so torch stays optional."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.core.artifact import read_artifact
from penchant.core.catalogue import Catalogue

if TYPE_CHECKING:
    from penchant.models.base import Model

MODELS = Catalogue(
    "model",
    {
        "popular": "penchant.models.popular:Popular",
        "last-item": "penchant.models.last_item:LastItem",
        "item-knn": "penchant.models.item_knn:ItemKNN",
        "user-knn": "penchant.models.user_knn:UserKNN",
        "ease": "penchant.models.ease:EASE",
        "slim": "penchant.models.slim:SLIM",
        "als": "penchant.models.als:ALS",
        "bpr": "penchant.models.bpr:BPR",
        "graph-filter": "penchant.models.graph_filter:GraphFilter",
        "tifu-knn": "penchant.models.tifu_knn:TIFUKNN",
        "sasrec": "penchant.models.sasrec:SASRec",
        "esasrec": "penchant.models.esasrec:ESASRec",
        "hstu": "penchant.models.hstu:HSTU",
        "bert4rec": "penchant.models.bert4rec:BERT4Rec",
        "gru4rec": "penchant.models.gru4rec:GRU4Rec",
        "lstm": "penchant.models.lstm:LSTM",
        "caser": "penchant.models.caser:Caser",
        "mlp": "penchant.models.mlp:MLP",
        "ncf": "penchant.models.ncf:NCF",
        "two-tower": "penchant.models.two_tower:TwoTower",
        "item2vec": "penchant.models.item2vec:Item2Vec",
        "student": "penchant.models.student:Student",
        "exported": "penchant.models.exported:Exported",
        "auto": "penchant.models.auto:Auto",
    },
)

__all__ = [
    "ALS",
    "BPR",
    "EASE",
    "HSTU",
    "LSTM",
    "MLP",
    "MODELS",
    "NCF",
    "SLIM",
    "TIFUKNN",
    "Auto",
    "BERT4Rec",
    "Caser",
    "ESASRec",
    "Exported",
    "GRU4Rec",
    "GraphFilter",
    "Item2Vec",
    "ItemKNN",
    "LastItem",
    "Popular",
    "SASRec",
    "Student",
    "TwoTower",
    "UserKNN",
    "kind_of",
    "load",
    "untrained",
]


def kind_of(name: str, table: Mapping[str, Any]) -> "tuple[type[Model], dict[str, Any]]":
    """The class and the settings of the model that is called `name` and set by `table`, in which `model` names another class.

    Raises ConfigError where there is no such class, MissingExtraError. `Any`: settings, which the class checks.
    """
    settings = dict(table)
    listed = str(settings.pop("model", name))
    MODELS.check(listed, "models")
    return MODELS.load(listed), settings


def untrained(name: str, table: Mapping[str, Any], *, seed: int, **chosen: Any) -> "Model":
    """The model of `kind_of`, untrained, with this seed where it takes one and `table` names none; what is `chosen` comes first."""
    kind, settings = kind_of(name, table)
    seeded = {"seed": seed} if "seed" in kind.Config.model_fields else {}
    return kind(**{**seeded, **settings, **chosen})


def load(folder: str | Path) -> "Model":
    """The model saved in `folder`, of whatever class. Raises ArtifactError."""
    artifact = read_artifact(Path(folder))
    model: Model = MODELS.load(artifact.model).from_artifact(artifact)
    return model


def __getattr__(name: str) -> Any:
    """The model class called `name`. `Any`: each is a different class."""
    for listed in MODELS:
        if MODELS[listed].endswith(f":{name}"):
            return MODELS.load(listed)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; models: {', '.join(__all__)}")
