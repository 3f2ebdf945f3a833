"""Tables whose rows two processes divide are those of one."""

import json
from pathlib import Path

import divided
import numpy as np
import pytest
from divided import CASES, SIZES, codes, data, fitted, table
from safetensors import safe_open
from test_together import launch

from penchant.models import load
from penchant.training.checkpoint import FILE

SCRIPT = divided.__file__
SHARDED = [case for case in CASES if case != "softmax"]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes left of all cases."""
    folder = tmp_path_factory.mktemp("cases")
    done = launch(SCRIPT, "train", str(folder), *CASES)
    assert done.returncode == 0, done.stderr
    return folder


def test_a_divided_table_is_looked_up_as_a_whole_one(tmp_path: Path) -> None:
    done = launch(SCRIPT, "lookup", str(tmp_path))
    assert done.returncode == 0, done.stderr
    parts = [np.load(tmp_path / f"{number}.npz") for number in range(2)]
    for rows in SIZES:
        whole = table(rows)
        for number, part in enumerate(parts):
            first, second = whole(codes(number, rows)), whole(codes(1 - number, rows))
            ((1 + number) * first.pow(2).sum() + second.sum()).backward()
            np.testing.assert_array_equal(part[f"{rows} first"], first.detach())
            np.testing.assert_array_equal(part[f"{rows} second"], second.detach())
        assert whole.weight.grad is not None
        np.testing.assert_allclose(np.concatenate([part[f"{rows} gradient"] for part in parts]), whole.weight.grad)
        assert [len(part[f"{rows} gradient"]) for part in parts] == [-(-rows // 2), rows // 2]


@pytest.mark.parametrize("case", [case for case in CASES if "model" not in CASES[case]])  # the others draw more than all negatives
def test_two_processes_with_divided_rows_have_the_curve_of_one(found: Path, case: str) -> None:
    first, alone = load(found / case / "0"), fitted(case)
    assert [point["loss"] for point in first.facts["curve"]] == pytest.approx([point["loss"] for point in alone.facts["curve"]], rel=1e-5)
    assert ("ndcg@10" in first.facts["curve"][0]) == ("ema" in CASES[case])
    for point, expected in zip(first.facts["curve"], alone.facts["curve"], strict=True):
        assert point.get("ndcg@10") == pytest.approx(expected.get("ndcg@10"))
    requests = data(CASES[case].get("n_items", 25)).queries()
    np.testing.assert_allclose(first.scores(requests), alone.scores(requests), atol=1e-3)


@pytest.mark.parametrize("case", CASES)
def test_both_end_with_the_same_whole_model(found: Path, case: str) -> None:
    first, second = (load(found / case / number).artifact().arrays for number in "01")
    assert first.keys() == second.keys()
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])


@pytest.mark.parametrize("case", SHARDED)
def test_each_process_keeps_its_rows_and_what_belongs_to_them_only(found: Path, case: str) -> None:
    kept = [json.loads((found / case / f"{number}.json").read_text()) for number in range(2)]
    whole = load(found / case / "0").artifact().arrays
    names = {"skip-gram": {"items.weight", "contexts.weight"}}.get(case, {"items.weight"})
    assert set(kept[0]) == set(kept[1]) == names
    for name in names:
        n_rows, least = len(whole[name]), 3 + ("ema" in CASES[case])
        assert {len(each[name]) >= least for each in kept} == {True}  # weights, gradient and what an optimiser remembers
        assert [set(each[name]) for each in kept] == [{-(-n_rows // 2)}, {n_rows // 2}]


def test_the_whole_softmax_is_not_divided(found: Path) -> None:
    assert json.loads((found / "softmax" / "1.json").read_text()) == {}


def kept(folder: Path) -> dict[str, list[int]]:
    """Names and shapes of what a checkpoint holds."""
    with safe_open(folder / FILE, framework="pt") as file:
        return {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118


def test_a_checkpoint_of_two_is_as_one_writes_it_and_one_goes_on_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = launch(SCRIPT, "keep", str(tmp_path), "gbce")
    assert done.returncode == 0, done.stderr
    ours = tmp_path / "gbce" / "checkpoint"
    divided.keep(monkeypatch.setattr)
    fitted("gbce", checkpoint=tmp_path / "alone")
    assert kept(ours) == kept(tmp_path / "alone")
    assert {name.partition("/")[0] for name in kept(ours)} == {"weights", "optimizer", "average", "best", "random"}
    for name, array in fitted("gbce", checkpoint=ours).artifact().arrays.items():  # nothing is left to do
        np.testing.assert_array_equal(array, load(tmp_path / "gbce" / "0").artifact().arrays[name])
