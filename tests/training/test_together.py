"""Several processes train as one does."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from penchant.core.events import EventBatch
from penchant.core.processes import Processes, processes
from penchant.data.mapped import map_dataset, write_dataset
from penchant.models import HSTU, MODELS, Auto, Popular
from penchant.models.base import FitOptions
from penchant.scenarios import Project
from penchant.testing.data import everyday
from penchant.training.augment import Augment
from penchant.training.loader import Batch, WindowLoader

SETTINGS = {"dropout": 0.0, "precision": "float32", "epochs": 3, "embedding_dim": 16, "max_len": 8, "batch_size": 8, "context_dropout": 0.0}
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")

SCRIPT = """
import json, sys
from pathlib import Path
from penchant.core.processes import processes
from penchant.models import HSTU
from penchant.models.base import FitOptions
from penchant.testing.data import everyday
settings, folder = json.loads(sys.argv[1]), Path(sys.argv[2])
options = FitOptions(quiet=True, threads=1, checkpoint=folder / "checkpoint")
model = HSTU(**settings).fit(everyday(), options)
model.save(folder / str(processes().number))
"""


def launch(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*TORCHRUN, *command], capture_output=True, text=True, timeout=240, check=False)


def as_process(patch: pytest.MonkeyPatch, number: int, size: int) -> None:
    for name, value in {"MASTER_ADDR": "localhost", "RANK": number, "WORLD_SIZE": size, "LOCAL_RANK": number}.items():
        patch.setenv(name, str(value))


def test_the_environment_says_which_process_this_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processes() == Processes(0, 1, 0)
    as_process(monkeypatch, 1, 3)
    assert processes() == Processes(1, 3, 1)
    assert not processes().first
    as_process(monkeypatch, 0, 1)
    assert processes().size == 1


def told(batch: Batch) -> list[tuple[int, ...]]:
    """All that a batch says of each target."""
    places = (each.view(-1)[batch.real].tolist() for each in (batch.codes, batch.times, batch.asked, batch.read, batch.wanted))
    return list(zip(*places, batch.targets.tolist(), strict=True))


@pytest.mark.parametrize("of", [1, 2, 3, 50])
def test_shares_are_the_batch(of: int) -> None:
    data = everyday()
    loader = WindowLoader(data.interactions, start=data.n_items, max_len=6, batch_events=40, seed=0, augment=Augment(("mask", "crop"), 0.5))
    for batch in list(loader.epoch(1))[:3]:
        shares = [batch.part(number, of) for number in range(of)]
        assert sum(map(len, shares)) == len(batch)
        assert sorted(row for share in shares for row in told(share)) == sorted(told(batch))
        assert torch.equal(batch.part(0, 1).read, batch.read)


def test_two_processes_have_the_loss_curve_of_one(tmp_path: Path) -> None:
    alone = HSTU(**SETTINGS).fit(everyday(), FitOptions(quiet=True, threads=1))
    done = launch("--no-python", sys.executable, "-c", SCRIPT, json.dumps(SETTINGS), str(tmp_path))
    assert done.returncode == 0, done.stderr
    first, second = (HSTU.load(tmp_path / number) for number in "01")
    for point, expected in zip(first.facts["curve"], alone.facts["curve"], strict=True):
        assert point["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    requests = everyday().queries()
    np.testing.assert_array_equal(first.scores(requests), second.scores(requests))  # the same weights, to the bit
    np.testing.assert_allclose(first.scores(requests), alone.scores(requests), atol=1e-3)


@pytest.mark.parametrize(("setting", "values"), [("seed", (0, 1)), ("loss", ("softmax", "sampled"))])
def test_processes_that_disagree_are_told(tmp_path: Path, setting: str, values: tuple[object, object]) -> None:
    script = SCRIPT.replace("options =", f"settings[{setting!r}] = {values}[processes().number]\noptions =", 1)
    done = launch("--no-python", sys.executable, "-c", script, json.dumps(SETTINGS), str(tmp_path))
    assert done.returncode != 0
    assert "the processes [1] have other settings, data or checkpoints than process 0" in done.stderr


def project_at(folder: Path) -> None:
    with Project.create(folder) as project:
        rows = [(f"u{user}", f"i{(user + step) % 9}", 10**6 * (1_000 * user + step**3)) for user in range(30) for step in range(6)]
        project.events.append(EventBatch.of(pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")))
    settings = {**SETTINGS, "model": "hstu"}
    members = {"hstu": settings, "popular": {}, "item-knn": {}}
    inline = ", ".join(f'"{name}" = {table}' for name, table in ((name, _toml(table)) for name, table in members.items()))
    text = f'[models.auto]\nmodel = "auto"\nmembers = {{ {inline} }}\n[models.popular]\nmodel = "popular"\n'
    (folder / "penchant.toml").write_text(text + '[scenarios.home]\nkind = "for-you"\nretrievers = ["auto"]\n')


def _toml(table: dict[str, object]) -> str:
    return "{ " + ", ".join(f"{key} = {json.dumps(value)}" for key, value in table.items()) + " }"


def test_the_command_trains_together_and_publishes_once(tmp_path: Path) -> None:
    project_at(tmp_path / "shop")
    (tmp_path / "shop" / ".shared-1").mkdir()  # as a training leaves it that was killed while it was written
    done = launch("-m", "penchant", "train", "--dir", str(tmp_path / "shop"), "--quiet", "--json")
    assert done.returncode == 0, done.stderr
    assert [each["name"] for each in json.loads(done.stdout)["trained"]] == ["auto", "popular"]  # the first process alone speaks
    with Project.open(tmp_path / "shop") as project:
        assert len(project.artifacts.versions("auto")) == len(project.artifacts.versions("popular")) == 1
        assert project.artifacts.live("auto")
    assert not list((tmp_path / "shop").glob(".shared*"))


def test_other_commands_are_for_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from penchant.cli import build_app

    as_process(monkeypatch, 1, 2)
    error = CliRunner().invoke(build_app(), ["evaluate", "--dir", str(tmp_path)]).exception
    assert "only `penchant train` shares its work" in str(error)


def test_what_is_counted_is_for_the_first_process(monkeypatch: pytest.MonkeyPatch) -> None:
    as_process(monkeypatch, 1, 2)
    assert Popular().fit(everyday()).items is None
    as_process(monkeypatch, 0, 2)
    assert Popular().fit(everyday()).n_items == everyday().n_items


@pytest.mark.parametrize(("member", "ends"), [("hstu", True), ("item-knn", False)])
def test_only_what_the_others_wait_in_ends_them_all(monkeypatch: pytest.MonkeyPatch, member: str, *, ends: bool) -> None:
    def full(*_: object) -> None:
        raise MemoryError("no room")

    as_process(monkeypatch, 0, 2)
    monkeypatch.setattr(MODELS.load(member), "_fit", full)
    members = {name: {} for name in (member, "popular")}
    if ends:
        with pytest.raises(MemoryError, match="no room"):
            Auto(members=members).fit(everyday())
    else:
        assert list(Auto(members=members).fit(everyday()).trained) == ["popular"]


def test_a_mapped_data_set_is_the_same(tmp_path: Path) -> None:
    data = everyday()
    write_dataset(replace(data, user_features=None, name="x", facts={"a": 1}), tmp_path)
    found = map_dataset(tmp_path)
    assert found.fingerprint == data.fingerprint
    assert (found.name, found.facts) == ("x", {"a": 1})
    assert found.item_features is not None
    assert data.item_features is not None
    assert found.item_features.equals(data.item_features)
    assert found.user_features is None
    assert not found.interactions.items.flags.owndata


@pytest.mark.long
@pytest.mark.parametrize("more", [{}, {"loss": "sampled", "negatives": 8, "ema": 0.9}], ids=["whole", "sharded"])
def test_killed_at_random_two_processes_go_on_to_the_same_bits(tmp_path: Path, more: dict[str, object]) -> None:
    settings = {**SETTINGS, "dropout": 0.2, "epochs": 400, **more}
    often = "import functools\nfrom penchant.models import learning\n"
    often += "learning.Run = functools.partial(learning.Run, checkpoint_every_s=0.1)\n"
    script = SCRIPT.replace("settings, folder =", f"{often}settings, folder =", 1)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    command = ("--no-python", sys.executable, "-c", script, json.dumps(settings))
    assert launch(*command, str(whole)).returncode == 0
    for _ in range(3):
        running = subprocess.Popen([*TORCHRUN, *command, str(cut)], start_new_session=True, stderr=subprocess.DEVNULL)
        file = cut / "checkpoint" / "training.safetensors"
        before = file.stat().st_mtime_ns if file.exists() else 0
        while running.poll() is None and not (file.exists() and file.stat().st_mtime_ns != before):
            time.sleep(0.05)
        assert running.poll() is None, "training was over before it could be killed"
        os.killpg(running.pid, signal.SIGKILL)
        for child in subprocess.run(["pgrep", "-f", str(cut)], capture_output=True, text=True, check=False).stdout.split():
            os.kill(int(child), signal.SIGKILL)  # torchrun gives its processes sessions of their own
        running.wait()
    assert launch(*command, str(cut)).returncode == 0
    for name, array in HSTU.load(whole / "0").artifact().arrays.items():
        np.testing.assert_array_equal(array, HSTU.load(cut / "0").artifact().arrays[name])
