from typing import Any

import pytest
from api_client import Client, error_of

from penchant.scenarios.project import Project
from penchant.serving.answers import ItemRows, Past, UserRows

IDS = [
    "a/b",
    "/",
    "//",
    "a%2Fb",
    "%",
    "a?b",
    "a#b",
    "a b",
    " ",
    "..",
    ".",
    "é",
    "e\u0301",
    "電影",
    "😀",
    "𠜎",
    "__proto__",
    "history",
    "a\nb",
    "a+b",
    "a:b",
]


def in_path(id_: str) -> str:
    return "".join(f"%{byte:02X}" for byte in id_.encode())


@pytest.mark.parametrize("id_", IDS)
def test_an_item_with_any_id_is_written_read_and_deleted(client: Client, id_: str) -> None:
    path = f"/v1/items/{in_path(id_)}"
    assert client.post("/v1/items", {"item_id": id_, "title": "x"}).json() == {"upserted": 1}
    assert client.get(path).json() == {"item_id": id_, "properties": {"title": "x"}}
    assert client.request("DELETE", path).json() == {"deleted": 1}
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("id_", IDS)
def test_a_user_with_any_id_has_a_history(client: Client, id_: str) -> None:
    assert client.post("/v1/users", {"user_id": id_, "country": "中国"}).json() == {"upserted": 1}
    assert client.post("/v1/events", {"user_id": id_, "item_id": id_}).status_code == 200
    assert client.get(f"/v1/users/{in_path(id_)}").json() == {"user_id": id_, "properties": {"country": "中国"}}
    assert [event["item_id"] for event in client.get(f"/v1/users/{in_path(id_)}/history").json()["events"]] == [id_]


def test_characters_that_look_alike_stay_two_ids(client: Client) -> None:
    composed, decomposed = "é", "e\u0301"
    client.post("/v1/items", [{"item_id": composed, "title": "one"}, {"item_id": decomposed, "title": "two"}])
    assert client.get(f"/v1/items/{in_path(composed)}").json()["properties"] == {"title": "one"}
    assert client.get(f"/v1/items/{in_path(decomposed)}").json()["properties"] == {"title": "two"}


def test_items_come_one_in_a_list_or_one_a_line(client: Client) -> None:
    assert client.post("/v1/items", {"item_id": "a"}).json() == {"upserted": 1}
    assert client.post("/v1/items", [{"item_id": "b"}, {"item_id": "c"}]).json() == {"upserted": 2}
    assert client.send("/v1/items", '{"item_id": "d"}\n{"item_id": "e"}', "application/x-ndjson").json() == {"upserted": 2}
    assert client.post("/v1/items", []).json() == {"upserted": 0}
    assert [row["item_id"] for row in client.get("/v1/items").json()["items"]] == ["a", "b", "c", "d", "e"]


def test_properties_may_stand_beside_the_id_or_inside_properties(client: Client) -> None:
    client.post("/v1/items", [{"item_id": "a", "x": 1, "title": "t"}, {"item_id": "b", "title": "t", "properties": {"x": 1}}])
    assert client.get("/v1/items/a").json()["properties"] == client.get("/v1/items/b").json()["properties"] == {"title": "t", "x": 1}


def test_what_was_read_can_be_sent_back(client: Client) -> None:
    client.post("/v1/items", {"item_id": "a", "title": "t", "tags": {"deep": [1, 2.5, True, {"x": "é"}]}})
    before = client.get("/v1/items/a").json()
    client.post("/v1/items", before)
    assert client.get("/v1/items/a").json() == before


def test_an_upsert_replaces(client: Client) -> None:
    client.post("/v1/items", {"item_id": "a", "title": "old", "year": 1942})
    client.post("/v1/items", {"item_id": "a", "title": "new", "year": None})
    assert client.get("/v1/items/a").json()["properties"] == {"title": "new"}


def test_one_wrong_item_refuses_all(client: Client) -> None:
    answer = client.post("/v1/items", [{"item_id": "a"}, {"item_id": "b", "available": "yes"}])
    assert error_of(answer)["field"] == "[1].available"
    assert client.get("/v1/items").json() == {"items": [], "total": 0}


def test_items_are_listed_in_pages(shop: Client) -> None:
    page = shop.get("/v1/items?offset=10&limit=5").json()
    ItemRows.model_validate(page, strict=True)
    assert [row["item_id"] for row in page["items"]] == ["film-10", "film-11"]
    assert page["total"] == 12
    assert shop.get("/v1/items?offset=99").json() == {"items": [], "total": 12}


