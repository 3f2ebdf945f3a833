import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from penchant.core.errors import ConfigError
from penchant.core.types import Queries
from penchant.data import Dataset
from penchant.models.base import FitOptions
from penchant.models.sasrec import SASRec

N = 12
SMALL = {"max_len": 10, "embedding_dim": 16, "n_layers": 1, "epochs": 60, "batch_size": 8, "learning_rate": 0.01, "dropout": 0.0}


def cycle(n_users: int = 40, length: int = 14) -> Dataset:
    """Each user walks the circle 0 → 1 → … → 11 → 0 from another place."""
    rows = [(f"u{u}", (u + step) % N, step) for u in range(n_users) for step in range(length + u % 3)]
    frame = pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row").with_columns(pl.col("item_id").cast(pl.String))
    return Dataset.from_events(frame)


def skewed() -> Dataset:
    """Item 0 is everybody's first choice."""
    rng = np.random.default_rng(0)
    rows = [(f"u{u}", "0" if step == 0 else str(rng.integers(1, N)), step) for u in range(50) for step in range(4)]
    frame = pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")
    return Dataset.from_events(frame)


QUIET = FitOptions(quiet=True)


@pytest.fixture(scope="module")
def model() -> SASRec:
    return SASRec(**SMALL).fit(cycle(), QUIET)


def codes(model: SASRec, *ids: int) -> list[int]:
    assert model.items is not None
    return [model.items.code(str(id_)) for id_ in ids]


def first(model: SASRec, history: list[int]) -> int:
    return int(model.recommend(Queries.of([history]), 1, exclude_seen=False).row(0)[0])


@pytest.mark.parametrize("start", range(N))
def test_the_next_of_a_cycle_is_predicted_for_a_user_never_seen(model: SASRec, start: int) -> None:
    walk = [(start + step) % N for step in range(5)]
    assert first(model, codes(model, *walk)) == codes(model, (start + 5) % N)[0]


def test_a_history_longer_than_max_len_is_answered_from_its_end(model: SASRec) -> None:
    walk = codes(model, *[step % N for step in range(35)])
    assert first(model, walk) == codes(model, 35 % N)[0]
    long, short = model.scores(Queries.of([walk])), model.scores(Queries.of([walk[-10:]]))
    np.testing.assert_array_equal(long, short)


def test_a_new_visitor_gets_what_people_begin_with() -> None:
    model = SASRec(**SMALL).fit(skewed(), QUIET)
    assert first(model, []) == codes(model, 0)[0]


def test_requests_in_one_batch_score_as_they_do_alone(model: SASRec) -> None:
    rng = np.random.default_rng(0)
    histories = [rng.integers(N, size=length).tolist() for length in (0, 1, 3, 9, 10, 11, 40)]
    together = model.scores(Queries.of(histories))
    alone = np.concatenate([model.scores(Queries.of([history])) for history in histories])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_scores_are_independent_of_how_requests_are_chunked(model: SASRec, monkeypatch: pytest.MonkeyPatch) -> None:
    queries = Queries.of([list(range(length)) for length in range(10)])
    whole = model.scores(queries)
    monkeypatch.setattr("penchant.models.inputs.POSITIONS", 8)
    np.testing.assert_allclose(model.scores(queries), whole, atol=1e-5)


def test_no_request_gives_no_score(model: SASRec) -> None:
    assert model.scores(Queries.of([])).shape == (0, N)


def test_an_event_after_the_request_changes_nothing(model: SASRec) -> None:
    walk = codes(model, 1, 2, 3)
    before = Queries.of([walk], timestamps=[[1, 2, 3]], at=3)
    after = Queries.of([[*walk, 7]], timestamps=[[1, 2, 3, 4]], at=3)
    np.testing.assert_array_equal(model.scores(before), model.scores(after))


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.1}, {"dropout": 0.3}])
def test_one_seed_gives_the_same_bits(settings: dict[str, float]) -> None:
    short = {**SMALL, "epochs": 2, **settings}
    ours, theirs = SASRec(**short).fit(cycle(), QUIET), SASRec(**short).fit(cycle(), QUIET)
    assert ours._arrays().keys() == theirs._arrays().keys()
    assert all(np.array_equal(array, theirs._arrays()[name]) for name, array in ours._arrays().items())
    other = SASRec(**short, seed=1).fit(cycle(), QUIET)
    assert not np.array_equal(other._arrays()["items.weight"], ours._arrays()["items.weight"])


def test_a_cosine_score_is_at_most_one_over_temperature() -> None:
    model = SASRec(**SMALL, temperature=0.1).fit(cycle(), QUIET)
    assert np.abs(model.scores(Queries.of([[], [1], [1, 2, 3]]))).max() <= 10 + 1e-4
    assert first(model, codes(model, 1, 2, 3)) == codes(model, 4)[0]


def test_a_saved_model_scores_the_same(model: SASRec, tmp_path: Path) -> None:
    model.save(tmp_path / "saved")
    queries = Queries.of([[], [1, 2], list(range(N))])
    np.testing.assert_array_equal(SASRec.load(tmp_path / "saved").scores(queries), model.scores(queries))


def test_facts_hold_the_training_curve(model: SASRec) -> None:
    curve = model.facts["curve"]
    assert [point["epoch"] for point in curve] == list(range(1, 61))
    assert curve[-1]["loss"] < curve[0]["loss"] and {"epoch", "loss", "seconds"} == set(curve[0])
    assert model.facts["tokens_per_second"] > 0


def test_validation_stops_training_and_is_on_the_curve() -> None:
    data = cycle(length=8)  # nobody has been everywhere
    targets = np.zeros(data.n_events, bool)
    targets[data.interactions.offsets[1:] - 1] = True
    model = SASRec(**{**SMALL, "epochs": 200, "patience": 2}).fit(data, FitOptions(quiet=True, validation=data.marked(targets)))
    assert len(model.facts["curve"]) < 200
    assert max(point["ndcg@10"] for point in model.facts["curve"]) > 0.9


@pytest.mark.parametrize("items", [["x"], ["x", "x", "x"], ["x", "y"]])
def test_the_smallest_data_trains(items: list[str]) -> None:
    frame = pl.DataFrame({"user_id": ["u"] * len(items), "item_id": items, "timestamp": list(range(len(items)))})
    model = SASRec(**{**SMALL, "epochs": 1}).fit(Dataset.from_events(frame), QUIET)
    assert np.isfinite(model.scores(Queries.of([[], [0]]))).all()


def test_training_leaves_torchs_random_numbers_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    SASRec(**{**SMALL, "epochs": 1}).fit(cycle(), QUIET)
    assert torch.equal(torch.get_rng_state(), before)


def test_heads_must_share_the_dimensions() -> None:
    with pytest.raises(ConfigError, match="embedding_dim must be a multiple of n_heads; received: 10 and 4"):
        SASRec(embedding_dim=10, n_heads=4)


def test_an_unknown_device_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="no such device 'gpu-please'"):
        SASRec(**SMALL).fit(cycle(), FitOptions(device="gpu-please"))


def test_without_torch_the_error_names_the_extra() -> None:
    script = "import sys; sys.modules['torch'] = None\ntry:\n    from penchant.models import SASRec\nexcept Exception as e:\n    print(e)"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "pip install 'penchant[torch]'" in result.stdout
