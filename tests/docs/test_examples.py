import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TINY = ["--users", "60", "--items", "20", "--length", "8", "--epochs", "1", "--dim", "8"]


def test_the_tutorial_runs_from_reading_to_loading() -> None:
    pytest.importorskip("torch", reason="the tutorial trains SASRec, which needs torch")
    run = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "tutorial.py"), *TINY],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert run.returncode == 0, run.stderr
    assert "60 users, 20 items, 480 events" in run.stdout
    assert "ease " in run.stdout and "sasrec " in run.stdout
    assert run.stdout.rstrip().endswith("the answer is the same")


def test_the_library_example_of_the_readme_runs(tmp_path: Path) -> None:
    events = [f"u{user},i{(user + step) % 9},{1_700_000_000 + step}" for user in range(12) for step in range(5)]
    (tmp_path / "clicks.csv").write_text("\n".join(["user_id,item_id,timestamp", *events]))
    code = (ROOT / "README.md").read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "ndcg@10" in run.stdout


def test_the_model_of_the_guide_passes_the_contract(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "how-to" / "add-a-model.md").read_text(encoding="utf-8")
    blocks = [part.partition("```")[0] for part in guide.split("```python\n")[1:]]
    body = "class TestMine(ModelContract):\n    impersonal = frozenset({'mine'})"
    module = "\n\n".join(blocks).replace("class TestMine(ModelContract):\n    pass", body)
    (tmp_path / "test_mine.py").write_text(module)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path / "test_mine.py")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
