import asyncio
import math
from typing import Any

import pytest
from api_client import Client, OpenClient, error_of
from fastapi import FastAPI

from penchant.jobs.train import train
from penchant.scenarios.engine import Engine, Recommendation, RecommendedItem, Request
from penchant.scenarios.project import Project
from penchant.serving.answers import Answer, WhyAnswer

QUESTIONS = [
    ("GET", "/v1/recommend/home?user_id=user-1", None),
    ("POST", "/v1/recommend/home", {"user_id": "user-1"}),
    ("POST", "/v1/recommend/home", None),
    ("GET", "/v1/recommend/trending", None),
    ("GET", "/v1/similar?item_id=film-1", None),
    ("POST", "/v1/similar", {"item_id": "film-1"}),
    ("POST", "/v1/similar", {"item_id": ["film-1", "film-2"]}),
    ("GET", "/v1/search?q=Film", None),
    ("POST", "/v1/search", {"q": "Film", "user_id": "user-1"}),
    ("POST", "/v1/rank", {"user_id": "user-1", "items": ["film-9", "film-3"]}),
]


def ids(client: Client, url: str) -> list[str]:
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    return [item["item_id"] for item in answer.json()["items"]]


@pytest.mark.parametrize(("method", "url", "body"), QUESTIONS)
def test_every_question_has_the_one_answer_shape(shop: Client, method: str, url: str, body: Any) -> None:
    answer = shop.request(method, url, json=body)
    assert answer.status_code == 200, answer.text
    found = Answer.model_validate(answer.json(), strict=True)
    assert found.items
    assert len({item.item_id for item in found.items}) == len(found.items)
    assert all(item.properties["title"].startswith("Film") for item in found.items)


NEEDS_NO_MODEL = ("/v1/search", "/v1/recommend/trending")  # words are found and events are counted: nothing is missing


@pytest.mark.parametrize(("method", "url", "body"), [question for question in QUESTIONS if not question[1].startswith(NEEDS_NO_MODEL)])
def test_without_a_model_every_answer_says_so(shop: Client, method: str, url: str, body: Any) -> None:
    found = shop.request(method, url, json=body).json()
    assert found["model_version"] is None
    assert found["fallback_reason"]


def test_an_acknowledged_event_changes_the_next_answer(shop: Client) -> None:
    before = ids(shop, "/v1/recommend/home?user_id=new&n=12")
    for _ in range(3):
        first = before[0]
        assert shop.post("/v1/events", {"user_id": "new", "item_id": first}).status_code == 200
        after = ids(shop, "/v1/recommend/home?user_id=new&n=12")
        assert after == [item for item in before if item != first]
        before = after


def test_a_new_item_is_found_at_once(shop: Client) -> None:
    assert ids(shop, "/v1/search?q=Casablanca") == []
    shop.post("/v1/items", {"item_id": "new/1", "title": "Casablanca"})
    assert ids(shop, "/v1/search?q=casablanca") == ["new/1"]
    assert "new/1" in ids(shop, "/v1/recommend/home?n=100")


def test_chinese_words_are_found(shop: Client) -> None:
    shop.post("/v1/items", {"item_id": "电影-1", "title": "霸王别姬"})
    assert ids(shop, "/v1/search?q=霸王别姬") == ["电影-1"]


@pytest.mark.parametrize("gone", ["deleted", "hidden"])
def test_a_deleted_or_hidden_item_never_appears(shop: Client, gone: str) -> None:
    if gone == "deleted":
        assert shop.request("DELETE", "/v1/items/film-0").json() == {"deleted": 1}
    else:
        shop.post("/v1/items", {"item_id": "film-0", "title": "Film 0", "available": False})
    for url in ("/v1/recommend/home?n=100", "/v1/recommend/trending?n=100", "/v1/search?q=Film&n=100", "/v1/similar?item_id=film-1&n=100"):
        assert "film-0" not in ids(shop, url), url
    ranked = shop.post("/v1/rank", {"items": ["film-0", "film-1"]}).json()["items"]
    assert [item["item_id"] for item in ranked] == ["film-1"]


def test_a_changed_item_shows_its_new_properties(shop: Client) -> None:
    shop.post("/v1/items", {"item_id": "film-3", "title": "Film 3, restored", "year": 1942})
    found = {item["item_id"]: item["properties"] for item in shop.get("/v1/recommend/home?n=100").json()["items"]}
    assert found["film-3"] == {"title": "Film 3, restored", "year": 1942}


def test_n_is_obeyed(shop: Client) -> None:
    assert len(ids(shop, "/v1/recommend/home?n=3")) == 3
    assert len(ids(shop, "/v1/recommend/home?n=1000")) == 12


def test_what_a_user_saw_in_this_session_counts(shop: Client) -> None:
    first = ids(shop, "/v1/recommend/home?n=12")[0]
    assert ids(shop, f"/v1/recommend/home?n=12&session_items={first}") != ids(shop, "/v1/recommend/home?n=12")


def test_rank_returns_what_was_given_once_each(shop: Client) -> None:
    ranked = shop.post("/v1/rank", {"items": ["film-9", "film-3", "film-9"], "user_id": "user-5"}).json()["items"]
    assert sorted(item["item_id"] for item in ranked) == ["film-3", "film-9"]


