"""The console's only source: the HTTP API of `penchant.serving`, in this process or elsewhere."""

from typing import Any
from urllib.parse import quote

import httpx
from starlette.types import ASGIApp

TIMEOUT_SECONDS = 20.0
HERE = "http://127.0.0.1"  # a host name that an app in this process always answers for

# Answers are JSON, hence `Any` throughout this module.


class ApiError(Exception):
    """The API gave no answer that a page can show.

    `kind`: unreachable, refused, missing or failed; `detail`: its own words; `field`: the part of the question that they are about.
    """

    def __init__(self, kind: str, detail: str = "", field: str = "") -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind
        self.detail = detail
        self.field = field

    @property
    def status(self) -> int:
        """The status of a page that says so."""
        return {"missing": 404, "refused": 400}.get(self.kind, 503)


class Api:
    """Asks the API. Every method raises ApiError where there is no usable answer."""

    def __init__(self, api: ASGIApp | str, *, key: str | None = None) -> None:
        headers = {"accept": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
        if isinstance(api, str):
            self._http = httpx.AsyncClient(base_url=api, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False)
        else:
            transport = httpx.ASGITransport(api, raise_app_exceptions=False)
            self._http = httpx.AsyncClient(transport=transport, base_url=HERE, headers=headers)

    async def get(self, *path: str, **query: str | int | None) -> dict[str, Any]:
        """The answer for `/v1/` and the parts of `path`, which are ids and names of any content."""
        return await self._ask("GET", path, query=query)

    async def post(self, *path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to a JSON body."""
        return await self._ask("POST", path, body=body)

    async def _ask(
        self, method: str, path: tuple[str, ...], *, query: dict[str, str | int | None] | None = None, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        place = "/v1/" + "/".join(quote(part, safe="") for part in path)
        given = {name: value for name, value in (query or {}).items() if value is not None}
        try:
            response = await self._http.request(method, place, params=given or None, json=body)
            answer = response.json()
        except httpx.HTTPError as error:
            raise ApiError("unreachable", type(error).__name__) from None
        except ValueError:
            raise ApiError("failed", f"status {response.status_code}, not JSON") from None
        if response.is_success and isinstance(answer, dict):
            return answer
        named = answer.get("error") if isinstance(answer, dict) else None
        said = named if isinstance(named, dict) else {}
        raise ApiError(_kind(response.status_code), str(said.get("message", "")), str(said.get("field", "")))


def _kind(status: int) -> str:
    if status == 404:
        return "missing"
    return "refused" if 400 <= status < 500 else "failed"
