import threading
from pathlib import Path

import pytest
from scenario_parts import DAY_ONE, N_ITEMS, TITLES, events_of

from penchant.core.clock import SECOND
from penchant.core.errors import RequestError
from penchant.jobs.train import train
from penchant.pipeline.retrieve import NO_HISTORY, NO_MATCH, SEEDS_UNKNOWN, UNKNOWN_HISTORY
from penchant.scenarios import Engine, Project, Request
from penchant.scenarios.answer import Recommendation
from penchant.scenarios.build import NO_MODEL


@pytest.fixture
def engine(project: Project) -> Engine:
    train(project, quiet=True)
    return Engine(project, clock=lambda: DAY_ONE)


def ids(answer: Recommendation) -> list[str]:
    return [item.item_id for item in answer.items]


def parities(answer: Recommendation) -> set[int]:
    return {int(id_[1:]) % 2 for id_ in ids(answer)}


def test_a_known_user_gets_what_fits_and_nothing_seen(engine: Engine) -> None:
    answer = engine.recommend(Request("home", user_id="u4", n=1))
    assert ids(answer) == ["i4"]  # the only even item with events that u4 has not met
    assert answer.fallback_reason is None
    assert answer.model_version is not None
    assert answer.model_version.startswith("item-knn/")
    assert answer.items[0].properties["title"] == TITLES["i4"]
    assert answer.scenario == "home"
    assert answer.took_ms > 0


def test_an_unknown_user_and_a_visitor_are_new(engine: Engine) -> None:
    unknown, visitor = (engine.recommend(Request("home", user_id=user)) for user in ("nobody", None))
    assert ids(unknown) == ids(visitor) != []
    assert unknown.fallback_reason == visitor.fallback_reason == NO_HISTORY
    assert unknown.model_version is not None
    assert unknown.model_version.startswith("popular/")


def test_an_acknowledged_event_changes_the_next_answer(engine: Engine, project: Project) -> None:
    before = engine.recommend(Request("home", user_id="newcomer", n=3))
    project.events.append(events_of([("newcomer", "i1", DAY_ONE - SECOND)]))
    after = engine.recommend(Request("home", user_id="newcomer", n=3))
    assert ids(after) != ids(before)
    assert after.fallback_reason is None
    assert parities(after) == {1}
    assert "i1" not in ids(after)


def test_a_history_of_items_that_no_model_knows_is_no_missing_history(engine: Engine, project: Project) -> None:
    project.events.append(events_of([("newcomer", "never-met", DAY_ONE - SECOND)]))
    assert engine.recommend(Request("home", user_id="newcomer")).fallback_reason == UNKNOWN_HISTORY
    assert engine.recommend(Request("home", user_id="nobody")).fallback_reason == NO_HISTORY


def test_an_event_a_little_ahead_of_the_clock_counts_too(engine: Engine, project: Project) -> None:
    project.events.append(events_of([("newcomer", "i1", DAY_ONE + 60 * SECOND)]))
    assert engine.recommend(Request("home", user_id="newcomer", n=3)).fallback_reason is None


def test_an_answer_as_of_a_time_knows_nothing_later(engine: Engine, project: Project) -> None:
    project.events.append(events_of([("newcomer", "i1", DAY_ONE - SECOND)]))
    assert engine.recommend(Request("home", user_id="newcomer", at=DAY_ONE - 2 * SECOND)).fallback_reason == NO_HISTORY


def test_a_session_is_a_history(engine: Engine) -> None:
    answer = engine.recommend(Request("home", session_items=("i1", "nobody-knows"), n=3))
    assert parities(answer) == {1}
    assert "i1" not in ids(answer)


def test_similar_items_share_the_seed_s_public(engine: Engine) -> None:
    answer = engine.recommend(Request("similar", seed_items=("i3",), n=4))
    assert parities(answer) == {1}
    assert "i3" not in ids(answer)
    assert answer.fallback_reason is None


