import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from penchant.core.errors import TrainingError
from penchant.models import MODELS
from penchant.models.base import FitOptions, Model
from penchant.nn.random import drawing_from, own_generator
from penchant.testing.data import everyday
from penchant.training import threads
from penchant.training.device import threads_each
from penchant.training.loader import Batch
from penchant.training.threads import Threads

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
    divisible = True

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


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_shares_add_up_to_the_batch(n_threads: int) -> None:
    batch = Numbers(torch.linspace(-1, 1, threads.LEAST + 1))
    whole, shared = Squares(), Squares()
    expected = 0.5 * whole.loss(batch)
    expected.backward()  # type: ignore[no-untyped-call]  # torch does not type it
    with threads_each(n_threads), Threads(shared, CPU) as several:
        found = several.backward(batch, 0.5)
        assert torch.get_num_threads() == n_threads
    assert sorted(entry[0] for entry in shared.seen) == [32, 33]
    assert {entry[1] for entry in shared.seen} == {max(1, n_threads // 2)}
    assert "MainThread" not in {entry[2] for entry in shared.seen}
    assert found == pytest.approx(float(expected.detach()), rel=1e-6)
    for name, wanted in gradients(whole).items():
        mine = gradients(shared)[name]
        assert (mine is None) == (wanted is None) == (name == "never")
        assert mine is None or wanted is None or torch.allclose(mine, wanted, rtol=1e-6)


def test_a_weight_that_one_share_alone_needs_has_its_gradient() -> None:
    values = torch.zeros(threads.LEAST)
    values[1] = 0.75
    task = Squares()
    with Threads(task, CPU) as two:
        two.backward(Numbers(values), 1.0)
    assert gradients(task)["large"] == pytest.approx(0.75 / len(values))


@pytest.mark.parametrize("case", ["few targets", "large weights"])
def test_one_thread_where_more_would_not_help(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = Numbers(torch.ones(threads.LEAST - (case == "few targets")))
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
    assert own_generator() is None
    with drawing_from(torch.Generator().manual_seed(3)):
        first = torch.rand(4, generator=own_generator())
    assert own_generator() is None
    assert torch.equal(first, torch.rand(4, generator=torch.Generator().manual_seed(3)))


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many targets each share had; small batches are shared, too."""
    monkeypatch.setattr(threads, "LEAST", 4)
    work, seen = Threads._work, []

    def watched(self: Threads, part: Batch, weight: float, seed: int) -> object:
        seen.append(len(part))
        return work(self, part, weight, seed)

    monkeypatch.setattr(Threads, "_work", watched)
    return seen


# What draws while it learns: dropout, hidden times, negatives, gaps, dropout between recurrent layers; and what uses a weight twice.
DRAWING: dict[str, dict[str, object]] = {
    "hstu": {"dropout": 0.3},
    "sasrec": {"loss": "sampled", "negatives": 8},
    "bert4rec": {},
    "gru4rec": {"n_layers": 2, "dropout": 0.5},
    "ncf": {},
    "item2vec": {},
}


def fitted(name: str, n_threads: int, checkpoint: Path | None = None, **settings: object) -> Model:
    model: Model = MODELS.load(name)(embedding_dim=16, epochs=2, **settings)
    return model.fit(everyday(), FitOptions(quiet=True, threads=n_threads, checkpoint=checkpoint))


def same(one: Model, other: Model) -> bool:
    return all(np.array_equal(array, other.artifact().arrays[key]) for key, array in one.artifact().arrays.items())


@pytest.mark.parametrize("name", DRAWING)
def test_the_same_bits_each_time(name: str, shared: list[int]) -> None:
    first = fitted(name, 2, **DRAWING[name])
    assert shared
    assert same(first, fitted(name, 2, **DRAWING[name]))
    assert same(first, fitted(name, 2, **DRAWING[name]))


@pytest.mark.parametrize("name", DRAWING)
def test_one_thread_learns_the_same(name: str, shared: list[int]) -> None:
    settings = DRAWING[name] if name in ("item2vec", "gru4rec") else {**DRAWING[name], "precision": "float32"}
    one, two = (fitted(name, n_threads, **settings) for n_threads in (1, 2))
    assert shared
    queries = everyday().queries()
    np.testing.assert_allclose(one.scores(queries), two.scores(queries), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("sampling", ["in-batch", "mixed"])
def test_a_batch_whose_targets_are_compared_stays_whole(sampling: str, shared: list[int]) -> None:
    fitted("sasrec", 2, loss="sampled", sampling=sampling)
    assert not shared


def test_an_interrupted_training_ends_with_the_same_bits(tmp_path: Path, shared: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted("sasrec", 2, dropout=0.4)
    backward, steps = Threads.backward, 0

    def interrupted(self: Threads, batch: Batch, weight: float) -> float:
        nonlocal steps
        steps += 1
        if steps == 5:
            signal.raise_signal(signal.SIGINT)
        return backward(self, batch, weight)

    monkeypatch.setattr(Threads, "backward", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fitted("sasrec", 2, tmp_path, dropout=0.4)
    assert same(whole, fitted("sasrec", 2, tmp_path, dropout=0.4))
