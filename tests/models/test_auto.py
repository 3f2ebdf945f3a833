from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from penchant.core.artifact import TENSORS
from penchant.core.errors import ConfigError, DataError
from penchant.core.types import Queries
from penchant.data import Dataset
from penchant.data.split import leave_one_out, without_targets
from penchant.evaluation.evaluate import evaluate
from penchant.models import Auto, LastItem, Popular
from penchant.models.auto import DONE, comes_back, times_matter
from penchant.models.base import FitOptions, Model
from penchant.models.held_back import hold_back
from penchant.models.weighing import evidence

QUIET = FitOptions(quiet=True)
COUNTING = {"last-item": {"window": 1}, "ease": {}, "popular": {}}


def chains(users: int = 300, items: int = 40, length: int = 12, *, skewed: bool = False) -> Dataset:
    """People who go through the catalogue in its order, from anywhere, now and then somewhere else.

    Where it is `skewed`, they go through four parts of it, of which most keep to one; the first of all sees the others.
    """
    rng = np.random.default_rng(0)
    steps = np.where(rng.random((users, length)) < 0.8, 1, rng.integers(2, items, (users, length)))
    codes = (rng.integers(0, items, (users, 1)) + np.cumsum(steps, axis=1)) % items
    if skewed:
        parts = rng.choice(4, (users, 1), p=[0.02, 0.08, 0.2, 0.7])
        parts[0] = 0
        codes = codes % (items // 4) + parts * (items // 4)
    frame = pl.DataFrame(
        {
            "user_id": [f"u{u}" for u in range(users) for _ in range(length)],
            "item_id": [f"i{code}" for code in codes.ravel()],
            "timestamp": pl.int_range(users * length, dtype=pl.Int64, eager=True),
        }
    )
    return Dataset.from_events(frame, name="chains")


def test_the_member_that_is_right_is_heard_and_the_useless_one_dropped() -> None:
    split = leave_one_out(chains())
    model = Auto(members=COUNTING).fit(split.train, FitOptions(quiet=True, validation=split.validation))
    assert "last-item" in model.facts["members"]
    assert "popular" not in model.facts["members"]
    alone = LastItem(window=1).fit(split.train, QUIET)
    ours, theirs = (evaluate(each, split.test).metrics["ndcg@10"] for each in (model, alone))
    assert ours >= theirs - 0.02


def test_without_enough_requests_all_members_are_heard_alike() -> None:
    dataset = chains(users=10)
    model = Auto(members=COUNTING).fit(dataset, QUIET)
    assert model.facts["members"] == list(COUNTING)
    query = Queries.of([[3]])
    expected = np.mean([evidence(member, query) for member in model.trained.values()], axis=0)
    np.testing.assert_allclose(model.scores(query), expected, atol=0.5)  # members are counted again over everything
    assert model.scores(query)[0].argmax() == expected[0].argmax()


@pytest.mark.parametrize("candidates", [0, 1])
def test_requests_whose_wish_no_member_finds_teach_nothing(candidates: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a large catalogue, where a whole block of requests may have none of them."""
    monkeypatch.setattr("penchant.models.weighing.CANDIDATES", candidates)
    monkeypatch.setattr("penchant.models.weighing.BLOCK", 1)  # one request a block
    split = leave_one_out(chains())
    model = Auto(members=COUNTING).fit(split.train, FitOptions(quiet=True, validation=split.validation))
    assert ("popular" in model.facts["members"]) == (candidates == 0)
    assert evaluate(model, split.test).metrics["ndcg@10"] > 0.3


def test_somebody_without_history_gets_what_is_popular() -> None:
    """Also where only members that need a history are worth their cost, and the first codes are the rarest items."""
    dataset = chains(skewed=True)
    model = Auto(members=COUNTING).fit(dataset, QUIET)
    assert "popular" not in model.facts["members"]
    counts = np.bincount(dataset.interactions.items, minlength=dataset.n_items)
    found = model.recommend(Queries.of([[]]), 10).items
    assert counts[found].min() >= np.sort(counts)[-15]


def fashion(known: int) -> Dataset:
    """Long ago people went through twenty items in their order; lately the ten others are in fashion, and a hundred newcomers begin
    with one of these. Held back are the newcomers' first events, and the last ones of `known` of the others.
    """
    rows = [(f"old{u}", f"a{(u + step) % 20}", step) for u in range(100) for step in range(12)]
    rows += [(f"late{u}", f"b{(u + step) % 10}", 100) for u in range(30) for step in range(5)]
    rows += [(f"new{u}", f"b{u % 10}", 101) for u in range(100)]
    frame = pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")
    dataset = Dataset.from_events(frame.with_columns(timestamp=pl.from_epoch(pl.col("timestamp") * 86_400)), name="fashion")
    events, last = dataset.interactions, np.zeros(dataset.n_events, dtype=bool)
    last[events.offsets[1:] - 1] = True
    wanted = {f"new{u}" for u in range(100)} | {f"old{u}" for u in range(known)}
    return dataset.marked(last & np.isin(events.users, [code for code, user in enumerate(dataset.users.ids) if user in wanted]))


@pytest.mark.parametrize("known", [0, 80])
def test_newcomers_have_members_of_their_own(known: int) -> None:
    """Be it that few others were asked, or that the others do without them."""
    held_back = fashion(known)
    members = {"last-item": {"window": 1}, "popular": {}, "trending": {"model": "popular", "half_life_days": 1.0}}
    model = Auto(members=members).fit(without_targets(held_back), FitOptions(quiet=True, validation=held_back))
    assert model.facts["members"] == (["last-item", "trending"] if known else list(members))
    codes = {item: code for code, item in enumerate(model.items.ids if model.items else ())}
    first = model.recommend(Queries.of([[]]), 10).items
    assert sorted(first) == sorted(codes[f"b{number}"] for number in range(10))
    assert model.recommend(Queries.of([[codes["a3"]]]), 1).items.tolist() == [codes["a4"]]


def test_a_member_that_says_nothing_to_newcomers_is_not_kept_for_them() -> None:
    held_back = fashion(80)
    members = {"last-item": {"window": 1}, "als": {"factors": 4}}
    model = Auto(members=members).fit(without_targets(held_back), FitOptions(quiet=True, validation=held_back))
    assert model.facts["members"] == ["last-item"]


def test_where_nothing_is_known_frequency_has_the_last_word() -> None:
    dataset = chains(users=10, skewed=True)
    model = Auto(members={"last-item": {"window": 1}}).fit(dataset, QUIET)
    counts = np.bincount(dataset.interactions.items, minlength=dataset.n_items)
    assert sorted(counts[model.recommend(Queries.of([[]]), 3).items]) == np.sort(counts)[-3:].tolist()


def test_few_requests_are_told_of(caplog: pytest.LogCaptureFixture) -> None:
    Auto(members=COUNTING).fit(chains(users=10), QUIET)
    assert "heard alike" in caplog.text


def test_evidence_is_zero_for_a_model_that_cannot_say() -> None:
    model = LastItem().fit(chains(), QUIET)
    assert not evidence(model, Queries.of([[]])).any()


def test_evidence_of_chance_is_the_logarithm_of_two() -> None:
    frame = pl.DataFrame({"user_id": ["a"] * 4, "item_id": list("wxyz"), "timestamp": pl.int_range(4, dtype=pl.Int64, eager=True)})
    model = Popular().fit(Dataset.from_events(frame), QUIET)
    np.testing.assert_allclose(evidence(model, Queries.of([[]])), np.log(2))


def test_times_that_only_stand_for_an_order_do_not_matter() -> None:
    ordered = chains(users=20)  # 1 µs apart
    assert not times_matter(ordered)
    events = ordered.interactions
    for gap, matter in ((60_000_000, False), (np.geomspace(1e6, 1e12, len(events)).astype(np.int64), True)):
        spread = replace(events, timestamps=np.cumsum(np.broadcast_to(gap, len(events))).astype(np.int64))
        assert times_matter(replace(ordered, interactions=spread)) is matter


def test_wrong_members_are_named() -> None:
    with pytest.raises(ConfigError, match="did you mean 'last-item'"):
        Auto(members={"last-itm": {}})
    with pytest.raises(ConfigError, match="windw"):
        Auto(members={"last-item": {"windw": 3}})
    with pytest.raises(ConfigError, match="at least one"):
        Auto(members={})


def test_a_large_member_that_is_done_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sasrec = pytest.importorskip("penchant.models.sasrec").SASRec
    members = {"sasrec": {"epochs": 1, "embedding_dim": 8, "n_layers": 1, "n_heads": 1, "max_len": 10}, "popular": {}}
    options = FitOptions(quiet=True, checkpoint=tmp_path)
    first = Auto(members=members).fit(chains(), options)
    monkeypatch.setattr(sasrec, "_fit", lambda *_: pytest.fail("trained again"))
    again = Auto(members=members).fit(chains(), options)
    queries = Queries.of([[1, 2], []])
    np.testing.assert_array_equal(first.scores(queries), again.scores(queries))


@pytest.mark.parametrize("harm", ["damaged", "of another version"])
def test_a_member_that_is_done_and_cannot_be_used_is_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, harm: str
) -> None:
    pytest.importorskip("torch", reason="only what learns by steps is kept")
    members = {"sasrec": {"epochs": 1, "embedding_dim": 8, "n_layers": 1, "n_heads": 1, "max_len": 10}, "popular": {}}
    options = FitOptions(quiet=True, checkpoint=tmp_path)
    first = Auto(members=members).fit(chains(), options)
    (done,) = (tmp_path / "sasrec").glob(f"{DONE}*")
    tensors = done / TENSORS
    tensors.write_bytes(tensors.read_bytes()[:-1] + b"\x77")
    if harm == "of another version":  # whose bytes nobody looks at
        monkeypatch.setattr("penchant.models.auto.version", lambda _: "0.0.1")
    again = Auto(members=members).fit(chains(), options)
    assert (f"{done} cannot be used and is trained again" in caplog.text) == (harm == "damaged")
    assert "sasrec" in again.trained
    np.testing.assert_array_equal(first.scores(Queries.of([[1, 2], []])), again.scores(Queries.of([[1, 2], []])))


def test_the_checkpoint_of_a_member_goes_when_the_member_is_kept_and_not_before(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    no_larger: Callable[[int], AbstractContextManager[None]],
) -> None:
    learning = pytest.importorskip("penchant.models.learning")
    monkeypatch.setattr(learning, "Run", partial(learning.Run, checkpoint_every_s=0.0))
    members = {"sasrec": {"epochs": 1, "embedding_dim": 8, "n_layers": 1, "n_heads": 1, "max_len": 10}, "popular": {}}
    options, home, save = FitOptions(quiet=True, checkpoint=tmp_path), tmp_path / "sasrec", Model.save

    def save_on_a_full_disk(self: Model, folder: Path) -> None:
        with no_larger(100):
            save(self, folder)

    monkeypatch.setattr(Model, "save", save_on_a_full_disk)
    first = Auto(members=members).fit(chains(), options)
    assert "sasrec: not kept in case of an interruption" in caplog.text
    assert [path.name for path in home.iterdir()] == ["training.safetensors"]
    monkeypatch.setattr(Model, "save", save)
    again = Auto(members=members).fit(chains(), options)
    assert [path.name.partition("-")[0] for path in home.iterdir()] == [DONE]
    np.testing.assert_array_equal(first.scores(Queries.of([[1, 2]])), again.scores(Queries.of([[1, 2]])))


def test_a_member_that_cannot_be_trained_is_left_out(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("penchant.models.ease.LIMIT", 3)
    model = Auto(members=COUNTING).fit(chains(), QUIET)
    assert "ease" not in model.facts["members"]
    assert "goes on without ease" in caplog.text
    with pytest.raises(DataError, match="none of its members"):
        Auto(members={"ease": {}}).fit(chains(), QUIET)


def buyers(users: int = 400, items: int = 60, baskets: int = 8) -> Dataset:
    """People who buy one or two of their own five things at each visit, and now and then something else."""
    rng = np.random.default_rng(1)
    rows = []
    for user in range(users):
        own = rng.choice(items, 5, replace=False)
        for visit in range(baskets):
            bought = rng.choice(own, rng.integers(1, 3), replace=False) if rng.random() < 0.8 else rng.choice(items, 1)
            rows += [(f"u{user}", f"i{item}", (user + visit * users) * 1_000_000) for item in bought]
    return Dataset.from_events(pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row"))


def test_what_is_bought_again_and_again_is_recommended_again() -> None:
    held = hold_back(buyers(), 300)
    known = without_targets(held)
    assert comes_back(known)
    assert not comes_back(chains(items=4_000))
    members = {"popular": {}, "item-knn": {}, "habits": {"model": "tifu-knn", "own": 1.0}}
    model = Auto(members=members).fit(known, FitOptions(quiet=True, validation=held))
    assert "habits" in model.facts["members"]
    ours = evaluate(model, held, exclude_seen=False).metrics["ndcg@10"]
    best = max(evaluate(member, held, exclude_seen=False).metrics["ndcg@10"] for member in model.trained.values())
    assert ours >= best
    again = Auto.from_artifact(model.artifact())
    queries = Queries.of([[1, 2, 1], []])
    np.testing.assert_array_equal(again.scores(queries), model.scores(queries))


def test_a_catalogue_too_large_for_ease_has_slim_and_a_graph_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penchant.models.ease.LIMIT", 3)
    monkeypatch.setattr("penchant.models.auto.SEQUENCE", {True: {}, False: {}})
    split = leave_one_out(chains())
    model = Auto().fit(split.train, FitOptions(quiet=True, validation=split.validation))
    assert {"slim", "graph-filter"} <= set(model.trained)
    few = Auto().fit(buyers(users=15), QUIET)  # too few to weigh: all are heard, and loaded in the order of their weights
    assert {"habits", "slim", "graph-filter"} < set(few.facts["members"])
    assert list(Auto.from_artifact(few.artifact())._members) == few.facts["members"]


def test_habits_are_not_all_there_is_where_they_may_not_be_recommended() -> None:
    """Nearly everything is one of three own things again, so habits alone are best; a list without them must not be left to habits."""
    rng = np.random.default_rng(0)
    rows = []
    for user in range(600):
        own, last = rng.choice(100, 3, replace=False), 0
        for visit in range(20):
            last = rng.choice(own) if rng.random() < 0.95 else (last + 1) % 100
            rows.append((f"u{user}", f"i{last}", (user + visit * 600) * 1_000_000))
    split = leave_one_out(Dataset.from_events(pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")))
    members = {"habits": {"model": "tifu-knn", "own": 1.0}, "last-item": {"window": 1}}
    model = Auto(members=members).fit(split.train, FitOptions(quiet=True, validation=split.validation))
    assert model.facts["gains"]["habits"] > model.facts["gains"]["last-item"]
    alone = LastItem(window=1).fit(split.train, QUIET)
    ours, theirs = (evaluate(each, split.test).metrics["ndcg@10"] for each in (model, alone))
    assert ours > 0.5 * theirs > 0  # of 600 wishes that teach the weights, thirty are new to those who had them


def baskets(people: int = 400) -> Dataset:
    """Two baskets each, of four things in the order of the catalogue; they begin anywhere, but rather in its front."""
    rng = np.random.default_rng(0)
    codes = ((60 * rng.random((people, 2, 1)) ** 4).astype(int) + np.arange(4)) % 60
    frame = pl.DataFrame(
        {
            "user_id": [f"u{user}" for user in range(people) for _ in range(8)],
            "item_id": [f"i{code}" for code in codes.ravel()],
            "timestamp": [user * 10**9 + basket * 10**8 for user in range(people) for basket in (0, 1) for _ in range(4)],
        }
    )
    return Dataset.from_events(frame, name="baskets")


def test_a_basket_is_completed_by_what_goes_with_it() -> None:
    """Whole baskets alone would teach that nothing is known: each begins anywhere."""
    split = leave_one_out(baskets())
    model = Auto(members={"last-item": {"window": 1}, "popular": {}}).fit(split.train, QUIET)
    assert evaluate(model, split.test).metrics["ndcg@10"] > 0.7


def test_a_request_soon_after_the_last_event_goes_on_with_its_basket() -> None:
    model = Auto(members={"last-item": {"window": 1}, "popular": {}}).fit(baskets(), QUIET)
    soon, later = (model._weighing.within(Queries.of([[3]], timestamps=[[0]], at=[at]))[0] for at in (10**6, 10**9))
    unknown = model._weighing.within(Queries.of([[3]], timestamps=[[0]], at=[0]))[0]
    assert soon > unknown > later


def test_what_was_held_back_is_counted_afterwards() -> None:
    dataset = chains()
    model = Auto(members=COUNTING).fit(dataset, QUIET)
    assert list(model.trained) == model.facts["members"]
    assert all(member.fingerprint == dataset.fingerprint for member in model.trained.values())