def test_a_new_item_is_found_at_once_by_words_and_by_likeness(engine: Engine, project: Project) -> None:
    project.features.upsert("items", [("fresh", {"title": "odd newcomer", "categories": ["odd"]})])
    engine.changed(["fresh"])
    assert ids(engine.recommend(Request("search", text="newcomer"))) == ["fresh"]
    answer = engine.recommend(Request("similar", seed_items=("fresh",), n=3))
    assert parities(answer) == {1}
    assert answer.fallback_reason == SEEDS_UNKNOWN


def test_a_new_item_is_found_even_if_nobody_told_the_engine(engine: Engine, project: Project) -> None:
    project.features.upsert("items", [("fresh", {"title": "odd newcomer"})])
    assert ids(engine.recommend(Request("search", text="newcomer"))) == ["fresh"]
    assert engine.recommend(Request("similar", seed_items=("fresh",))).items


def test_a_new_item_with_events_trends_after_a_refresh(engine: Engine, project: Project) -> None:
    project.events.append(events_of([(f"v{user}", "fresh", DAY_ONE) for user in range(20)]))
    engine.refresh()
    answer = engine.recommend(Request("trending", n=3))
    assert ids(answer)[0] == "fresh"
    assert answer.fallback_reason is None


def test_what_cannot_be_had_is_in_no_answer(engine: Engine, project: Project) -> None:
    requests = [
        Request("home", user_id="u4", n=N_ITEMS),
        Request("similar", seed_items=("i2",), n=N_ITEMS),
        Request("trending", n=N_ITEMS),
        Request("search", text="even", n=N_ITEMS),
        Request("rank", items=("i4", "i6", "i8")),
    ]
    assert all("i4" in ids(engine.recommend(request)) for request in requests)
    project.features.upsert("items", [("i4", {"title": TITLES["i4"], "available": False})])
    assert all("i4" not in ids(engine.recommend(request)) for request in requests)  # nobody told the engine
    project.features.upsert("items", [("i4", {"title": TITLES["i4"]})])
    engine.changed(["i4"])
    assert all("i4" in ids(engine.recommend(request)) for request in requests)
    project.features.delete("items", ["i4"])
    engine.changed(["i4"])
    assert all("i4" not in ids(engine.recommend(request)) for request in requests)


def test_what_another_process_deleted_is_gone_after_a_refresh(engine: Engine, project: Project) -> None:
    project.features.delete("items", ["i4"])
    engine.refresh()
    assert "i4" not in ids(engine.recommend(Request("trending", n=N_ITEMS)))


def test_a_list_is_put_in_the_user_s_order_less_what_nobody_knows(engine: Engine) -> None:
    answer = engine.recommend(Request("rank", user_id="u1", items=("i8", "nobody-knows", "i9", "i8", "i7", "nobody-knows")))
    assert answer.unknown_items == ("nobody-knows",)
    assert sorted(ids(answer)) == ["i7", "i8", "i9"]
    assert ids(answer)[-1] == "i8"
    assert answer.fallback_reason is None


def test_a_list_is_ranked_by_popularity_for_a_visitor_and_says_so(engine: Engine) -> None:
    answer = engine.recommend(Request("rank", items=("i11", "i9")))
    assert ids(answer) == ["i9", "i11"]
    assert answer.fallback_reason == NO_HISTORY


def test_a_search_is_moved_by_taste(engine: Engine) -> None:
    for user, parity in (("u2", 0), ("u1", 1)):
        assert int(ids(engine.recommend(Request("search", text="thing", user_id=user)))[0][1:]) % 2 == parity


def test_a_search_that_matches_nothing_is_empty_and_says_so(engine: Engine) -> None:
    answer = engine.recommend(Request("search", text="zebra"))
    assert answer.items == ()
    assert answer.fallback_reason == NO_MATCH


def test_continue_may_repeat_what_was_met_but_not_what_is_playing(engine: Engine) -> None:
    answer = engine.recommend(Request("continue", user_id="u1", session_items=("i9",), n=N_ITEMS))
    assert {"i3", "i5", "i7"} <= set(ids(answer))
    assert "i9" not in ids(answer)