def test_an_unknown_user_gets_an_answer(shop: Client) -> None:
    assert ids(shop, "/v1/recommend/home?user_id=%F0%9F%98%80nobody") == ids(shop, "/v1/recommend/home")


def test_an_empty_project_answers_with_nothing(client: Client) -> None:
    found = client.get("/v1/recommend/home").json()
    assert found["items"] == []
    assert found["fallback_reason"]


def test_an_unknown_scenario_is_not_found_with_the_nearest_name(shop: Client) -> None:
    answer = shop.get("/v1/recommend/hom")
    assert (answer.status_code, error_of(answer)["field"]) == (404, "scenario")
    assert "'home'" in error_of(answer)["message"]


def test_an_unknown_seed_item_is_not_found(shop: Client) -> None:
    answer = shop.get("/v1/similar?item_id=nothing")
    assert answer.status_code == 404
    assert error_of(answer)["field"]


def test_an_answer_can_be_explained(shop: Client) -> None:
    answer = shop.get("/v1/recommend/home?user_id=user-3").json()
    item = answer["items"][0]["item_id"]
    why = shop.get(f"/v1/explain/{answer['recommendation_id']}/{item}")
    assert why.status_code == 200, why.text
    WhyAnswer.model_validate(why.json(), strict=True)


@pytest.mark.parametrize("path", ["nothing/film-1", "%2e%2e%2f/film-1", "a%2Fb/c%2Fd"])
def test_a_forgotten_answer_is_not_found(shop: Client, path: str) -> None:
    answer = shop.get(f"/v1/explain/{path}")
    assert answer.status_code == 404
    assert error_of(answer)["field"] == "recommendation_id"


def test_a_number_that_json_cannot_say_becomes_null(open_client: OpenClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = (RecommendedItem("a", math.nan, {}), RecommendedItem("b", -math.inf, {}))
    monkeypatch.setattr(Engine, "recommend", lambda _self, request: Recommendation("r", "home", "m/1", None, 0.1, None, odd))
    client = open_client(app)
    answer = client.get("/v1/recommend/home")
    assert [item["score"] for item in answer.json()["items"]] == [None, None]
    assert "NaN" not in answer.text and "nfinity" not in answer.text


def test_the_command_line_and_http_ask_the_same_engine(shop: Client, project: Project) -> None:
    direct = Engine(project).recommend(Request("home", user_id="user-2", n=5))
    assert ids(shop, "/v1/recommend/home?user_id=user-2&n=5") == [item.item_id for item in direct.items]


def test_what_is_counted_over_all_users_is_counted_before_the_acknowledgement(shop: Client) -> None:
    for n in range(8):
        shop.post("/v1/events", {"user_id": f"crowd-{n}", "item_id": "film-11"})
    assert ids(shop, "/v1/recommend/trending?n=1") == ["film-11"]


def test_the_first_event_and_item_of_an_empty_project_are_answered_with_at_once(client: Client) -> None:
    client.post("/v1/items", {"item_id": "first"})
    assert ids(client, "/v1/recommend/home") == ["first"]
    client.post("/v1/events", {"user_id": "anna", "item_id": "second"})
    assert ids(client, "/v1/recommend/home") == ["second", "first"]


def test_writers_and_readers_at_once_never_see_an_error(shop: Client) -> None:
    asked: list[tuple[str, str, Any]] = []
    for n in range(60):
        asked += [
            ("POST", "/v1/events", {"user_id": f"user-{n % 7}", "item_id": f"new-{n}"}),
            ("POST", "/v1/items", {"item_id": f"new-{n}", "title": f"New {n}", "available": n % 3 > 0}),
            ("GET", f"/v1/recommend/home?user_id=user-{n % 7}", None),
            ("GET", "/v1/recommend/trending", None),
        ]
    assert {answer.status_code for answer in shop.together(asked)} == {200}
    hidden = {f"new-{n}" for n in range(0, 60, 3)}
    assert not hidden & set(ids(shop, "/v1/recommend/home?n=100"))


def test_models_published_under_load_are_swapped_without_a_failed_request(
    open_client: OpenClient, app: FastAPI, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penchant.serving.app.REFRESH_SECONDS", 0.01)
    client = open_client(app)
    client.post("/v1/events", [{"user_id": f"user-{u}", "item_id": f"film-{n}"} for u in range(6) for n in range(6 - u)])
    statuses, versions = set(), []

    async def ask_until(published: str) -> None:
        async with asyncio.timeout(60):
            while not versions or versions[-1] != published:
                answer = await client.http.get("/v1/similar?item_id=film-1")
                statuses.add(answer.status_code)
                versions.append(answer.json()["model_version"])

    async def swaps() -> list[str]:
        published = []
        async with app.router.lifespan_context(app):
            for _ in range(3):
                (trained,) = await asyncio.to_thread(train, project, "item-knn")
                published.append(trained.version)
                await ask_until(trained.version)
        return published

    published = client.runner.run(swaps())
    assert statuses == {200}
    assert list(dict.fromkeys(version for version in versions if version)) == published
