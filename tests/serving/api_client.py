import asyncio
from collections.abc import Callable
from typing import Any

import httpx
from fastapi import FastAPI


class Client:
    """Asks an app in this process, one loop for all requests; an error of the app is an answer, not an exception."""

    def __init__(self, app: FastAPI, base_url: str = "http://localhost", headers: dict[str, str] | None = None) -> None:
        self.runner = asyncio.Runner()
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url=base_url, headers=headers)

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        return self.runner.run(self.http.request(method, url, **options))

    def get(self, url: str, **options: Any) -> httpx.Response:
        return self.request("GET", url, **options)

    def post(self, url: str, json: Any = None, **options: Any) -> httpx.Response:
        return self.request("POST", url, json=json, **options)

    def send(self, url: str, body: bytes | str, kind: str = "application/json") -> httpx.Response:
        return self.request("POST", url, content=body, headers={"content-type": kind})

    def together(self, requests: list[tuple[str, str, Any]]) -> list[httpx.Response]:
        """All at once: (method, url, JSON) each."""

        async def all_of_them() -> list[httpx.Response]:
            return await asyncio.gather(*(self.http.request(method, url, json=body) for method, url, body in requests))

        return self.runner.run(all_of_them())

    def open_socket(self, app: FastAPI, path: str) -> list[dict[str, Any]]:
        """What the app sends when a web socket is opened."""
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"host", b"localhost")]
        scope = {"type": "websocket", "path": path, "raw_path": path.encode(), "headers": headers, "query_string": b"", "subprotocols": []}
        self.runner.run(app(scope, receive, send))
        return sent

    def close(self) -> None:
        self.runner.run(self.http.aclose())
        self.runner.close()


OpenClient = Callable[..., Client]  # takes what `Client` takes; closed when the test ends


def error_of(response: httpx.Response) -> dict[str, Any]:
    """The error of an answer, after a check of its shape."""
    body = response.json()
    assert set(body) == {"error"}
    error: dict[str, Any] = body["error"]
    assert set(error) == {"code", "message", "field"}
    assert isinstance(error["code"], str) and isinstance(error["message"], str)
    assert error["field"] is None or isinstance(error["field"], str)
    return error