def test_without_any_model_the_fallback_answers_and_says_so(project: Project) -> None:
    engine = Engine(project, clock=lambda: DAY_ONE)
    for request in (Request("home", user_id="u1"), Request("similar", seed_items=("i1",)), Request("continue", user_id="u1")):
        answer = engine.recommend(request)
        assert answer.items
        assert answer.fallback_reason == NO_MODEL
        assert answer.model_version is None
    assert engine.recommend(Request("trending")).fallback_reason is None  # counting needs no training
    assert engine.ready() == (True, "no model is trained: answers come from the fallback; run `penchant train`")


def test_an_empty_project_answers_with_nothing(tmp_path: Path) -> None:
    with Project.create(tmp_path) as project:
        engine = Engine(project)
        for request in (Request("home"), Request("trending"), Request("search", text="x"), Request("rank", items=("x",))):
            answer = engine.recommend(request)
            assert answer.items == ()
            assert answer.fallback_reason


@pytest.mark.parametrize(
    ("request_", "field", "status", "what"),
    [
        (Request("hoem"), "scenario", 404, "did you mean 'home'"),
        (Request("similar"), "item_id", 422, "is required"),
        (Request("similar", seed_items=("i1", "nobody-knows")), "item_id", 404, "no item 'nobody-knows'"),
        (Request("search", text="  "), "text", 422, "is required"),
        (Request("rank"), "items", 422, "is required"),
        (
            Request("continue", user_id="u1", seed_items=("i1",)),
            "item_id",
            422,
            "has no effect here; .* takes user_id, session_items, n, explain",
        ),
        (Request("home", text="thing"), "text", 422, "has no effect here"),
        (Request("trending", items=("i1",)), "items", 422, "has no effect here"),
        (Request("rank", items=("i1",), seed_items=("i1",)), "item_id", 422, "takes items, user_id"),
        (Request("home", n=0), "n", 422, "from 1 to 1,000, not 0"),
        (Request("home", n=10**9), "n", 422, "not 1,000,000,000"),
    ],
)
def test_the_caller_s_mistake_names_its_field(engine: Engine, request_: Request, field: str, status: int, what: str) -> None:
    with pytest.raises(RequestError, match=what) as caught:
        engine.recommend(request_)
    assert (caught.value.field, caught.value.status) == (field, status)


def test_a_kind_names_its_first_scenario(engine: Engine) -> None:
    assert engine.recommend(Request("for-you")).scenario == "home"
    with pytest.raises(RequestError, match="no scenario 'people'"):
        engine.recommend(Request("people"))


def test_reasons_are_measured_the_planted_cause_is_named(engine: Engine, project: Project) -> None:
    """i0 is liked by even users only, so for somebody who met i1 and i0, only i0 speaks for an even item."""
    project.events.append(events_of([("mixed", "i1", DAY_ONE - 2 * SECOND), ("mixed", "i0", DAY_ONE - SECOND)]))
    answer = engine.recommend(Request("home", user_id="mixed", n=8, explain=True))
    for item in answer.items:
        cause = "i0" if int(item.item_id[1:]) % 2 == 0 else "i1"
        assert [reason.item_id for reason in item.reasons] == [cause]
        assert item.reasons[0].title == TITLES[cause]
        assert item.reasons[0].weight > 0
        assert TITLES[cause] in item.reasons[0].text


def test_without_being_asked_no_reasons_are_given(engine: Engine) -> None:
    assert all(item.reasons == () for item in engine.recommend(Request("home", user_id="u1")).items)


def test_an_answer_can_be_explained_later(engine: Engine) -> None:
    answer = engine.recommend(Request("home", user_id="u4", n=2))
    why = engine.explain(answer.recommendation_id, "i4")
    assert (why.position, why.recommendation_id, why.item_id) == (0, answer.recommendation_id, "i4")
    assert why.verdict == "place 1 of 2, found by 'item-knn'"
    assert why.reasons
    assert why.trace == answer.trace


def test_what_is_not_in_an_answer_is_explained_too(engine: Engine, project: Project) -> None:
    answer = engine.recommend(Request("home", user_id="u4", n=1))
    assert engine.explain(answer.recommendation_id, "i2").verdict == "left out: seen: already in the history"
    assert engine.explain(answer.recommendation_id, "i1").verdict.startswith("it would have place ")
    project.features.delete("items", ["i1"])
    engine.changed(["i1"])
    assert engine.explain(answer.recommendation_id, "i1").verdict == "left out: available: not available"


