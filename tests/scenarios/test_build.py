import numpy as np
import polars as pl
import pytest

from penchant.core.types import IntArray, Jagged, Queries
from penchant.data import Dataset
from penchant.data.split import leave_one_out
from penchant.evaluation import evaluate
from penchant.models import ItemKNN
from penchant.models.popular import Popular
from penchant.pipeline import Pipeline
from penchant.scenarios.build import NO_MODEL, Parts, build
from penchant.scenarios.scenario import Scenario


def dataset() -> Dataset:
    """Thirty users walk over twenty items, each with a step of his own."""
    rows = [(f"u{user}", f"i{(user + step * (1 + user % 3)) % 20}", 100 * user + step) for user in range(30) for step in range(7)]
    return Dataset.from_events(pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row"))


def parts(train: Dataset, **models: object) -> Parts:
    def categories(items: IntArray) -> list[frozenset[str]]:
        return [frozenset({str(int(item) % 2)}) for item in items]

    return Parts(
        models={"popular": Popular().fit(train), **models},
        search=lambda text, n: [],
        describe=lambda item: [],
        categories=categories,
        available=lambda: np.ones(train.n_items, dtype=bool),
        missing={"lost": "the model 'lost' cannot be loaded"},
    )


def path(train: Dataset, kind: str = "for-you", **settings: object) -> Pipeline:
    chosen = {"retrievers": ("knn",), **settings}
    return build("here", Scenario.of(kind, **chosen), parts(train, knn=ItemKNN().fit(train)))


def test_a_pipeline_is_evaluated_as_the_model_in_it() -> None:
    split = leave_one_out(dataset())
    served = evaluate(path(split.train), split.test, at=5).metrics
    alone = evaluate(ItemKNN().fit(split.train), split.test, at=5).metrics
    assert served["ndcg@5"] == pytest.approx(alone["ndcg@5"])
    assert served["recall@5"] == pytest.approx(alone["recall@5"])


def test_variety_puts_another_category_second() -> None:
    train = dataset()
    queries = train.queries()
    plain, varied = (path(train, diversity=weight).run(queries, 6).candidates for weight in (0.0, 0.8))
    assert any(len(set((plain.row(b)[:2] % 2).tolist())) == 1 for b in range(30))
    assert all(len(set((varied.row(b)[:2] % 2).tolist())) == 2 for b in range(30))


@pytest.mark.parametrize(("name", "why"), [("nowhere", NO_MODEL), ("lost", "the model 'lost' cannot be loaded")])
def test_a_model_that_is_not_there_is_replaced_and_named(name: str, why: str) -> None:
    train = dataset()
    answer = path(train, retrievers=(name,)).run(train.queries([0]), 4)
    assert len(answer.candidates.items) == 4
    assert answer.fallback_reason == why


def test_a_long_list_is_ranked_whole() -> None:
    train = dataset()
    ranking = build("rank", Scenario.of("rank", ranker="knn", candidates=3), parts(train, knn=ItemKNN().fit(train)))
    queries = Queries.of([[0, 1]], seeds=Jagged.of([list(range(20))]))
    assert sorted(ranking.run(queries, 20).candidates.items.tolist()) == list(range(20))


def test_the_model_that_orders_explains() -> None:
    train = dataset()
    knn = ItemKNN().fit(train)
    found = parts(train, knn=knn)
    assert build("a", Scenario.of("for-you", retrievers=("knn",)), found).explainer is knn
    assert build("b", Scenario.of("rank", ranker="knn"), found).explainer is knn
    assert build("c", Scenario.of("trending", retrievers=("popular",)), found).explainer is None
