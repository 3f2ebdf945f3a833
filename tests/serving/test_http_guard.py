"""Who is let in: the key, the host name, the origin; and what every answer carries."""

import base64

import pytest
from api_client import Client, OpenClient, error_of
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from penchant.scenarios.project import Project
from penchant.serving.app import create_app

KEY = "correct-horse-battery-staple"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")


@pytest.fixture
def locked(project: Project) -> FastAPI:
    """An app with a key, and with another app inside, as the console is."""
    app = create_app(project, key=KEY)
    inner = Starlette(routes=[Route("/login", lambda _: PlainTextResponse("inner"))])
    app.mount("/console", inner)
    return app


def paths_of(app: Starlette, prefix: str = "") -> list[str]:
    """Every path that the app routes, inner apps included, with something in the place of its parameters."""
    found = []
    for route in app.routes:
        if isinstance(route, Mount) and isinstance(route.app, Starlette):
            found += paths_of(route.app, prefix + route.path)
        elif isinstance(route, Route | WebSocketRoute):
            found.append(prefix + route.path.replace("{", "").replace("}", ""))
    return found


def test_with_a_key_no_route_but_healthz_answers_without_it(open_client: OpenClient, locked: FastAPI) -> None:
    paths = paths_of(locked)
    assert {"/v1/events", "/metrics", "/docs", "/openapi.json", "/readyz", "/console/login", "/v1/items/item_id"} <= set(paths)
    client = open_client(locked)
    for path in [*paths, "/", "/nowhere", "/console", "/healthz/", "/healthz%2f..%2fmetrics", "//healthz", "/v1/../healthz/x"]:
        for method in METHODS:
            answer = client.request(method, path)
            expected = 401 if path != "/healthz" else 200 if method in ("GET", "HEAD") else 405
            assert answer.status_code == expected, (method, path)
            if expected == 401 and method != "HEAD":
                assert error_of(answer)["code"] == "unauthorized"


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer {KEY}"},
        {"x-api-key": KEY},
        {"authorization": "Basic " + base64.b64encode(f"anybody:{KEY}".encode()).decode()},
    ],
)
def test_the_key_opens_everything(open_client: OpenClient, locked: FastAPI, headers: dict[str, str]) -> None:
    client = open_client(locked, headers=headers)
    for path in ("/v1/scenarios", "/metrics", "/docs", "/openapi.json", "/readyz", "/console/login"):
        assert client.get(path).status_code == 200, path


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": KEY},
        {"authorization": "Bearer"},
        {"authorization": f"Bearer {KEY}x"},
        {"authorization": f"Bearer {KEY[:-1]}"},
        {"authorization": f"Bearer {KEY.upper()}"},
        {"authorization": f"Digest {KEY}"},
        {"authorization": "Basic %%%"},
        {"authorization": "Basic " + base64.b64encode(KEY.encode()).decode()},
        {"authorization": b"Bearer \xff\xfe"},
        {"x-api-key": ""},
        {"x-api-key": "wrong", "authorization": f"Bearer {KEY}"},
        {"cookie": f"key={KEY}"},
    ],
)
def test_anything_else_does_not(open_client: OpenClient, locked: FastAPI, headers: dict[str, str]) -> None:
    client = open_client(locked)
    answer = client.get("/v1/scenarios", headers=headers)
    assert answer.status_code == 401
    assert KEY not in answer.text
    assert answer.headers["www-authenticate"] == "Bearer"


def test_only_a_mounted_app_that_asks_itself_is_left_to_ask(open_client: OpenClient, project: Project) -> None:
    app = create_app(project, key=KEY, own_login=["/console"])
    app.mount("/console", Starlette(routes=[Route("/login", lambda _: PlainTextResponse("inner"))]))
    client = open_client(app)
    assert client.get("/console/login").status_code == 200
    for path in ("/", "/console"):
        assert client.get(path).status_code == 404, path
    for path in ("/consoles", "/consoles/login", "/v1/items", "/console%00/login", "//console/login"):
        assert client.get(path).status_code == 401, path


