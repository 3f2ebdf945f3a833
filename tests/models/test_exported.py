"""What an exported model promises beyond the contract that all models pass."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penchant.core.artifact import write_artifact
from penchant.core.errors import ArtifactError, ConfigError
from penchant.core.types import Queries
from penchant.models import Auto, Exported, ItemKNN, LastItem, load
from penchant.models.base import FitOptions
from penchant.testing.contract import assert_alike
from penchant.testing.data import everyday

pytest.importorskip("torch", reason="what is exported was trained with torch")
pytest.importorskip("onnxscript", reason="exporting needs penchant[export]")

from penchant.models import export
from penchant.models.bert4rec import BERT4Rec
from penchant.models.encoder import EncoderModel
from penchant.models.esasrec import ESASRec
from penchant.models.hstu import HSTU
from penchant.models.mlp import MLP
from penchant.models.ncf import NCF
from penchant.models.sasrec import SASRec

QUIET = FitOptions(quiet=True)
SMALL: dict[str, Any] = {"max_len": 12, "embedding_dim": 16, "n_layers": 1, "epochs": 2, "batch_size": 4, "precision": "float32"}

# Without torch: read an artifact, recommend for everybody, and prove that nothing imported it.
WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
import numpy as np
from penchant.models import load
from penchant.testing.data import everyday
found = load(sys.argv[1]).recommend(everyday().queries(), 5)
np.save(sys.argv[2], found.items)
assert sys.modules["torch"] is None
"""


def trained(kind: type[EncoderModel], **settings: Any) -> EncoderModel:
    return kind(**{**SMALL, **settings}).fit(everyday(), QUIET)


@pytest.fixture(scope="module")
def model() -> EncoderModel:
    return trained(SASRec)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (SASRec, {"temperature": None}),
        (ESASRec, {}),
        (HSTU, {}),
        (SASRec, {"position": "rotary", "head": "mixture", "inputs": ("event_type", "value")}),
        (SASRec, {"inputs": ("scenario",)}),
        (SASRec, {"inputs": ("value",)}),
        (HSTU, {"inputs": ("event_type", "value", "scenario")}),
        (HSTU, {"time": "history", "relative_bias": "layer", "attention": "softmax", "n_layers": 2}),
        (SASRec, {"n_layers": 0}),
        (BERT4Rec, {}),
        (BERT4Rec, {"position": "rotary", "n_layers": 2}),
        (MLP, {}),
        (NCF, {}),
        (SASRec, {"head": "neumf", "loss": "bce", "negatives": 8}),
    ],
    ids=[
        "dot products",
        "esasrec",
        "hstu",
        "mixture and inputs",
        "places",
        "values",
        "time and places",
        "time between",
        "no layers",
        "gaps",
        "gaps and turns",
        "mlp",
        "ncf",
        "network over attention",
    ],
)
def test_scores_equal_those_of_torch(kind: type[EncoderModel], settings: dict[str, Any]) -> None:
    model = trained(kind, **settings)
    exported = Exported.of(model)
    everybody = everyday().queries()
    one_long_wait = Queries.of([[1, 2, 3]], timestamps=[[0, 5_000_000, 10**12]], at=10**15)
    in_the_cart, nowhere = (replace(everybody, scenario=place) for place in ("cart", "nobody knows"))
    for queries in (everybody, in_the_cart, nowhere, everyday().queries([0]), one_long_wait, Queries.of([[], [1], list(range(15))])):
        np.testing.assert_allclose(exported.scores(queries), model.scores(queries), rtol=1e-4, atol=1e-4)


def test_the_same_model_gives_the_same_bytes(model: EncoderModel) -> None:
    ours, theirs = (Exported.of(model).artifact().arrays for _ in range(2))
    assert all(ours[name].tobytes() == theirs[name].tobytes() for name in ours)


