import json

import pytest
from api_client import Client, error_of

from penchant.core.clock import DAY, SECOND, system_clock
from penchant.scenarios.project import Project

EVENT = {"user_id": "anna", "item_id": "film-1"}


def stored(project: Project, user: str = "anna") -> list[dict[str, object]]:
    return project.events.history(user).frame.to_dicts()


def test_one_event_is_stored(client: Client, project: Project) -> None:
    before = system_clock()
    assert client.post("/v1/events", EVENT).json() == {"stored": 1, "duplicates": 0}
    (row,) = stored(project)
    assert row["event_type"] == "interaction"
    assert before <= int(str(row["timestamp"])) <= system_clock()


def test_every_field_is_kept(client: Client, project: Project) -> None:
    full = {
        "user_id": "anna",
        "item_id": "电影/1",
        "event_type": "buy",
        "value": 2.5,
        "timestamp": "2024-05-06T07:08:09.5Z",
        "session_id": "s",
        "scenario": "home",
        "event_id": "e",
        "recommendation_id": "r",
        "position": 3,
        "propensity": 0.25,
        "properties": {"b": [1, {"c": None}], "a": "é"},
    }
    assert client.post("/v1/events", full).status_code == 200
    (row,) = stored(project)
    assert json.loads(str(row.pop("properties"))) == full.pop("properties")
    assert row == {**full, "timestamp": 1_714_979_289_500_000}


def test_an_array_and_one_object_a_line_are_the_same(client: Client, project: Project) -> None:
    rows = [{**EVENT, "timestamp": 1_700_000_000 + n} for n in range(3)]
    assert client.post("/v1/events", rows).json() == {"stored": 3, "duplicates": 0}
    lines = "\n".join(json.dumps(row) for row in rows) + "\n\n"
    assert client.send("/v1/events", lines, "application/x-ndjson").json() == {"stored": 0, "duplicates": 3}
    assert len(stored(project)) == 3


def test_an_empty_array_stores_nothing(client: Client) -> None:
    assert client.post("/v1/events", []).json() == {"stored": 0, "duplicates": 0}


def test_a_repeat_with_the_same_event_id_is_one_event(client: Client, project: Project) -> None:
    for _ in range(2):
        answer = client.post("/v1/events", {**EVENT, "event_id": "once"})
    assert answer.json() == {"stored": 0, "duplicates": 1}
    assert len(stored(project)) == 1


def test_a_repeat_with_the_same_time_is_one_event(client: Client, project: Project) -> None:
    answers = [client.post("/v1/events", {**EVENT, "timestamp": 1_700_000_000}).json()["stored"] for _ in range(2)]
    assert answers == [1, 0]
    assert len(stored(project)) == 1


def test_events_without_time_and_id_are_new_each_time_even_in_one_request(client: Client, project: Project) -> None:
    assert client.post("/v1/events", [EVENT, EVENT]).json() == {"stored": 2, "duplicates": 0}
    assert client.post("/v1/events", EVENT).json() == {"stored": 1, "duplicates": 0}
    assert len(stored(project)) == 3


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        ("2024-05-06T07:08:09Z", 1_714_979_289),
        ("2024-05-06T09:08:09+02:00", 1_714_979_289),
        ("2024-05-06 07:08:09", 1_714_979_289),  # no zone: UTC
        ("2024-05-06", 1_714_953_600),
        (1_714_979_289, 1_714_979_289),
        (1_714_979_289.25, 1_714_979_289.25),
        (1_714_979_289_000, 1_714_979_289),
        (1_714_979_289_000_000, 1_714_979_289),
        (0, 0),
        (-0.0, 0),
    ],
)
def test_times_are_understood(client: Client, project: Project, sent: object, seconds: float) -> None:
    assert client.post("/v1/events", {**EVENT, "timestamp": sent}).status_code == 200
    assert stored(project)[0]["timestamp"] == seconds * SECOND


def far() -> float:
    return (system_clock() + 2 * DAY) / SECOND


IMPOSSIBLE = [
    *("yesterday", "", "1714979289", "2024-13-01", "9999-12-31T00:00:00Z", "0001-01-01", "2024-05-06T07:08:09+99:00"),
    *(-1, -1e300, 1e300, far(), 2**62, True, [], {}),
]  # far() depends on the moment, so the cases go by number: parallel workers must agree on their names


@pytest.mark.parametrize("sent", IMPOSSIBLE, ids=range(len(IMPOSSIBLE)))
def test_impossible_times_are_refused(client: Client, project: Project, sent: object) -> None:
    answer = client.post("/v1/events", {**EVENT, "timestamp": sent})
    assert answer.status_code == 422
    assert error_of(answer)["field"] == "timestamp"
    assert not stored(project)


def test_null_means_absent(client: Client, project: Project) -> None:
    assert client.post("/v1/events", {**EVENT, "timestamp": None, "value": None, "event_type": None, "properties": None}).status_code == 200
    assert stored(project)[0]["event_type"] == "interaction"


def test_one_wrong_event_refuses_all_and_is_named(client: Client, project: Project) -> None:
    answer = client.post("/v1/events", [EVENT, {**EVENT, "value": "five"}, {"user_id": "anna"}])
    assert answer.status_code == 422
    assert error_of(answer)["field"] == "[1].value"
    assert error_of(answer)["message"] == '[1].value: must be a number, not "five"; [2].item_id: is required'
    assert not stored(project)


def test_a_wrong_line_is_named_by_its_index(client: Client, project: Project) -> None:
    good = json.dumps(EVENT)
    answer = client.send("/v1/events", f"{good}\n{{oops\n{good}", "application/x-ndjson")
    assert answer.status_code == 400
    assert error_of(answer)["field"] == "[1]"
    assert not stored(project)


def test_many_problems_are_counted(client: Client) -> None:
    message = error_of(client.post("/v1/events", [{}] * 10))["message"]
    assert message.endswith("(and 15 more)")


IDS = [
    *("__proto__", "null", "NaN", "true", "0", "00", "1e1", " ", " a ", "a\nb", "'; DROP"),
    *("a\u202eb", "e\u0301", "é", "😀", "𠜎"),
]


@pytest.mark.parametrize("id_", IDS)
def test_ids_are_kept_byte_for_byte(client: Client, project: Project, id_: str) -> None:
    assert client.post("/v1/events", {"user_id": id_, "item_id": id_}).status_code == 200
    assert [row["item_id"] for row in stored(project, id_)] == [id_]
    assert client.get(f"/v1/users/{quoted(id_)}/history").json()["events"][0]["item_id"] == id_


def quoted(id_: str) -> str:
    return "".join(f"%{byte:02X}" for byte in id_.encode())


def test_the_same_batch_sent_at_once_many_times_is_stored_once(client: Client, project: Project) -> None:
    batch = [{**EVENT, "event_id": f"e{n}"} for n in range(20)]
    answers = [answer.json() for answer in client.together([("POST", "/v1/events", batch)] * 30)]
    assert sum(answer["stored"] for answer in answers) == 20
    assert sum(answer["duplicates"] for answer in answers) == 20 * 29
    assert project.events.stats()["n_events"] == 20
