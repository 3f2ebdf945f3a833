"""The contract is worth what it catches: each model here breaks one promise, and the test of that promise fails."""

import numpy as np
import pytest

from penchant.core.types import Candidates, FloatArray, Queries
from penchant.data import Dataset
from penchant.models.base import FitOptions, Model
from penchant.models.item_knn import ItemKNN
from penchant.models.popular import Popular
from penchant.testing.contract import QUIET, FitContract, RecommendContract, ScoreContract
from penchant.testing.data import checkerboard, everyday


class ReadsTheFuture(ItemKNN):
    def scores(self, queries: Queries) -> FloatArray:
        return self._scores(queries)


class KnowsUsersByNumber(ItemKNN):
    def _scores(self, queries: Queries) -> FloatArray:
        return super()._scores(queries) + queries.users[:, None].astype(np.float32)


class MixesRequests(ItemKNN):
    def _scores(self, queries: Queries) -> FloatArray:
        return super()._scores(queries) / np.float32(1 + len(queries))


class ForgetsOnSave(Popular):
    def _restore(self, arrays: dict) -> None:
        self._counts = np.zeros_like(arrays["counts"])


class AddsToTheLastFit(Popular):
    def _fit(self, dataset: Dataset, options: FitOptions) -> None:
        before = getattr(self, "_total", 0)
        super()._fit(dataset, options)
        self._total = before + len(dataset.interactions)
        self._counts = self._counts + self._total


class RollsDice(Popular):
    dice = np.random.default_rng(0)

    def _fit(self, dataset: Dataset, options: FitOptions) -> None:
        super()._fit(dataset, options)
        self._counts = self._counts + self.dice.random(len(self._counts), dtype=np.float32)


class RecommendsSeen(Popular):
    def recommend(self, queries: Queries, n: int, *, exclude_seen: bool = True) -> Candidates:
        return super().recommend(queries, n, exclude_seen=False)


class ShufflesTies(Popular):
    def recommend(self, queries: Queries, n: int, *, exclude_seen: bool = True) -> Candidates:
        found = super().recommend(queries, n, exclude_seen=exclude_seen)
        order = np.lexsort((-found.items, -found.scores, np.repeat(np.arange(len(found)), np.diff(found.offsets))))
        return Candidates(found.items[order], found.scores[order], found.source, found.offsets)


def fitted(kind: type[Model]) -> tuple[Model, Dataset, Queries]:
    dataset = everyday()
    return kind().fit(dataset, QUIET), dataset, dataset.queries(range(12))


def test_reading_the_future_is_caught() -> None:
    model, dataset, _ = fitted(ReadsTheFuture)
    with pytest.raises(AssertionError):
        ScoreContract().test_events_after_at_change_nothing(model, dataset)


def test_knowing_users_by_number_is_caught() -> None:
    model, _, queries = fitted(KnowsUsersByNumber)
    with pytest.raises(AssertionError):
        ScoreContract().test_an_unknown_user_is_answered_from_the_history(model, queries)


def test_mixing_requests_is_caught() -> None:
    model, _, queries = fitted(MixesRequests)
    with pytest.raises(AssertionError):
        ScoreContract().test_a_batch_equals_one_by_one(model, queries)


def test_forgetting_on_save_is_caught(tmp_path) -> None:
    model, _, queries = fitted(ForgetsOnSave)
    with pytest.raises(AssertionError):
        FitContract().test_save_and_load_keep_scores(model, queries, tmp_path)


def test_adding_to_the_last_fit_is_caught() -> None:
    _, dataset, queries = fitted(AddsToTheLastFit)
    with pytest.raises(AssertionError):
        FitContract().test_a_second_fit_equals_a_fresh_one(AddsToTheLastFit, dataset, queries)


def test_rolling_dice_is_caught() -> None:
    model, dataset, _ = fitted(RollsDice)
    with pytest.raises(AssertionError):
        FitContract().test_the_same_seed_gives_the_same_bits(RollsDice, model, dataset)


def test_recommending_seen_items_is_caught() -> None:
    model, _, queries = fitted(RecommendsSeen)
    with pytest.raises(AssertionError):
        RecommendContract().test_seen_items_are_left_out(model, queries)


def test_shuffling_ties_is_caught() -> None:
    with pytest.raises(AssertionError):
        RecommendContract().test_ties_go_to_the_lower_code(ShufflesTies)


def test_answering_everybody_alike_is_caught() -> None:
    with pytest.raises(AssertionError):
        RecommendContract().test_on_a_checkerboard_the_withheld_item_comes_first(Popular)


@pytest.mark.parametrize("size", [6, 20])
def test_a_checkerboard_withholds_one_item_of_each_user_and_all_are_equally_popular(size: int) -> None:
    dataset, withheld = checkerboard(size)
    matrix = dataset.interactions.matrix(dataset.n_items).toarray()
    assert (matrix.sum(axis=0) == matrix.sum(axis=0)[0]).all() and (matrix <= 1).all()
    for user, item in enumerate(withheld):
        neighbours = matrix[matrix[:, item] > 0]  # those who met it met whatever this user met, but for their own
        assert matrix[user, item] == 0 and (matrix[user] <= neighbours.max(axis=0)).all()