def test_a_process_without_torch_answers_the_same(model: EncoderModel, tmp_path: Path) -> None:
    Exported.of(model).save(tmp_path / "exported")
    told = [sys.executable, "-c", WITHOUT_TORCH, str(tmp_path / "exported"), str(tmp_path / "found.npy")]
    subprocess.run(told, check=True, capture_output=True)
    np.testing.assert_array_equal(np.load(tmp_path / "found.npy"), model.recommend(everyday().queries(), 5).items)


def test_a_graph_that_answers_otherwise_is_refused(model: EncoderModel) -> None:
    other = Exported.of(trained(SASRec, seed=1))
    with pytest.raises(ArtifactError, match="the graph that torch made of it scores otherwise"):
        export.check_alike(model, other)


def test_whole_numbers_answer_everybody_as_if_alone(model: EncoderModel) -> None:
    exported, queries = Exported.of(model, int8=True), everyday().queries()
    alone = [exported.scores(queries.take(np.array([row]))) for row in range(len(queries))]
    np.testing.assert_array_equal(exported.scores(queries), np.concatenate(alone))


def test_int8_takes_less_and_answers_nearly_the_same(model: EncoderModel) -> None:
    queries = everyday().queries()
    plain, rounded = Exported.of(model), Exported.of(model, int8=True)
    assert rounded.artifact().arrays["items"].nbytes * 4 == plain.artifact().arrays["items"].nbytes
    assert rounded.artifact().arrays["graph"].nbytes < plain.artifact().arrays["graph"].nbytes
    scores = plain.scores(queries)
    assert np.abs(rounded.scores(queries) - scores).max() < 0.02 * np.abs(scores).max()


def test_rounding_is_by_at_most_half_a_step_of_the_row() -> None:
    weight = np.random.default_rng(0).normal(size=(9, 16)).astype(np.float32)
    weight[4] = 0
    codes, scales = export.rounded(weight)
    assert codes.dtype == np.int8
    assert (np.abs(codes * scales[:, None] - weight) <= scales[:, None] / 2 + 1e-6).all()


def test_a_blend_is_exported_with_its_members(tmp_path: Path) -> None:
    dataset = everyday()
    blend = Auto(members={"sasrec": SMALL, "last-item": {}}, worth=0.0).fit(dataset, QUIET)
    if "sasrec" not in blend.facts["members"]:
        pytest.fail("the blend of this test must keep its sequence model")
    write_artifact(export.export(blend.artifact()), tmp_path / "blend")
    exported = load(tmp_path / "blend")
    assert isinstance(exported, Auto)
    assert exported.config.members["sasrec"]["model"] == "exported"
    assert_alike(exported.scores(dataset.queries()), blend.scores(dataset.queries()))


def test_what_needs_no_torch_is_not_exported() -> None:
    for other in (ItemKNN(), LastItem()):
        with pytest.raises(ConfigError, match="is no sequence model; only those are exported"):
            Exported.of(other.fit(everyday(), QUIET))
    with pytest.raises(ConfigError, match=r"exported\.of: 'ease' is no sequence model"):
        Exported(of="ease").fit(everyday(), QUIET)
    blend = Auto(members={"last-item": {}}).fit(everyday(), QUIET)
    with pytest.raises(ConfigError, match="none of its members needs torch: last-item"):
        export.export(blend.artifact())


def test_wrong_settings_are_named() -> None:
    with pytest.raises(ConfigError, match="no such model; did you mean 'sasrec'"):
        Exported(of="sasrek")
    with pytest.raises(ConfigError, match="n_layer: no such setting; did you mean 'n_layers'"):
        Exported(settings={"n_layer": 2}).fit(everyday(), QUIET)
    with pytest.raises(ConfigError, match="max_len must be at least 3"):
        Exported(settings={**SMALL, "max_len": 2}).fit(everyday(), QUIET)


def test_a_graph_that_works_out_scores_answers_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    exported, queries = Exported.of(trained(NCF)), everyday().queries()
    whole = exported.scores(queries)
    monkeypatch.setattr("penchant.models.exported.CELLS", 3 * exported.n_items)
    assert len(list(exported._inputs(queries))) >= len(queries) / 3
    np.testing.assert_allclose(exported.scores(queries), whole, rtol=1e-5, atol=1e-5)