def test_users_are_listed_with_their_events(shop: Client) -> None:
    shop.post("/v1/users", {"user_id": "user-quiet"})
    page = shop.get("/v1/users?limit=2&offset=4&prefix=user-").json()
    UserRows.model_validate(page, strict=True)
    assert page == {"users": [{"user_id": "user-4", "n_events": 2}, {"user_id": "user-5", "n_events": 1}], "total": 7}
    assert shop.get("/v1/users?prefix=nobody").json() == {"users": [], "total": 0}


@pytest.mark.parametrize("prefix", ["%25", "_", "'", "user-%25", "*", "user-["])
def test_a_prefix_is_text_not_a_pattern(shop: Client, prefix: str) -> None:
    assert shop.get(f"/v1/users?prefix={prefix}").json() == {"users": [], "total": 0}


def test_history_is_newest_first_with_titles(shop: Client) -> None:
    shop.post(
        "/v1/events", {"user_id": "user-5", "item_id": "film-7", "event_type": "buy", "value": 2, "timestamp": "2024-05-06T07:08:09Z"}
    )
    found = shop.get("/v1/users/user-5/history").json()
    Past.model_validate(found, strict=True)
    assert found["events"][0] == {
        "item_id": "film-7",
        "event_type": "buy",
        "value": 2.0,
        "timestamp": "2024-05-06T07:08:09Z",
        "properties": {"title": "Film 7", "categories": ["drama"]},
    }
    assert [event["item_id"] for event in found["events"]] == ["film-7", "film-0"]
    assert len(shop.get("/v1/users/user-0/history?limit=2").json()["events"]) == 2


def test_an_unknown_user_has_an_empty_history(client: Client) -> None:
    assert client.get("/v1/users/nobody/history").json() == {"events": []}


def test_a_user_known_from_events_only_has_no_properties(shop: Client) -> None:
    assert shop.get("/v1/users/user-1").json() == {"user_id": "user-1", "properties": {}}


@pytest.mark.parametrize("listed", [[], [{"user_id": "user-0", "country": "NL"}]], ids=["known from events", "in the users table"])
def test_a_deleted_user_is_erased(shop: Client, project: Project, listed: list[dict[str, str]]) -> None:
    shop.post("/v1/users", listed)
    shown = shop.get("/v1/recommend/home?user_id=user-0").json()["recommendation_id"]
    assert shop.get(f"/v1/explain/{shown}/film-0").status_code == 200
    assert shop.request("DELETE", "/v1/users/user-0").json() == {"deleted": 1}
    assert shop.get("/v1/users/user-0").status_code == 404
    assert shop.get("/v1/users/user-0/history").json() == {"events": []}
    assert shop.get(f"/v1/explain/{shown}/film-0").status_code == 404
    assert shop.request("DELETE", "/v1/users/user-0").status_code == 404
    learned = project.dataset()
    assert "user-0" not in learned.users.ids
    assert learned.n_events == 15
    assert shop.post("/v1/events", {"user_id": "user-0", "item_id": "film-9"}).status_code == 200
    assert [event["item_id"] for event in shop.get("/v1/users/user-0/history").json()["events"]] == ["film-9"]


def test_counts_go_on_after_the_last_event_was_erased(shop: Client) -> None:
    assert shop.request("DELETE", "/v1/users/user-5").json() == {"deleted": 1}
    shop.post("/v1/events", [{"user_id": f"new-{n}", "item_id": "film-11"} for n in range(20)])
    assert shop.get("/v1/recommend/trending?n=1").json()["items"][0]["item_id"] == "film-11"


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("GET", "/v1/items/nothing", "item_id"),
        ("DELETE", "/v1/items/nothing", "item_id"),
        ("GET", "/v1/users/nobody", "user_id"),
        ("DELETE", "/v1/users/nobody", "user_id"),
    ],
)
def test_what_is_not_there_is_not_found(client: Client, method: str, path: str, field: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, error_of(answer)["field"]) == (404, field)


def test_titles_stay_as_they_were_sent(client: Client, project: Project) -> None:
    titles: list[Any] = [
        "<script>alert(1)</script>",
        "{{7*7}}",
        "=cmd()",
        "\u202eright to left",
        "a\u200bb",
        "  two  spaces ",
        "'; DROP TABLE items;--",
    ]
    client.post("/v1/items", [{"item_id": str(n), "title": title} for n, title in enumerate(titles)])
    assert [row["properties"]["title"] for row in client.get("/v1/items").json()["items"]] == titles
