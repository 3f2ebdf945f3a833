import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from penchant.core.errors import TrainingError
from penchant.models import MODELS, SASRec
from penchant.models.base import FitOptions
from penchant.nn.random import drawing_from, generator
from penchant.testing.data import everyday
from penchant.training import threads
from penchant.training.threads import Threads, threads_each

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    with threads_each(2):
        yield


class Numbers:
    """A batch of numbers, one a target."""

    def __init__(self, values: Tensor) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def part(self, number: int, of: int) -> "Numbers":
        return Numbers(self.values[number::of])


class Squares:
    """(w·x)², and a weight that only numbers above 0.5 need."""

    validates = False

    def __init__(self) -> None:
        self.module: nn.Module = nn.ParameterDict(
            {"always": torch.tensor([1.5, -2.0]), "large": torch.tensor(1.0), "never": torch.tensor(1.0)}
        )
        self.seen: list[tuple[int, int, str]] = []  # targets, threads an operation, thread

    def batches(self, epoch: int) -> list[Numbers]:
        return []

    def loss(self, batch: Numbers) -> Tensor:
        self.seen.append((len(batch), torch.get_num_threads(), threading.current_thread().name))
        weights = dict(self.module.named_parameters())
        x = batch.values
        loss: Tensor = ((weights["always"].sum() * x) ** 2).mean()
        return loss + (weights["large"] * x[x > 0.5].sum() / len(x) if bool((x > 0.5).any()) else 0)

    def validate(self) -> None:
        return None


def gradients(task: Squares) -> dict[str, Tensor | None]:
    return {name: weight.grad for name, weight in task.module.named_parameters()}


def test_shares_add_up_to_the_batch() -> None:
    batch = Numbers(torch.linspace(-1, 1, 2 * threads.LEAST + 1))
    whole, shared = Squares(), Squares()
    with threads_each(1), Threads(whole, CPU) as one:
        expected = one.backward(batch, 0.5)
    with Threads(shared, CPU) as two:
        found = two.backward(batch, 0.5)
    assert [entry[0] for entry in whole.seen] == [65]
    assert sorted(entry[0] for entry in shared.seen) == [32, 33]
    assert {entry[1] for entry in shared.seen} == {1}
    assert "MainThread" not in {entry[2] for entry in shared.seen}
    assert torch.get_num_threads() == 2
    assert found == pytest.approx(expected, rel=1e-6)
    for name, wanted in gradients(whole).items():
        mine = gradients(shared)[name]
        assert (mine is None) == (wanted is None) == (name == "never")
        assert mine is None or wanted is None or torch.allclose(mine, wanted, rtol=1e-6)


def test_a_weight_that_one_share_alone_needs_has_its_gradient() -> None:
    values = torch.zeros(2 * threads.LEAST)
    values[1] = 0.75
    task = Squares()
    with Threads(task, CPU) as two:
        two.backward(Numbers(values), 1.0)
    assert gradients(task)["large"] == pytest.approx(0.75 / len(values))


@pytest.mark.parametrize("case", ["few targets", "large weights"])
def test_one_thread_where_more_would_not_help(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = Numbers(torch.ones(2 * threads.LEAST - (case == "few targets")))
    if case == "large weights":
        monkeypatch.setattr(threads, "GRADIENTS", 31)  # two gradients of four numbers take 32
    task = Squares()
    with Threads(task, CPU) as two:
        two.backward(batch, 1.0)
    assert [(entry[0], entry[2]) for entry in task.seen] == [(len(batch), "MainThread")]


def test_what_fails_in_a_share_is_raised() -> None:
    task = Squares()

    def fail(batch: Numbers) -> Tensor:
        raise TrainingError("no")

    task.loss = fail  # type: ignore[method-assign]
    with Threads(task, CPU) as two, pytest.raises(TrainingError, match="no"):
        two.backward(Numbers(torch.ones(100)), 1.0)
    assert torch.get_num_threads() == 2


def test_a_thread_draws_from_its_own_generator() -> None:
    assert generator() is None
    with drawing_from(torch.Generator().manual_seed(3)):
        first = torch.rand(4, generator=generator())
    assert generator() is None
    assert torch.equal(first, torch.rand(4, generator=torch.Generator().manual_seed(3)))


# What draws while it learns: dropout, hidden times, negatives, gaps, dropout between recurrent layers.
DRAWING = {
    "hstu": {"dropout": 0.3},
    "sasrec": {"loss": "sampled", "negatives": 8, "sampling": "mixed"},
    "bert4rec": {},
    "gru4rec": {"n_layers": 2, "dropout": 0.5},
}


@pytest.mark.parametrize("name", DRAWING)
def test_the_same_bits_each_time(name: str) -> None:
    kind, found = MODELS.load(name), []
    for _ in range(3):
        model = kind(embedding_dim=16, epochs=2, batch_size=8, **DRAWING[name]).fit(everyday(), FitOptions(quiet=True, threads=2))
        found.append(model.artifact().arrays)
    for other in found[1:]:
        assert all(np.array_equal(found[0][key], other[key]) for key in found[0])


def test_two_threads_learn_what_one_learns() -> None:
    settings = {"embedding_dim": 16, "epochs": 3, "dropout": 0.0, "precision": "float32", "batch_size": 8}
    one, two = (SASRec(**settings).fit(everyday(), FitOptions(quiet=True, threads=n)) for n in (1, 2))
    assert [point["loss"] for point in two.facts["curve"]] == pytest.approx([point["loss"] for point in one.facts["curve"]], rel=1e-3)


def test_an_interrupted_training_of_two_threads_ends_with_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def model() -> SASRec:
        return SASRec(embedding_dim=16, epochs=2, dropout=0.4, batch_size=8)

    whole = model().fit(everyday(), FitOptions(quiet=True, threads=2)).artifact().arrays
    backward, steps = Threads.backward, 0

    def interrupted(self: Threads, batch: object, weight: float) -> float:
        nonlocal steps
        steps += 1
        if steps == 8:
            import signal

            signal.raise_signal(signal.SIGINT)
        return backward(self, batch, weight)

    monkeypatch.setattr(Threads, "backward", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model().fit(everyday(), FitOptions(quiet=True, threads=2, checkpoint=tmp_path))
    resumed = model().fit(everyday(), FitOptions(quiet=True, threads=2, checkpoint=tmp_path)).artifact().arrays
    assert all(np.array_equal(whole[key], resumed[key]) for key in whole)
