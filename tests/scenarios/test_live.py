import numpy as np
import polars as pl
from scenario_parts import DAY_ONE, N_ITEMS, TITLES, events_of

from penchant.core.clock import SECOND
from penchant.core.types import Candidates, Jagged, Queries
from penchant.data import Dataset, Vocabulary
from penchant.models import ItemKNN
from penchant.models.popular import Popular
from penchant.scenarios import Project
from penchant.scenarios.live import LiveCounts, LiveItems, Translated, translated

TYPES = {"view": 0}


def backwards(project: Project) -> tuple[ItemKNN, ItemKNN]:
    """The same model trained with the project's codes, and with other ones; the second also knows an item that the store never saw."""
    dataset = project.dataset()
    events = dataset.interactions
    frame = pl.DataFrame(
        {
            "user_id": dataset.users.decode(events.users),
            "item_id": dataset.items.decode(events.items),
            "timestamp": events.timestamps,
            "event_type": "view",
        }
    )
    stranger = pl.DataFrame({"user_id": "u1", "item_id": "stranger", "timestamp": DAY_ONE, "event_type": "view"})
    other = Dataset.from_events(pl.concat([frame.reverse(), stranger]))
    assert other.items.ids[: N_ITEMS - 2] != dataset.items.ids[: N_ITEMS - 2]
    return ItemKNN(shrinkage=0).fit(dataset), ItemKNN(shrinkage=0).fit(other)


def scored(items: LiveItems, found: Candidates) -> dict[str, float]:
    return {
        items.id(code): round(score, 2) for code, score in zip(found.items.tolist(), found.scores.tolist(), strict=True) if score > 0.01
    }


def test_a_model_with_the_live_codes_is_used_as_it_is(project: Project) -> None:
    items, (model, _) = LiveItems(project.store.listing), backwards(project)
    assert model.items is not None
    assert translated(model, items, TYPES, {}) is model


def test_a_model_with_other_codes_answers_in_the_live_ones(project: Project) -> None:
    items, (_, other) = LiveItems(project.store.listing), backwards(project)
    assert other.items is not None
    model = translated(other, items, TYPES, {})
    assert isinstance(model, Translated)
    queries = Queries.of(
        [items.codes(["i1", "i3"])], allowed=items.codes(items.ids()) != items.code("i7"), excluded=Jagged.of([items.codes(["i9"])])
    )
    found = model.recommend(queries, N_ITEMS)
    assert set(scored(items, found)) == {"i5"}  # i1 and i3 are seen, i7 not allowed, i9 excluded, the stranger in no list
    assert np.allclose(model.score(queries, found), found.scores)
    unknown = Candidates.of(Jagged.of([[len(items) + 5]]))
    assert np.isneginf(model.score(queries, unknown)).all()


def test_a_model_is_told_places_in_its_own_codes(project: Project) -> None:
    items, (model, _) = LiveItems(project.store.listing), backwards(project)
    model.scenarios = Vocabulary(("home", "cart"))
    assert translated(model, items, TYPES, {"home": 0, "cart": 1, "search": 2}) is model
    other = translated(model, items, TYPES, {"search": 0, "cart": 1, "home": 2})
    assert isinstance(other, Translated)
    told = other._asked(Queries.of([[1, 2, 3, 4]], scenario="cart", scenarios=np.array([1, 0, -1, 2], np.int16)))
    assert told.scenarios is not None
    assert told.scenarios.tolist() == [1, -1, -1, 0]
    assert told.scenario == "cart"


def test_the_list_of_items_only_grows(project: Project) -> None:
    items = LiveItems(project.store.listing)
    before = items.ids()
    project.events.append(events_of([("u1", "fresh", DAY_ONE)]))
    assert items.code("fresh") == len(before)
    assert items.ids() == [*before, "fresh"]
    assert items.code("nobody-knows") == -1
    assert items.codes(["i1", "nobody-knows"]).tolist() == [before.index("i1"), -1]
    assert bool(items.available()[items.code("fresh")])


def test_counts_go_on_from_the_training(project: Project) -> None:
    from penchant.jobs.train import train

    (trained,) = train(project, "trending", quiet=True)
    items = LiveItems(project.store.listing)
    project.events.append(events_of([(f"v{n}", "fresh", DAY_ONE + n * SECOND) for n in range(3)]))
    going_on = LiveCounts.going_on(project.artifacts.get(trained.version), items, project.events)
    from_scratch = LiveCounts(1.0, items, project.events)
    for counts in (going_on, from_scratch):
        counts.refresh()
        counts.refresh()
    everything = Candidates.of(Jagged.of([items.codes([*TITLES, "fresh"])]))
    one, other = (counts.trending.score(Queries.of([[]]), everything) for counts in (going_on, from_scratch))
    assert np.allclose(one, other, atol=1e-5)
    assert one[-1] > 2.9


def test_counts_of_a_model_that_does_not_say_what_it_saw_start_anew(project: Project) -> None:
    items = LiveItems(project.store.listing)
    artifact = Popular().fit(project.dataset()).artifact()
    counts = LiveCounts.going_on(artifact, items, project.events)
    counts.refresh()
    expected = artifact.arrays["counts"]
    found = counts.trending.score(Queries.of([[]]), Candidates.of(Jagged.of([range(len(items))])))
    assert np.allclose(found, expected, atol=1e-5)
