import asyncio
from typing import Any

import httpx
from starlette.types import ASGIApp


class ConsoleClient:
    """Asks an app in this process as a browser without scripts would: it keeps cookies and follows no redirect."""

    def __init__(self, app: ASGIApp, headers: dict[str, str] | None = None) -> None:
        self.runner = asyncio.Runner()
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers)

    def get(self, url: str, **options: Any) -> httpx.Response:
        return self.runner.run(self.http.get(url, **options))

    def post(self, url: str, data: dict[str, str] | None = None, **options: Any) -> httpx.Response:
        return self.runner.run(self.http.post(url, data=data, **options))

    def close(self) -> None:
        self.runner.run(self.http.aclose())
        self.runner.close()
