"""What happens to every request before a route sees it, and to every answer after. Plain ASGI, no buffering.

Order, outermost first: `Telemetry` (request id, security headers, metrics, log line, last resort for errors) → `Guard` (host,
origin, key) → `RawPath` (ids with slashes).
"""

import base64
import binascii
import hashlib
import hmac
import time
import uuid
from collections.abc import Iterable, MutableMapping
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from penchant.core.log import logger
from penchant.serving.errors import error_response
from penchant.serving.telemetry import Metrics, access_log

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
READS = ("GET", "HEAD", "OPTIONS")
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
OPEN_PATHS = ("/healthz",)  # answered without a key

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Telemetry:
    """Gives every request an id, every answer its headers, and counts both. An error that nobody expected becomes a plain 500."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = uuid.uuid4().hex
        app = scope["app"]  # a mounted app puts itself here
        scope["request_id"] = request_id
        matched: dict[str, str] = {}
        scope["matched"] = matched  # the route writes its template here: what it is handed is a copy of this scope
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                headers["x-request-id"] = request_id
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception:  # noqa: BLE001  # the last resort: logged, and answered in the one shape
            logger.exception("request %s failed", request_id)
            if not status:
                refusal = error_response(500, f"the server failed to answer; its log says why under request {request_id}")
                await refusal(scope, receive, send_with_headers)
        finally:
            seconds = time.perf_counter() - started
            route, method = matched.get("route") or _mounted(app, scope["path"]), scope["method"] if scope["method"] in METHODS else "other"
            self.metrics.request(route, method, status or 499, seconds)  # 499: the caller left before the answer began
            access_log.info("%s %s %d %.1f ms %s", method, route, status or 499, seconds * 1000, request_id)


class Guard:
    """Lets in whom it should: the right host name, the same origin for writes, and the key where one is set."""

    def __init__(self, app: ASGIApp, *, key: str | None, hosts: Iterable[str] = (), own_login: Iterable[str] = ()) -> None:
        self.app = app
        places = tuple(own_login)
        self._own_login = tuple(f"{place}/" for place in places)
        self._open = frozenset((*OPEN_PATHS, *(("/", *places) if places else ())))  # these two only lead to the login
        self._digest = None if key is None else _digest(key.encode())
        self._hosts = frozenset(host.lower() for host in (*LOOPBACK, *hosts))
        self._check_host = key is None or any(True for _ in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the opening of a web socket."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if (refusal := self._refusal(scope, headers)) is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            status, message, field = refusal
            await error_response(status, message, field, _challenge(headers) if status == 401 else None)(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str, str] | None:
        """Status, message and field of why this request may not pass; None when it may."""
        host = headers.get("host", "")
        if self._check_host and _without_port(host) not in self._hosts:
            # Without this check a page of another site whose name resolves to 127.0.0.1 could read everything.
            return 403, f"host {host[:100]!r} is not served here; name it with --allow-host when it should be", "host"
        if scope.get("method", "GET") not in READS and not _same_origin(headers, host):
            return 403, "a page of another origin may not write here", "origin"
        if self._wants_key(scope["path"]) and not self._knows_key(headers):
            return 401, "a key is needed: send the header Authorization: Bearer KEY, or X-API-Key: KEY", "authorization"
        return None

    def _wants_key(self, path: str) -> bool:
        return self._digest is not None and path not in self._open and not path.startswith(self._own_login)

    def _knows_key(self, headers: Headers) -> bool:
        given = _given_key(headers)
        return given is not None and self._digest is not None and hmac.compare_digest(_digest(given), self._digest)


class RawPath:
    """Routes `/v1/…` by the path as it was sent, so that the slash of `/v1/items/a%2Fb` belongs to the id. `wire.path_text` decodes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One request. `Any`: an ASGI scope."""
        if scope["type"] == "http" and scope["path"].startswith("/v1/") and scope.get("raw_path"):
            scope["path"] = scope["raw_path"].decode("latin-1")
        await self.app(scope, receive, send)


def _mounted(app: Starlette, path: str) -> str:
    """The place of the app, mounted into this one, that a path leads to: bounded in number and free of ids."""
    places = (route.path for route in app.routes if isinstance(route, Mount))
    return next((place for place in places if path.startswith(f"{place}/")), "unmatched")


def _without_port(host: str) -> str:
    name, _, port = host.lower().rpartition(":")
    return name if name and port.isdigit() else host.lower()


def _same_origin(headers: Headers, host: str) -> bool:
    """Whether a write comes from a page of this very origin, or from no browser at all."""
    origin = headers.get("origin")
    if origin is not None:
        return origin.lower() in (f"http://{host}".lower(), f"https://{host}".lower())
    return headers.get("sec-fetch-site", "none") in ("none", "same-origin")


def _given_key(headers: Headers) -> bytes | None:
    """The key that a request shows, in any of three ways; a browser's password box is the third."""
    if (named := headers.get("x-api-key")) is not None:
        return named.encode("latin-1")
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode("latin-1")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
        except binascii.Error:
            return None
    return None


def _digest(key: bytes) -> bytes:
    """Digests are of equal length, so comparing them tells nothing about the key's."""
    return hashlib.sha256(key).digest()


def _challenge(headers: Headers) -> dict[str, str]:
    """How to show a key; a browser that wants a page is asked for a password (any user name)."""
    wants_page = "text/html" in headers.get("accept", "")
    return {"www-authenticate": 'Basic realm="penchant", charset="UTF-8"' if wants_page else "Bearer"}
