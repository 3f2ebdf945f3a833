"""Health, numbers, documentation; what happens when a part fails or too much is asked at once."""

import asyncio
import html.parser
import logging
import re
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest
from api_client import Client, OpenClient, error_of
from fastapi import FastAPI

from penchant.core.errors import StoreConflict, StoreError, StoreFull, StoreUnavailable
from penchant.scenarios.engine import Engine
from penchant.scenarios.project import Project
from penchant.serving import answers
from penchant.serving.app import create_app
from penchant.serving.limits import Bodies, Workers
from penchant.serving.routes import ENDPOINTS

EVENT = {"user_id": "anna", "item_id": "film-1"}


def failing(error: Exception) -> Any:
    def fail(*_args: object, **_options: object) -> None:
        raise error

    return fail


def test_it_is_alive(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.request("HEAD", "/healthz").status_code == 200


def test_it_is_ready_and_says_what_answers_come_from(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answers.Ready.model_validate(answer.json(), strict=True).answers


def test_it_is_not_ready_when_the_store_cannot_be_read(client: Client, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(project.events), "stats", failing(StoreUnavailable("/secret/path: gone")))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "answers": "the store cannot be read"}
    assert client.get("/healthz").status_code == 200


def test_it_is_not_ready_when_the_engine_is_not(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "ready", lambda _self: (False, "no model can be loaded"))
    assert client.get("/readyz").status_code == 503


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StoreUnavailable("/secret/path: gone"), 503),
        (StoreConflict("/secret/path: locked"), 503),
        (StoreFull("/secret/path: full"), 507),
        (StoreError("/secret/path: damaged"), 500),
    ],
)
def test_a_store_that_fails_acknowledges_nothing(
    client: Client, project: Project, monkeypatch: pytest.MonkeyPatch, error: StoreError, status: int
) -> None:
    monkeypatch.setattr(type(project.events), "append", failing(error))
    answer = client.post("/v1/events", EVENT)
    assert answer.status_code == status
    assert "/secret" not in answer.text
    assert ("another process" in answer.text) == isinstance(error, StoreConflict)
    assert error_of(answer)["code"] in ("unavailable", "storage_full", "internal")
    assert ("retry-after" in answer.headers) == (status in (503, 507))
    monkeypatch.undo()
    assert client.post("/v1/events", EVENT).json() == {"stored": 1, "duplicates": 0}


def test_an_error_that_nobody_expected_is_a_plain_500(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Engine, "recommend", failing(KeyError("/secret/path")))
    answer = client.get("/v1/recommend/home?user_id=anna-the-user")
    assert answer.status_code == 500
    error = error_of(answer)
    assert answer.headers["x-request-id"] in error["message"]
    assert "secret" not in answer.text and "Traceback" not in answer.text
    assert "anna-the-user" not in caplog.text


def test_metrics_count_routes_events_and_fallbacks(shop: Client) -> None:
    shop.get("/v1/recommend/home?user_id=user-1")
    shop.get("/v1/items/film-1")
    shop.get("/nowhere")
    shop.post("/v1/events", {})
    text = shop.get("/metrics").text
    assert 'penchant_events_total{outcome="stored"} 21.0' in text
    assert 'penchant_answers_total{answered_by="fallback",scenario="home"} 1.0' in text
    assert 'penchant_requests_total{method="GET",route="/v1/items/{item_id}",status="200"} 1.0' in text
    assert 'penchant_requests_total{method="POST",route="/v1/events",status="422"} 1.0' in text
    assert 'penchant_requests_total{method="GET",route="unmatched",status="404"} 1.0' in text
    assert 'penchant_request_seconds_count{route="/v1/recommend/{scenario}"} 1.0' in text


def test_metrics_and_log_hold_no_ids(shop: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="penchant"):
        shop.get("/v1/users/secret-anna/history")
        shop.get("/v1/recommend/home?user_id=secret-anna")
        shop.get("/secret-anna")
        shop.post("/v1/events", {"user_id": "secret-anna", "item_id": 7})
        shop.request("SECRET-ANNA", "/v1/items")
    assert "secret-anna" not in caplog.text.lower()
    assert "secret-anna" not in shop.get("/metrics").text.lower()
    assert re.search(r"GET /v1/users/\{user_id\}/history 200 [\d.]+ ms [0-9a-f]{32}", caplog.text)


def test_two_apps_count_apart(open_client: OpenClient, project: Project) -> None:
    first, second = open_client(create_app(project)), open_client(create_app(project))
    first.get("/v1/items")
    assert 'route="/v1/items"' not in second.get("/metrics").text


