# ruff: noqa: D102  (the name of a test is its claim)
"""What every model must do. Give your model a test module with these lines, and pytest does the rest.

    @pytest.fixture(scope="module")
    def make():
        return lambda: MyModel(epochs=3)

    class TestMyModel(ModelContract):
        pass

`make` returns a fresh, unfitted model each time it is called. This module imports pytest, a development dependency.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from penchant.core.config import Config
from penchant.core.errors import ConfigError, DataError, NotFittedError
from penchant.core.types import UNKNOWN, Candidates, FloatArray, Jagged, Queries, rows_of
from penchant.data import Dataset
from penchant.models.base import FitOptions, Model
from penchant.testing.data import checkerboard, everyday, ties

Make = Callable[[], Model]
QUIET = FitOptions(quiet=True)


def assert_alike(ours: FloatArray, theirs: FloatArray) -> None:
    """Scores equal up to the rounding of sums that are added in another order."""
    finite = theirs[np.isfinite(theirs)]
    scale = float(np.abs(finite).max()) if finite.size else 1.0
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5 * scale)


def assert_alike_lists(ours: Candidates, theirs: Candidates) -> None:
    """Lists of the same lengths and scores; items whose scores differ by rounding only may have changed places."""
    np.testing.assert_array_equal(ours.offsets, theirs.offsets)
    assert_alike(ours.scores, theirs.scores)


class Fixtures:
    """What the tests start from; `make` comes from the test module."""

    impersonal: ClassVar[frozenset[str]] = frozenset()  # names of models that answer everybody alike

    @pytest.fixture(scope="class")
    @classmethod
    def dataset(cls) -> Dataset:
        return everyday()

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, make: Make, dataset: Dataset) -> Model:
        return make().fit(dataset, QUIET)

    @pytest.fixture(scope="class")
    @classmethod
    def queries(cls, dataset: Dataset) -> Queries:
        """A dozen users with their histories, the last without any."""
        return dataset.queries([*range(11), dataset.n_users - 1])


class FitContract(Fixtures):
    """Settings, training, saving."""

    def test_it_can_be_made_without_settings(self, make: Make) -> None:
        kind = type(make())
        assert isinstance(kind().config, Config)

    def test_its_settings_round_trip(self, make: Make) -> None:
        model = make()
        assert type(model)(**model.config.model_dump(mode="json")).config == model.config

    def test_an_unknown_setting_is_refused(self, make: Make) -> None:
        with pytest.raises(ConfigError, match="no such setting"):
            type(make())(no_such_setting=1)

    def test_fit_returns_the_model(self, make: Make, dataset: Dataset) -> None:
        model = make()
        assert model.fit(dataset, QUIET) is model
        assert model.n_items == dataset.n_items

    def test_fit_does_not_change_its_input(self, make: Make) -> None:
        dataset, untouched = everyday(), everyday()
        make().fit(dataset, QUIET)
        assert dataset.fingerprint == untouched.fingerprint  # computed here for the first time

    def test_a_second_fit_equals_a_fresh_one(self, make: Make, dataset: Dataset, queries: Queries) -> None:
        again = make().fit(ties(), QUIET).fit(dataset, QUIET)
        np.testing.assert_array_equal(again.scores(queries), make().fit(dataset, QUIET).scores(queries))

    def test_the_same_seed_gives_the_same_bits(self, make: Make, model: Model, dataset: Dataset) -> None:
        ours, theirs = model.artifact().arrays, make().fit(dataset, QUIET).artifact().arrays
        assert ours.keys() == theirs.keys()
        for name, array in ours.items():
            np.testing.assert_array_equal(array, theirs[name], err_msg=name)

    def test_the_number_of_threads_does_not_change_results(self, make: Make, dataset: Dataset, queries: Queries) -> None:
        one, two = (make().fit(dataset, replace(QUIET, threads=threads)).scores(queries) for threads in (1, 2))
        assert_alike(one, two)

    def test_an_unfitted_model_says_so(self, make: Make, queries: Queries, tmp_path: Path) -> None:
        candidates = Candidates.of(Jagged.of([[0]] * len(queries)))
        calls: list[Callable[[Model], object]] = [
            lambda model: model.n_items,
            lambda model: model.scores(queries),
            lambda model: model.score(queries, candidates),
            lambda model: model.recommend(queries, 3),
            lambda model: model.save(tmp_path / "unfitted"),
        ]
        for call in calls:
            with pytest.raises(NotFittedError, match="call `fit` first"):
                call(make())

    def test_data_without_events_are_refused(self, make: Make, dataset: Dataset) -> None:
        with pytest.raises(DataError, match="has no events"):
            make().fit(dataset.keep(np.zeros(dataset.n_events, dtype=bool)), QUIET)

    @pytest.mark.parametrize("n_events", [1, 2, 3])
    def test_the_smallest_data_are_learned_from(self, make: Make, dataset: Dataset, n_events: int) -> None:
        model = make().fit(dataset.keep(np.arange(dataset.n_events) < n_events), QUIET)
        assert not np.isnan(model.scores(dataset.queries())).any()

    def test_save_and_load_keep_scores(self, model: Model, queries: Queries, tmp_path: Path) -> None:
        model.save(tmp_path / "model")
        loaded = type(model).load(tmp_path / "model")
        assert (loaded.config, loaded.items) == (model.config, model.items)
        assert (loaded.event_types, loaded.scenarios) == (model.event_types, model.scenarios)
        np.testing.assert_array_equal(loaded.scores(queries), model.scores(queries))


class ScoreContract(Fixtures):
    """Scores as a function of the request."""

    def test_scores_are_numbers_or_minus_infinity(self, model: Model, queries: Queries) -> None:
        scores = model.scores(queries)
        assert scores.shape == (len(queries), model.n_items)
        assert scores.dtype == np.dtype(np.float32)
        assert not np.isnan(scores).any() and not np.isposinf(scores).any()

    def test_a_candidates_score_is_its_place_in_scores(self, model: Model, queries: Queries) -> None:
        items = Jagged.of([np.arange(model.n_items)[:: b + 1] for b in range(len(queries))])
        picked = model.scores(queries)[rows_of(items.offsets), items.values]
        assert_alike(model.score(queries, Candidates.of(items)), picked)

    def test_an_unknown_candidate_scores_minus_infinity(self, model: Model, queries: Queries) -> None:
        candidates = Candidates.of(Jagged.of([[UNKNOWN, model.n_items, model.n_items + 7]] * len(queries)))
        assert np.isneginf(model.score(queries, candidates)).all()

    def test_a_batch_equals_one_by_one(self, model: Model, queries: Queries) -> None:
        alone = [model.scores(queries.take(np.array([row]))) for row in range(len(queries))]
        assert_alike(model.scores(queries), np.concatenate(alone))

    def test_the_order_of_queries_is_irrelevant(self, model: Model, queries: Queries) -> None:
        order = np.random.default_rng(0).permutation(len(queries))
        assert_alike(model.scores(queries.take(order)), model.scores(queries)[order])

    def test_events_after_at_change_nothing(self, model: Model, dataset: Dataset) -> None:
        queries = dataset.queries(at=25)  # the middle of time
        past = queries.keep_events(queries.timestamps <= 25)
        assert len(past.items) < len(queries.items)
        np.testing.assert_array_equal(model.scores(queries), model.scores(past))
        ours, theirs = model.recommend(queries, 5), model.recommend(past, 5)
        np.testing.assert_array_equal(ours.items, theirs.items)
        np.testing.assert_array_equal(ours.scores, theirs.scores)

    def test_an_unknown_user_is_answered_from_the_history(self, model: Model, queries: Queries) -> None:
        strangers = replace(queries, users=np.full(len(queries), UNKNOWN, np.int32))
        np.testing.assert_array_equal(model.scores(strangers), model.scores(queries))

    def test_unknown_items_in_a_history_are_ignored(self, model: Model) -> None:
        plain = Queries.of([[3, 1], [2]], timestamps=[[0, 1], [0]], at=9)
        unknown = Queries.of([[3, UNKNOWN, 1], [model.n_items + 3, 2]], timestamps=[[0, 0, 1], [0, 0]], at=9)
        np.testing.assert_array_equal(model.scores(unknown), model.scores(plain))

    def test_an_empty_history_is_answered_in_full_or_not_at_all(self, model: Model) -> None:
        scores = model.scores(Queries.of([[], [1, 2], []]))
        for row in (scores[0], scores[2]):
            assert np.isneginf(row).all() if model.needs_history else np.isfinite(row).any()
        assert np.isfinite(scores[1]).any()

    def test_a_long_history_is_answered(self, model: Model) -> None:
        assert np.isfinite(model.scores(Queries.of([np.arange(2_000) % model.n_items]))).any()

    def test_no_request_gives_no_score(self, model: Model) -> None:
        assert model.scores(Queries.of([])).shape == (0, model.n_items)
        assert len(model.recommend(Queries.of([]), 3)) == 0

    def test_scoring_does_not_change_the_request(self, model: Model, dataset: Dataset) -> None:
        queries, untouched = dataset.queries(), everyday().queries()
        model.recommend(queries, 3)
        for name in ("users", "offsets", "items", "event_types", "values", "timestamps", "at", "scenarios"):
            np.testing.assert_array_equal(getattr(queries, name), getattr(untouched, name), err_msg=name)

    def test_concurrent_requests_do_not_disturb_each_other(self, model: Model, queries: Queries) -> None:
        rows = [np.array([row % len(queries)]) for row in range(4 * len(queries))]
        with ThreadPoolExecutor(4) as pool:
            scores = list(pool.map(lambda row: model.scores(queries.take(row)), rows))
        assert_alike(np.concatenate(scores), np.tile(model.scores(queries), (4, 1)))


class RecommendContract(Fixtures):
    """Lists: order, length, and what must not be in them."""

    def test_recommend_is_the_top_n_of_scores(self, model: Model, queries: Queries) -> None:
        expected, found = model.scores(queries), model.recommend(queries, 5, exclude_seen=False)
        for b in range(len(queries)):
            best = np.lexsort((np.arange(model.n_items), -expected[b]))[:5]
            best = best[np.isfinite(expected[b][best])]
            assert_alike(found.row_scores(b), expected[b][best])
            assert_alike(expected[b][found.row(b)], expected[b][best])

    def test_a_batch_of_lists_equals_one_by_one(self, model: Model, queries: Queries) -> None:
        together = model.recommend(queries, 5)
        for b in range(len(queries)):
            alone = model.recommend(queries.take(np.array([b])), 5)
            assert_alike_lists(alone, Candidates.of(Jagged.of([together.row(b)]), together.row_scores(b)))

    def test_ties_go_to_the_lower_code(self, make: Make) -> None:
        dataset = ties()
        found = make().fit(dataset, QUIET).recommend(dataset.queries(), dataset.n_items, exclude_seen=False)
        for b in range(len(found)):
            items, scores = found.row(b), found.row_scores(b)
            assert (np.diff(scores) <= 0).all()
            assert (np.diff(items)[np.diff(scores) == 0] > 0).all()

    def test_no_item_comes_twice(self, model: Model, queries: Queries) -> None:
        found = model.recommend(queries, model.n_items, exclude_seen=False)
        assert all(len(set(found.row(b).tolist())) == len(found.row(b)) for b in range(len(found)))

    def test_seen_items_are_left_out(self, model: Model, queries: Queries) -> None:
        found = model.recommend(queries, model.n_items)
        assert all(not set(found.row(b).tolist()) & set(queries.history(b).tolist()) for b in range(len(found)))

    def test_seen_items_come_where_they_may(self, model: Model, queries: Queries) -> None:
        found = model.recommend(queries, model.n_items, exclude_seen=False)
        assert any(set(found.row(b).tolist()) & set(queries.history(b).tolist()) for b in range(len(found)))

    def test_only_allowed_items_come(self, model: Model, queries: Queries) -> None:
        allowed = np.arange(model.n_items) % 3 == 0
        found = model.recommend(replace(queries, allowed=allowed), model.n_items)
        assert len(found.items) and allowed[found.items].all()

    def test_excluded_items_never_come(self, model: Model, queries: Queries) -> None:
        first = model.recommend(queries, 2)
        excluded = Jagged(first.items, first.offsets)
        found = model.recommend(replace(queries, excluded=excluded), model.n_items)
        assert all(not set(found.row(b).tolist()) & set(excluded.row(b).tolist()) for b in range(len(found)))

    def test_asking_for_more_than_there_is_gives_what_there_is(self, model: Model, queries: Queries) -> None:
        assert_alike_lists(model.recommend(queries, 10**9), model.recommend(queries, model.n_items))

    def test_asking_for_nothing_gives_nothing(self, model: Model, queries: Queries) -> None:
        assert len(model.recommend(queries, 0).items) == 0

    def test_on_a_checkerboard_the_withheld_item_comes_first(self, make: Make) -> None:
        model = make()
        if model.name in self.impersonal:
            pytest.skip(f"{model.name} answers everybody alike")
        dataset, withheld = checkerboard()
        found = model.fit(dataset, QUIET).recommend(dataset.queries(), 1)
        np.testing.assert_array_equal(found.items, withheld)


class ModelContract(FitContract, ScoreContract, RecommendContract):
    """All of it: the one to subclass."""
