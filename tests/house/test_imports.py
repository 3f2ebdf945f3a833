"""What the server needs it gets without torch, and asking for help is quick because nothing heavy is loaded."""

import subprocess
import sys

import pytest


def modules_after(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split())


TORCH_FREE = ["penchant", "penchant.serving.app", "penchant.scenarios", "penchant.evaluation", "penchant.console.app"]


@pytest.mark.parametrize("module", TORCH_FREE)
def test_torch_is_not_loaded(module: str) -> None:
    assert "torch" not in modules_after(f"import {module}")


def test_pickle_is_not_needed_to_read_a_model() -> None:
    assert "torch" not in modules_after("import penchant.core.artifact")


def test_the_command_line_loads_nothing_heavy() -> None:
    loaded = modules_after("from penchant.cli import build_app; build_app()")
    assert not loaded & {"torch", "fastapi", "polars", "scipy"}


def test_public_names_exist() -> None:
    import penchant
    import penchant.models

    for module in (penchant, penchant.models):
        for public in module.__all__:
            assert getattr(module, public) is not None
    assert len(penchant.__all__) <= 15
