import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from penchant.core.errors import ArtifactNotFound
from penchant.core.events import EventBatch
from penchant.jobs.train import train
from penchant.scenarios import Engine, Project, Request
from penchant.scenarios.project import CURSOR

pytest.importorskip("torch", reason="what is exported was trained with torch")
pytest.importorskip("onnxscript", reason="exporting needs penchant[export]")

from penchant.jobs.export import FROM, export

CONFIG = """
[models.main]
model = "sasrec"
max_len = 8
embedding_dim = 8
n_layers = 1
epochs = 2

[models.popular]

[scenarios.home]
kind = "for-you"
retrievers = ["main"]
"""

# The engine of a server, without torch.
ANSWER = """
import sys
sys.modules["torch"] = None
from penchant.scenarios import Engine, Project, Request
with Project.open(sys.argv[1]) as project:
    answer = Engine(project).recommend(Request("home", user_id="u1"))
print(answer.model_version, *(item.item_id for item in answer.items))
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "penchant.toml").write_text(CONFIG, encoding="utf-8")
    opened = Project.open(tmp_path)
    rows = [(f"u{user}", f"i{(user + step) % 9}", 1_000 * user + step) for user in range(9) for step in range(4)]
    opened.events.append(EventBatch.of(pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")))
    return opened


def test_an_exported_version_is_served_without_torch_and_answers_the_same(project: Project) -> None:
    (trained,) = train(project, "main", quiet=True)
    before = [item.item_id for item in Engine(project).recommend(Request("home", user_id="u1")).items]
    version, problem = export(project, "main", publish=True)
    assert not problem
    assert project.artifacts.live("main") == version != trained.version
    run = subprocess.run([sys.executable, "-c", ANSWER, str(project.dir)], check=True, capture_output=True, text=True)
    assert run.stdout.split() == [version, *before]


def test_a_version_is_exported_beside_what_is_live(project: Project) -> None:
    (trained,) = train(project, "main", quiet=True)
    version, problem = export(project, trained.version, int8=True)
    assert problem == "not asked for"
    assert project.artifacts.live("main") == trained.version
    artifact = project.artifacts.get(version)
    assert (artifact.model, artifact.config["int8"], artifact.facts[FROM]) == ("exported", True, trained.version)
    assert artifact.facts[CURSOR] == project.artifacts.get(trained.version).facts[CURSOR]


def test_exporting_what_nobody_published_says_so(project: Project) -> None:
    with pytest.raises(ArtifactNotFound, match="no version of 'main' is published"):
        export(project, "main")
