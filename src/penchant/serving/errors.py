"""The one shape of every error: {"error": {"code", "message", "field"}}; and which error gets which status."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from penchant.core.errors import ArtifactNotFound, PenchantError, RequestError, StoreConflict, StoreFull, StoreUnavailable, UnknownIdError
from penchant.core.log import logger

CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    500: "internal",
    503: "unavailable",
    507: "storage_full",
}
RETRY_AFTER = "1"  # seconds


class Overloaded(PenchantError):
    """More is under way than the server does at once; the same request may succeed a moment later."""


def error_body(status: int, message: str, field: str | None = None) -> bytes:
    """The JSON of an error."""
    code = CODES.get(status, "bad_request" if status < 500 else "internal")
    # Only text that can be encoded: a message may quote what the caller sent.
    message = message.encode("utf-8", "replace").decode()
    field = None if field is None else field.encode("utf-8", "replace").decode()
    return orjson.dumps({"error": {"code": code, "message": message, "field": field}})


def error_response(status: int, message: str, field: str | None = None, headers: dict[str, str] | None = None) -> Response:
    """An error as a response; 503 and 507 say when to try again."""
    named = dict(headers or {})
    if status in (503, 507):
        named.setdefault("retry-after", RETRY_AFTER)
    return Response(error_body(status, message, field), status_code=status, headers=named, media_type="application/json")


def status_of(error: Exception) -> int:
    """The HTTP status of an error that was raised on purpose."""
    match error:
        case RequestError():
            return error.status if 400 <= error.status < 500 else 422
        case UnknownIdError() | ArtifactNotFound():
            return 404
        case StoreFull():
            return 507
        case StoreUnavailable() | StoreConflict() | Overloaded():
            return 503
        case _:
            return 500


# The text of our own errors names files and settings: that is for the log, not for whoever sent the request.
_OURS = {
    500: "the server failed to answer; its log says why",
    503: "the store cannot be used at this moment, nothing was changed; send the same request again",
    507: "the disk of the server is full, nothing was changed; free some space and send the same request again",
}
_CONFLICT = "another process, perhaps a server, writes to this project; nothing was changed: send the request there, or stop that one"


async def on_penchant_error(request: Request, error: Exception) -> Response:
    """A response for an error of ours."""
    status = status_of(error)
    if status < 500 or isinstance(error, Overloaded):
        return error_response(status, str(error), getattr(error, "field", None))
    logger.error(
        "request %s: %s: %s", request.scope.get("request_id"), type(error).__name__, error, exc_info=error if status == 500 else None
    )
    said = _CONFLICT if isinstance(error, StoreConflict) else _OURS[status]
    return error_response(status, f"{said} (request {request.scope.get('request_id')})")


async def on_http_error(request: Request, error: Exception) -> Response:
    """A response for the framework's own errors: unknown route, wrong method."""
    status: int = getattr(error, "status_code", 500)
    headers: dict[str, Any] | None = getattr(error, "headers", None)  # `Any`: the framework's mapping
    if status == 404:
        return error_response(404, "no such route; all routes are at /docs", headers=headers)
    if status == 405:
        return error_response(
            405, f"{request.method} is not allowed here; allowed: {(headers or {}).get('Allow', 'see /docs')}", headers=headers
        )
    return error_response(status, str(getattr(error, "detail", "refused")), headers=headers)


async def on_disconnect(_request: Request, _error: Exception) -> Response:
    """Nobody reads this: the caller left while sending."""
    return error_response(400, "the connection was closed before the body was complete", "body")
