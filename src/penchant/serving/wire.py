"""Strict JSON in, JSON bytes out. What JSON leaves open is closed here, once, so that nothing behind it need ask.

Refused: names given twice, NaN and numbers beyond 64 bits, lone surrogates and NUL characters, deep nesting, a byte order
mark, anything but UTF-8.
"""

import json
import math
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import orjson
from starlette.requests import Request
from starlette.responses import Response

from penchant.core.errors import RequestError
from penchant.serving.limits import MAX_DEPTH, MAX_INT

# JSON values are of any kind until a schema has checked them, hence `Any` throughout this module.

JSON_TYPES = ("application/json", "text/json")
LINES_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines", "application/jsonlines")


def answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON response. A number that JSON cannot say (NaN, ∞) becomes null."""
    return Response(orjson.dumps(value), status_code=status, headers=headers, media_type="application/json")


def is_lines(request: Request) -> bool:
    """Whether the body is one JSON value a line. Raises RequestError 415 for a content type that is neither."""
    kind, _, parameters = request.headers.get("content-type", JSON_TYPES[0]).partition(";")
    kind, parameters = kind.strip().lower(), parameters.strip().lower()
    if "charset=" in parameters and "utf-8" not in parameters and "utf8" not in parameters:
        raise RequestError("bodies are UTF-8; the content-type names another charset", field="content-type", status=415)
    if kind in LINES_TYPES:
        return True
    if kind in JSON_TYPES or (kind.startswith("application/") and kind.endswith("+json")):
        return False
    raise RequestError(
        f"content-type {kind[:60]!r} is not accepted; send application/json, or application/x-ndjson for one object a line",
        field="content-type",
        status=415,
    )


def parse(body: bytes) -> Any:
    """The value that `body` says. Raises RequestError 400, or 422 naming the field whose value cannot be kept."""
    return _checked(_decode(_text(body), ""), "")


def parse_lines(body: bytes) -> list[Any]:
    """One value a line, blank lines left out. The field of an error starts with the value's index: `[2].value`."""
    lines = [line for line in _text(body).split("\n") if line.strip()]
    return [_checked(_decode(line, f"[{index}]"), f"[{index}]") for index, line in enumerate(lines)]


def parse_query(request: Request) -> list[tuple[str, str]]:
    """The query string as names and values, in order. Raises RequestError 400 where it is not UTF-8 or too long."""
    try:
        pairs = parse_qsl(request.scope["query_string"].decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=2_000)
    except UnicodeDecodeError:
        raise RequestError("the query string is not UTF-8", field="query", status=400) from None
    except ValueError:
        raise RequestError("the query string has too many fields; send a POST with a JSON body", field="query", status=400) from None
    for name, value in pairs:
        _checked(value, name[:64])
    return pairs


def path_text(request: Request, name: str) -> str:
    """The path parameter `name`, decoded: `a%2Fb` is the id `a/b`. Raises RequestError 400 where it is not UTF-8."""
    try:
        text = unquote_to_bytes(request.path_params[name]).decode("utf-8")
    except UnicodeDecodeError:
        raise RequestError("the path is not UTF-8", field=name, status=400) from None
    return str(_checked(text, name))


def _text(body: bytes) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestError(f"the body is not UTF-8: byte {error.start} cannot be read", field="body", status=400) from None
    if text.startswith("\ufeff"):
        raise RequestError("the body starts with a byte order mark; send plain UTF-8", field="body", status=400)
    if not text.strip():
        raise RequestError("the body is empty; send JSON", field="body", status=400)
    return text


def _decode(text: str, where: str) -> Any:
    prefix = f"{where}: " if where else ""
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        hint = "; for one object a line send content-type: application/x-ndjson" if error.msg == "Extra data" and not where else ""
        message = f"{prefix}not JSON: {error.msg} at line {error.lineno}, column {error.colno}{hint}"
        raise RequestError(message, field=where or "body", status=400) from None
    except RecursionError:
        raise RequestError(f"{prefix}{_TOO_DEEP}", field=where or "body", status=400) from None
    except ValueError:  # a whole number of thousands of digits
        raise RequestError(f"{prefix}a number is too large", field=where or "body", status=400) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RequestError(f"{twice[:64]!r} is given twice in one object", field=twice[:64], status=400)
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_object)  # it takes NaN and Infinity, which `_checked` then refuses by name


class _Unkeepable(Exception):
    """A part of a value that cannot be kept; the way to it is put together on the way out, so that a good value pays nothing."""

    def __init__(self, message: str, status: int = 422) -> None:
        self.message, self.status, self.path = message, status, ""


def _checked(value: Any, where: str) -> Any:
    """`value` itself. Raises RequestError with the path of the first part that cannot be kept."""
    try:
        _check(value, 0)
    except _Unkeepable as bad:
        path = (where + bad.path if where else bad.path.removeprefix("."))[:200]
        raise RequestError(bad.message, field=path or "body", status=bad.status) from None
    return value


def _check(value: Any, depth: int) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise _Unkeepable("must be a finite number; leave the field out or send null where there is none")
    elif isinstance(value, int):
        if not -MAX_INT <= value <= MAX_INT:
            raise _Unkeepable("a whole number is beyond 64 bits; send it as a string")
    elif isinstance(value, dict | list):
        if depth >= MAX_DEPTH:
            raise _Unkeepable(_TOO_DEEP, status=400)
        at: object = None
        try:
            for at, part in value.items() if isinstance(value, dict) else enumerate(value):
                if isinstance(at, str):
                    _check_text(at)
                _check(part, depth + 1)
        except _Unkeepable as bad:
            bad.path = (f".{at}" if isinstance(at, str) else f"[{at}]") + bad.path
            raise


def _check_text(text: str) -> None:
    if "\0" in text:
        raise _Unkeepable("text holds a NUL character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise _Unkeepable("text holds half of a character (a lone surrogate)") from None


_TOO_DEEP = f"the JSON is nested more than {MAX_DEPTH} levels deep"