def test_what_the_fallback_chose_has_no_invented_reason(engine: Engine) -> None:
    answer = engine.recommend(Request("home", explain=True, n=2))
    why = engine.explain(answer.recommendation_id, ids(answer)[0])
    assert why.reasons == answer.items[0].reasons == ()
    assert why.verdict == f"place 1 of 2, filled up by 'popular': {NO_HISTORY}"


@pytest.mark.parametrize(("answer", "item", "field"), [("unheard-of", "i1", "recommendation_id"), (None, "nobody-knows", "item_id")])
def test_what_cannot_be_explained_is_a_404(engine: Engine, answer: str | None, item: str, field: str) -> None:
    known = engine.recommend(Request("home")).recommendation_id
    with pytest.raises(RequestError) as caught:
        engine.explain(answer or known, item)
    assert (caught.value.field, caught.value.status) == (field, 404)


def test_a_published_model_is_taken_up_by_a_refresh(project: Project) -> None:
    engine = Engine(project, clock=lambda: DAY_ONE)
    (trained,) = train(project, "item-knn", quiet=True)
    assert engine.recommend(Request("home", user_id="u1")).model_version is None
    engine.refresh()
    assert engine.recommend(Request("home", user_id="u1")).model_version == trained.version


def test_a_version_that_cannot_be_loaded_leaves_the_one_before(engine: Engine, project: Project, caplog: pytest.LogCaptureFixture) -> None:
    before = engine.recommend(Request("home", user_id="u1"))
    (trained,) = train(project, "item-knn", quiet=True)
    (project.dir / "models" / trained.version / "tensors.safetensors").write_bytes(b"forged")
    engine.refresh()
    after = engine.recommend(Request("home", user_id="u1"))
    assert after.model_version == before.model_version
    assert ids(after) == ids(before)
    assert trained.version in engine.ready()[1]
    assert trained.version in caplog.text
    engine.refresh()  # the damaged version is not tried again and again
    assert caplog.text.count("cannot be used") == 1
    assert "Traceback" not in caplog.text  # the reason is ours, and says what to do


def test_a_damaged_model_at_the_start_leaves_the_fallback(engine: Engine, project: Project) -> None:
    for version in project.artifacts.versions("item-knn"):
        (project.dir / "models" / version / "tensors.safetensors").write_bytes(b"forged")
    answer = Engine(project, clock=lambda: DAY_ONE).recommend(Request("home", user_id="u1"))
    assert answer.items
    assert answer.fallback_reason == "the model 'item-knn' cannot be loaded"


def test_answers_are_the_same_from_many_threads_while_models_are_swapped(engine: Engine, project: Project) -> None:
    expected = {user: ids(engine.recommend(Request("home", user_id=user))) for user in ("u1", "u2", "u3", "u4")}
    wrong: list[object] = []

    def ask(user: str) -> None:
        for _ in range(25):
            answer = engine.recommend(Request("home", user_id=user))
            if ids(answer) != expected[user] or answer.fallback_reason:
                wrong.append(answer)

    threads = [threading.Thread(target=ask, args=(user,)) for user in expected]
    for thread in threads:
        thread.start()
    for _ in range(3):
        train(project, "item-knn", quiet=True)
        engine.reload()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_an_answer_is_plain_json_the_same_for_every_interface(engine: Engine) -> None:
    answer = engine.recommend(Request("home", user_id="u1", explain=True)).as_json(trace=True)
    assert list(answer) == [
        "recommendation_id", "scenario", "model_version", "variant", "took_ms", "fallback_reason", "items", "unknown_items", "trace",
    ]  # fmt: skip
    assert list(answer["items"][0]) == ["item_id", "score", "properties", "reasons"]
    assert list(answer["items"][0]["reasons"][0]) == ["item_id", "title", "weight", "text"]
    assert list(answer["trace"][0]) == ["stage", "component", "in", "kept", "removed", "why", "ms", "failed"]