class Links(html.parser.HTMLParser):
    """What a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "img", "iframe", "link", "object"):
            self.found.append(tag)
        self.found += [value or "" for name, value in attrs if name in ("href", "src") and not (value or "").startswith("/")]


def test_the_documentation_page_loads_nothing(client: Client) -> None:
    answer = client.get("/docs")
    links = Links()
    links.feed(answer.text)
    assert links.found == []
    assert answer.headers["content-type"].startswith("text/html")


def test_every_route_is_documented(client: Client, app: FastAPI) -> None:
    document, page = client.get("/openapi.json").json(), client.get("/docs").text
    for endpoint in ENDPOINTS:
        operation = document["paths"][endpoint.path][endpoint.method.lower()]
        assert operation["summary"] in page
        assert operation["operationId"] in page
    identifiers = [o["operationId"] for methods in document["paths"].values() for o in methods.values()]
    assert len(identifiers) == len(set(identifiers))
    assert app.openapi() == document


def test_the_document_names_only_what_it_defines(client: Client) -> None:
    text = client.get("/openapi.json").text
    schemas = orjson.loads(text)["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/(\w+)"', text)) <= set(schemas)


def test_scenarios_are_listed(client: Client) -> None:
    rows = answers.Scenarios.model_validate(client.get("/v1/scenarios").json(), strict=True).scenarios
    assert {row.kind for row in rows} >= {"for-you", "similar", "continue", "trending", "search", "rank"}


def test_models_and_the_latest_report_are_listed(client: Client, project: Project) -> None:
    assert client.get("/v1/models").json() == {"models": [], "report": None}
    (project.dir / "report.json").write_text('{"results": []}')
    assert client.get("/v1/models").json()["report"] == {"results": []}
    (project.dir / "report.json").write_text("{damaged")
    assert client.get("/v1/models").json()["report"] is None


def test_data_shows_numbers_and_imports(shop: Client, project: Project) -> None:
    folder = project.dir / "reports"
    folder.mkdir(exist_ok=True)
    for number in (1, 2, 10):
        (folder / f"ingest-{number}.json").write_text(f'{{"n": {number}}}')
    found = answers.DataAnswer.model_validate(shop.get("/v1/data").json(), strict=True)
    assert [report["n"] for report in found.imports] == [1, 2, 10]
    assert (found.stats["n_events"], found.stats["n_users"], found.stats["catalogue_items"]) == (21, 6, 12)


def with_bodies(open_client: OpenClient, app: FastAPI, bodies: Bodies) -> Client:
    object.__setattr__(app.state.penchant, "bodies", bodies)
    return open_client(app)


@pytest.mark.parametrize(
    ("length", "status"), [(str(8 * 2**20 + 1), 413), (str(10 * 2**30), 413), ("9" * 30, 413), ("-1", 400), ("1e3", 400), ("", 400)]
)
def test_a_body_is_refused_by_its_announced_length(client: Client, length: str, status: int) -> None:
    answer = client.request("POST", "/v1/events", content=b"{}", headers={"content-length": length})
    assert answer.status_code == status
    assert error_of(answer)["field"] in ("body", "content-length")


def test_a_body_one_byte_over_the_limit_is_refused(open_client: OpenClient, app: FastAPI) -> None:
    client = with_bodies(open_client, app, Bodies(largest=100))
    padded = orjson.dumps(EVENT).ljust(100)
    assert client.send("/v1/events", padded).status_code == 200
    assert client.send("/v1/events", padded + b" ").status_code == 413


def test_a_streamed_body_is_refused_once_it_is_too_large(open_client: OpenClient, app: FastAPI) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 2**16

    client = with_bodies(open_client, app, Bodies(largest=2**20))
    answer = client.request("POST", "/v1/events", content=endless(), headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert sent <= 18
    assert app.state.penchant.bodies.buffered == 0


def test_a_body_that_does_not_arrive_is_given_up(open_client: OpenClient, app: FastAPI) -> None:
    async def stuck() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    client = with_bodies(open_client, app, Bodies(seconds=0.05))
    answer = client.request("POST", "/v1/events", content=stuck(), headers={"content-type": "application/json"})
    assert (answer.status_code, error_of(answer)["field"]) == (408, "body")


def test_large_bodies_at_once_are_refused_before_memory_is_full(open_client: OpenClient, app: FastAPI) -> None:
    client = with_bodies(open_client, app, Bodies(together=150))
    app.state.penchant.bodies.buffered = 100
    answer = client.send("/v1/events", orjson.dumps(EVENT).ljust(100))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert app.state.penchant.bodies.buffered == 100


def test_too_many_rows_are_refused(client: Client) -> None:
    answer = client.post("/v1/events", [EVENT] * 10_001)
    assert (answer.status_code, error_of(answer)["field"]) == (413, "body")


def test_what_exceeds_the_queue_is_refused_at_once_and_the_rest_answered(
    open_client: OpenClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    answer_of = Engine.recommend

    def slow(self: Engine, request: Any) -> Any:
        assert go.wait(30)
        return answer_of(self, request)

    monkeypatch.setattr(Engine, "recommend", slow)
    object.__setattr__(app.state.penchant, "readers", Workers(2, waiting=3))
    client = open_client(app)

    async def crowd() -> tuple[list[httpx.Response], list[httpx.Response], httpx.Response]:
        asked = [asyncio.create_task(client.http.get("/v1/recommend/home")) for _ in range(12)]
        refused: set[asyncio.Task[httpx.Response]] = set()
        while len(refused) < 7:
            done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            refused |= done
            asked = [task for task in asked if task not in done]
        alive = await client.http.get("/healthz")
        go.set()
        return [task.result() for task in refused], list(await asyncio.gather(*asked)), alive

    refused, answered, alive = client.runner.run(crowd())
    assert alive.status_code == 200  # the loop was free while all threads were busy
    assert [answer.status_code for answer in answered] == [200] * 5
    assert {answer.status_code for answer in refused} == {503}
    assert all(answer.headers["retry-after"] == "1" for answer in refused)
    assert client.get("/v1/recommend/home").status_code == 200


def test_many_at_once_all_get_their_own_answer(shop: Client) -> None:
    asked = [("GET", f"/v1/users/user-{n % 6}/history", None) for n in range(60)]
    found = shop.together(asked)
    assert [len(answer.json()["events"]) for answer in found] == [6 - n % 6 for n in range(60)]
