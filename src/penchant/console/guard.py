"""What happens to every request of the console before a page sees it: headers, same origin, login. Plain ASGI, no buffering."""

import base64
import hashlib
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers as RequestHeaders
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from penchant.console.sessions import COOKIE, Sessions

READS = ("GET", "HEAD")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # as quiet to others as no-referrer, which would make forms send `Origin: null`
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def with_own_style(text: str) -> str:
    """The policy for a page that carries its one style sheet in itself: nothing but these very bytes is allowed as well."""
    style = text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return POLICY.replace("style-src 'self'", f"style-src 'sha256-{digest}'")


class Headers:
    """Gives every answer its security headers. Pages are not kept by browsers; the few static files are, for an hour."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        caching = "max-age=3600" if _path(scope).startswith("/static/") else "no-store"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(
                    {**HEADERS, "cache-control": caching, "content-security-policy": headers.get("content-security-policy", POLICY)}
                )
                headers.add_vary_header("Cookie, Accept-Language, HX-Request")
            await send(message)

        await self.app(scope, receive, send_with_headers)


class SameOrigin:
    """Refuses a write that a page of another site had a browser send."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and scope["method"] not in READS and not _same_origin(RequestHeaders(scope=scope)):
            refusal = PlainTextResponse("a page of another origin may not write here", status_code=403)
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)


class Login:
    """Leads whoever has not shown the key to the login page; lets everybody in where there is no key."""

    def __init__(self, app: ASGIApp, *, sessions: Sessions | None) -> None:
        self.app = app
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        is_open = scope["type"] != "http" or _path(scope) == "/login" or _path(scope).startswith("/static/")
        if self._sessions is None or is_open or self._sessions.knows(_token(RequestHeaders(scope=scope))):
            await self.app(scope, receive, send)
            return
        await _to_login(scope)(scope, receive, send)


def _to_login(scope: Scope) -> Response:
    place = f"{scope.get('root_path', '')}/login"
    if "hx-request" in RequestHeaders(scope=scope):  # part of a page asks: let the whole page go
        return Response(status_code=401, headers={"hx-redirect": place})
    return RedirectResponse(place, status_code=303)


def _path(scope: Scope) -> str:
    """The path below the place where the console is mounted."""
    return str(scope["path"]).removeprefix(scope.get("root_path", ""))


def _token(headers: RequestHeaders) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _same_origin(headers: RequestHeaders) -> bool:
    """Whether a write comes from a page of this very origin, or from no browser at all."""
    site = headers.get("sec-fetch-site", "none")
    origin = headers.get("origin")
    if site not in ("none", "same-origin"):
        return False
    host = headers.get("host", "").lower()
    return origin is None or origin.lower() in (f"http://{host}", f"https://{host}")
