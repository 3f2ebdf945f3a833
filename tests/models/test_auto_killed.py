import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from penchant.core.artifact import TENSORS

TRAINING = Path(__file__).with_name("fit_auto_until_killed.py")
KILLS = 20
CURVE = "curve.json"  # is there when all is done


def run(checkpoints: Path, result: Path, kill_after: float | None = None) -> tuple[float, str]:
    """Train, or go on, until it is done or `kill_after` seconds after the imports; when these were over, and what it said."""
    process = subprocess.Popen([sys.executable, TRAINING, checkpoints, result], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    begun = time.time()
    try:
        said, _ = process.communicate(timeout=kill_after)
        assert process.returncode == 0, said
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
    return begun, said


@pytest.mark.long
def test_auto_that_is_killed_at_random_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    """In whatever it is then: a step, a validation, a write, the members that count, weighing, saving."""
    moments, kills, trainings, said = np.random.default_rng(3), 0, 0, ""
    begun, _ = run(tmp_path / "undisturbed", tmp_path / "whole")
    seconds = (tmp_path / "whole" / CURVE).stat().st_mtime - begun
    while kills < KILLS:
        checkpoints, result = tmp_path / f"checkpoints{trainings}", tmp_path / f"result{trainings}"
        while True:
            _, more = run(checkpoints, result, moments.uniform(0, seconds) if kills < KILLS else None)
            said += more
            if (result / CURVE).exists():
                break
            kills += 1
        for name in (TENSORS, CURVE):
            assert (result / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), f"training {trainings}, {kills} kills: {name}"
        trainings += 1
    assert "sasrec: goes on from epoch" in said