@pytest.mark.parametrize("place", ["", "/", "//"])
def test_no_place_can_open_every_path(project: Project, place: str) -> None:
    with pytest.raises(ValueError, match="would open every path"):
        create_app(project, key=KEY, own_login=["/console", place])


def test_a_key_in_the_query_string_is_not_taken(open_client: OpenClient, locked: FastAPI) -> None:
    client = open_client(locked)
    assert client.get(f"/v1/scenarios?key={KEY}").status_code == 401


def test_a_browser_is_asked_for_a_password(open_client: OpenClient, locked: FastAPI) -> None:
    client = open_client(locked)
    assert client.get("/console/login", headers={"accept": "text/html"}).headers["www-authenticate"].startswith("Basic ")


def test_a_web_socket_needs_the_key_too(open_client: OpenClient, locked: FastAPI) -> None:
    async def echo(socket: WebSocket) -> None:
        await socket.accept()

    locked.router.routes.append(WebSocketRoute("/socket", echo))
    client = open_client(locked)
    assert client.open_socket(locked, "/socket") == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:1", "[::1]:8000", "[::1]", "LOCALHOST:80"])
def test_loopback_names_are_answered(open_client: OpenClient, app: FastAPI, host: str) -> None:
    client = open_client(app)
    assert client.get("/healthz", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.2",
        "",
        "[::2]:80",
        "localhost:80:80",
    ],
)
def test_other_names_are_refused_without_a_key(open_client: OpenClient, app: FastAPI, host: str) -> None:
    client = open_client(app)
    for path in ("/healthz", "/v1/scenarios", "/nowhere"):
        answer = client.get(path, headers={"host": host})
        assert (answer.status_code, error_of(answer)["field"]) == (403, "host")


def test_a_configured_name_is_answered(open_client: OpenClient, project: Project) -> None:
    client = open_client(create_app(project, hosts=["Shop.internal"]), base_url="http://shop.internal:8000")
    assert client.get("/v1/scenarios").status_code == 200
    assert client.get("/v1/scenarios", headers={"host": "evil.example"}).status_code == 403


def test_with_a_key_any_name_is_answered(open_client: OpenClient, locked: FastAPI) -> None:
    client = open_client(locked, base_url="https://recommend.example", headers={"x-api-key": KEY})
    assert client.get("/v1/scenarios").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://localhost:9999"},
        {"origin": "http://localhost.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/events"), ("DELETE", "/v1/items/film-1"), ("PUT", "/v1/items/film-1"), ("PATCH", "/nowhere")]
)
def test_a_page_of_another_origin_may_not_write(shop: Client, headers: dict[str, str], method: str, path: str) -> None:
    answer = shop.request(method, path, json={"user_id": "u", "item_id": "i"}, headers=headers)
    assert (answer.status_code, error_of(answer)["field"]) == (403, "origin")
    assert shop.get("/v1/items").json()["total"] == 12


@pytest.mark.parametrize("headers", [{"origin": "http://localhost"}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}, {}])
def test_our_own_pages_and_programs_may_write(shop: Client, headers: dict[str, str]) -> None:
    assert shop.request("POST", "/v1/events", json={"user_id": "u", "item_id": "i"}, headers=headers).status_code == 200


def test_no_answer_allows_other_origins_to_read(shop: Client) -> None:
    answer = shop.get("/v1/items", headers={"origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/v1/items", "/v1/items/nothing", "/nowhere", "/docs", "/metrics", "/healthz"])
def test_every_answer_carries_the_security_headers(shop: Client, path: str) -> None:
    headers = shop.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe-inline" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert len(headers["x-request-id"]) == 32
    assert "server" not in headers


def test_request_ids_differ(shop: Client) -> None:
    assert shop.get("/healthz").headers["x-request-id"] != shop.get("/healthz").headers["x-request-id"]
