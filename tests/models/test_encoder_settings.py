"""What the named settings of the sequence encoder are expected to do beyond the contract that all models pass."""

import numpy as np
import polars as pl
import pytest

from penchant.core.clock import DAY
from penchant.core.errors import ConfigError
from penchant.core.types import Queries
from penchant.data import Dataset
from penchant.models.base import FitOptions
from penchant.models.encoder import EncoderModel
from penchant.models.esasrec import ESASRec
from penchant.models.hstu import HSTU
from penchant.models.sasrec import SASRec

SMALL = {"max_len": 12, "embedding_dim": 16, "n_layers": 2, "epochs": 40, "batch_size": 4, "learning_rate": 0.01, "dropout": 0.0}
QUIET = FitOptions(quiet=True)
EVENING, MORNING, NEWS = 0, 1, 2


def habits() -> Dataset:
    """After the news comes an evening item within the hour, a morning item a day later."""
    rng, rows = np.random.default_rng(0), []
    for user in range(60):
        at = 0
        for _ in range(6):
            soon = rng.random() < 0.5
            at += DAY * 7
            rows.append((f"u{user}", "news", at))
            rows.append((f"u{user}", "evening" if soon else "morning", at + (DAY // 48 if soon else DAY)))
    return Dataset.from_events(pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row"))


def answer(model: EncoderModel, wait: int) -> str:
    """The first of the two items that may follow the news, asked `wait` after them."""
    assert model.items is not None
    history = [model.items.code(name) for name in ("news", "evening", "news")]
    request = Queries.of([history], timestamps=[[0, DAY // 48, 7 * DAY]], at=7 * DAY + wait)
    scores = model.scores(request)[0]
    return max(("evening", "morning"), key=lambda name: float(scores[model.items.code(name)]))  # type: ignore[union-attr]


def test_hstu_answers_by_the_time_of_the_request() -> None:
    model = HSTU(**SMALL).fit(habits(), QUIET)
    assert [answer(model, DAY // 48), answer(model, DAY)] == ["evening", "morning"]


@pytest.mark.parametrize("settings", [{"time": "history"}, {"time": "none"}])
def test_without_request_time_the_request_may_come_whenever(settings: dict[str, str]) -> None:
    model = HSTU(**{**SMALL, "epochs": 2}, **settings).fit(habits(), QUIET)
    soon, late = (model.scores(Queries.of([[0, 1, 2]], timestamps=[[0, 5, 9]], at=at)) for at in (9, DAY))
    np.testing.assert_array_equal(soon, late)


@pytest.mark.parametrize("kind", [SASRec, ESASRec, HSTU])
def test_requests_in_one_batch_score_as_they_do_alone(kind: type[EncoderModel]) -> None:
    model = kind(**{**SMALL, "epochs": 3}).fit(habits(), QUIET)
    rng = np.random.default_rng(0)
    histories = [rng.integers(3, size=length) for length in (0, 1, 2, 11, 12, 13, 30)]
    times = [np.sort(rng.integers(0, 30 * DAY, size=len(history))) for history in histories]
    queries = Queries.of(histories, timestamps=times, at=31 * DAY)
    alone = [model.scores(queries.take(np.array([row]))) for row in range(len(queries))]
    np.testing.assert_allclose(model.scores(queries), np.concatenate(alone), atol=2e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {"attention": "pointwise", "feed_forward": "swiglu", "gated": True, "position": "relative", "time": "history"},
        {"attention": "softmax", "feed_forward": "none", "position": "relative", "time": "request"},
        {"attention": "pointwise", "position": "none", "temperature": None},
        {"n_layers": 0},
    ],
)
def test_switches_combine(settings: dict[str, object]) -> None:
    model = SASRec(**{**SMALL, "epochs": 5, **settings}).fit(habits(), QUIET)
    curve = model.facts["curve"]
    assert curve[-1]["loss"] < curve[0]["loss"]
    assert np.isfinite(model.scores(Queries.of([[], [0], [0, 1, 2]]))).all()


def test_time_needs_relative_positions() -> None:
    with pytest.raises(ConfigError, match="time = 'request' needs position = 'relative'"):
        SASRec(time="request")


def test_order_alone_without_times_is_enough_to_learn() -> None:
    """Sets that only know the order have all their events within a second."""
    rows = [(f"u{u}", str((u + step) % 9), step) for u in range(40) for step in range(8)]
    data = Dataset.from_events(pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row"))
    model = HSTU(**SMALL).fit(data, QUIET)
    assert model.items is not None
    history = [model.items.code(str(code)) for code in (3, 4, 5)]
    assert model.recommend(Queries.of([history]), 1).items.tolist() == [model.items.code("6")]
