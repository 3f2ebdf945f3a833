"""`penchant serve`: what it refuses to start with, and one real server in a process of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from api_client import OpenClient
from starlette.routing import BaseRoute, Mount, Route

from penchant.cli.serve import Address, build_site, check_address, is_loopback, listen, run_server
from penchant.core.errors import ConfigError
from penchant.scenarios.project import Project

KEY = "correct-horse-battery-staple"
COMMAND = [sys.executable, "-c", "from penchant.cli import main; main()", "serve"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.1", "8.8.8.8", "example.com", "localhost.example", "127.0.0.1.example"])
def test_an_address_that_others_can_reach_needs_a_key(host: str) -> None:
    with pytest.raises(ConfigError, match="PENCHANT_KEY"):
        check_address(Address(host))
    check_address(Address(host, key=KEY))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_none(host: str) -> None:
    assert is_loopback(host)
    check_address(Address(host))


def test_the_default_address_is_loopback() -> None:
    assert is_loopback(Address().host)


@pytest.mark.parametrize("key", ["ключ-ключ-ключ-ключ", " padded-key-padded ", "two\nlines-two-lines", "\x7f" * 20])
def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(ConfigError) as refused:
        check_address(Address(key=key))
    assert key.strip() not in str(refused.value)


def test_a_short_key_is_warned_about_without_showing_it(caplog: pytest.LogCaptureFixture) -> None:
    check_address(Address(key="hunter2"))
    assert "short" in caplog.text
    assert "hunter2" not in caplog.text


def test_a_key_is_not_shown_with_its_address() -> None:
    assert KEY not in repr(Address(key=KEY))


def test_a_taken_port_is_named() -> None:
    with listen(Address(port=0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} of 127.0.0.1 is taken; choose another with --port"):
            listen(Address(port=port))


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(ConfigError, match=r"cannot listen at 192\.0\.2\.1"):
        listen(Address("192.0.2.1", 0))


@pytest.mark.parametrize("path", ["/", "/console"])
def test_the_front_page_leads_to_the_console(open_client: OpenClient, project: Project, path: str) -> None:
    client = open_client(build_site(project, Address()))
    answer = client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (307, "/console/")
    assert client.get("/console/").status_code == 200


def paths_of(routes: list[BaseRoute], prefix: str = "") -> list[str]:
    """Every path, those of mounted apps included, with something in the place of its parameters."""
    found = []
    for route in routes:
        if isinstance(route, Mount):
            found += paths_of(route.routes, prefix + route.path) or [f"{prefix}{route.path}/any"]
        elif isinstance(route, Route):
            found.append(prefix + route.path.replace("{", "").replace("}", ""))
    return found


def test_with_a_key_the_whole_site_is_closed_but_for_health_and_login(open_client: OpenClient, project: Project) -> None:
    site = build_site(project, Address("0.0.0.0", key=KEY))
    client = open_client(site, base_url="http://shop.example")
    paths = paths_of(site.routes)
    assert {"/", "/console", "/console/", "/console/login", "/console/static/any", "/v1/events", "/docs"} <= set(paths)
    for path in [*paths, "/console/nowhere", "/console/%2e%2e/v1/items", "/console//v1/items"]:
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            answer = client.request(method, path)
            if path in ("/", "/console"):
                assert answer.status_code in (307, 405), (method, path)
            elif path in ("/healthz", "/console/login") or path.startswith("/console/static/"):
                assert answer.status_code in (200, 303, 400, 403, 404, 405), (method, path)
            elif path.startswith("/console/"):
                assert (answer.status_code, answer.headers.get("location")) == (303, "/console/login"), (method, path)
            else:
                assert answer.status_code == 401, (method, path)


def test_the_key_opens_the_console(open_client: OpenClient, project: Project) -> None:
    client = open_client(build_site(project, Address(key=KEY)))
    assert client.request("POST", "/console/login", data={"key": "wrong"}).status_code == 403
    assert client.get("/console/").status_code == 303
    assert client.request("POST", "/console/login", data={"key": KEY}).status_code == 303
    for path in ("/console/", "/console/models", "/console/data", "/console/search"):
        assert client.get(path).status_code == 200, path


@contextmanager
def server(folder: Path, *options: str, key: str | None = None) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running server and its address."""
    environment = {name: value for name, value in os.environ.items() if name != "PENCHANT_KEY"} | ({"PENCHANT_KEY": key} if key else {})
    command = [*COMMAND, "--dir", str(folder), "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        line = process.stdout.readline() if process.stdout else ""
        found = re.search(r"http://[\d.]+:\d+", line)
        assert found, process.communicate()
        yield process, found[0]
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("real") / "shop"
    with Project.create(made) as project:
        project.features.upsert("items", [(f"film-{n}", {"title": f"Film {n}"}) for n in range(5)])
    return made


def test_a_real_server_answers_and_stops_in_peace(folder: Path) -> None:
    with server(folder) as (process, address):
        with httpx.Client(base_url=address) as client:
            assert client.get("/readyz").json()["ready"] is True
            before = [item["item_id"] for item in client.get("/v1/recommend/home", params={"user_id": "张三"}).json()["items"]]
            assert client.post("/v1/events", json={"user_id": "张三", "item_id": before[0]}).json() == {"stored": 1, "duplicates": 0}
            after = [item["item_id"] for item in client.get("/v1/recommend/home", params={"user_id": "张三"}).json()["items"]]
            assert before[0] not in after and after
            assert client.get("/console/").status_code == 200
        process.send_signal(signal.SIGTERM)
        out, log = process.communicate(timeout=30)
        assert process.returncode == 0, log
        assert out == ""
        assert "张三" not in log and "Traceback" not in log


def test_a_real_server_with_a_key_never_shows_it(folder: Path) -> None:
    with server(folder, key=KEY) as (process, address):
        with httpx.Client(base_url=address) as client:
            assert client.get("/v1/items").status_code == 401
            assert client.get("/v1/items", headers={"x-api-key": KEY}).json()["total"] == 5
            assert client.post("/console/login", data={"key": KEY}, follow_redirects=True).status_code == 200
            pages = [client.get(path, headers={"x-api-key": KEY}).text for path in ("/docs", "/metrics", "/v1/data", "/v1/models")]
        assert KEY not in " ".join(process.args if isinstance(process.args, list) else [])
        process.send_signal(signal.SIGINT)
        out, log = process.communicate(timeout=30)
        assert process.returncode == 0, log
        assert KEY not in "".join([out, log, *pages])


def test_bytes_that_are_no_request_get_the_one_shape(folder: Path) -> None:
    with server(folder) as (_, address):
        host, port = address.removeprefix("http://").split(":")
        for request in (b"\x16\x03\x01\x02\x00", b"GET /v1/search?q=\xe9\xbb\x91 HTTP/1.1\r\nhost: localhost\r\n\r\n"):
            with socket.create_connection((host, int(port)), timeout=10) as connection:
                connection.sendall(request)
                answer = b"".join(iter(lambda: connection.recv(65536), b""))
            assert answer.startswith(b"HTTP/1.1 400 ")
            assert b'{"error":{"code":"bad_request"' in answer


def test_serving_others_without_a_key_does_not_start(folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PENCHANT_KEY"}
    command = [*COMMAND, "--dir", str(folder), "--port", "0", "--host", "0.0.0.0"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 2
    assert "PENCHANT_KEY" in done.stderr
    assert done.stdout == ""


def until_refused(address: str) -> None:
    """Return once nobody listens there any more."""
    host, port = address.removeprefix("http://").split(":")
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except ConnectionError:
            return


def test_a_request_under_way_is_finished_before_the_server_stops(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from penchant.scenarios.engine import Engine

    entered, go, announced = threading.Event(), threading.Event(), threading.Event()
    address: list[str] = []
    answer_of = Engine.recommend

    def slow(self: Engine, request: object) -> object:
        entered.set()
        assert go.wait(30)
        return answer_of(self, request)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "recommend", slow)
    answers: list[int] = []

    def visitor() -> None:
        assert announced.wait(30)
        answers.append(httpx.get(f"{address[0]}/v1/recommend/home", timeout=60).status_code)

    def stopper() -> None:
        assert entered.wait(30)
        os.kill(os.getpid(), signal.SIGTERM)
        until_refused(address[0])
        go.set()

    def announce(line: str) -> None:
        found = re.search(r"http://[\d.]+:\d+", line)
        assert found
        address.append(found[0])
        announced.set()

    threads = [threading.Thread(target=visitor), threading.Thread(target=stopper)]
    for thread in threads:
        thread.start()
    run_server(project, Address(port=0), announce=announce)
    for thread in threads:
        thread.join()
    assert answers == [200]
