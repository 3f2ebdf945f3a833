import importlib.util

import pytest

from penchant.models import MODELS
from penchant.testing.contract import Make, ModelContract

# Settings that train in a moment; a model that is not listed is fast as it is.
FAST = {
    "sasrec": {
        "max_len": 20,
        "embedding_dim": 16,
        "n_layers": 1,
        "epochs": 10,
        "batch_size": 4,
        "learning_rate": 0.02,
        "dropout": 0.0,
        "precision": "float32",
    },
}
FAST |= dict.fromkeys(("esasrec", "hstu", "bert4rec", "gru4rec", "lstm", "caser", "mlp", "ncf", "two-tower"), FAST["sasrec"])
FAST["bert4rec"] = {**FAST["sasrec"], "epochs": 24}  # only gaps are targets
FAST["mlp"] = {**FAST["sasrec"], "epochs": 20}
FAST["item2vec"] = {"max_len": 20, "embedding_dim": 16, "epochs": 20, "batch_size": 4, "learning_rate": 0.05}
FAST["exported"] = {"of": "sasrec", "settings": {**FAST["sasrec"], "n_layers": 0}}  # a graph of few parts is made sooner
PLAIN = {"attention": "softmax", "feed_forward": "gelu", "position": "learned", "time": "none"}
FAST["student"] = {**FAST["sasrec"], **PLAIN, "teacher": {"model": "sasrec", **FAST["sasrec"]}}  # twice as many steps: no time to drift
FAST["tifu-knn"] = {"neighbours": 5}  # of the few people of a tiny data set
FAST["auto"] = {"members": {"sasrec": FAST["sasrec"], "last-item": {}, "item-knn": {}, "popular": {}}}
SEQUENCES = {"sasrec", "esasrec", "hstu", "bert4rec", "gru4rec", "lstm", "caser", "mlp", "ncf", "two-tower", "item2vec"}
NEEDS_TORCH = {"auto", "exported", "student"} | SEQUENCES


@pytest.fixture(scope="module", params=list(MODELS))
def make(request: pytest.FixtureRequest) -> Make:
    name = request.param
    if name in NEEDS_TORCH and importlib.util.find_spec("torch") is None:
        pytest.skip(f"{name} needs torch, which is not installed")
    kind = MODELS.load(name)
    return lambda: kind(**FAST.get(name, {}))


class TestModel(ModelContract):
    impersonal = frozenset({"popular"})
