"""A route is one `Endpoint`: what answers it, and what its documentation says. Routing and OpenAPI come from the same table."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from penchant import __version__
from penchant.serving.answers import ErrorAnswer
from penchant.serving.errors import CODES
from penchant.serving.wire import LINES_TYPES

Handler = Callable[[Request], Awaitable[Response]]
Json = dict[str, Any]  # a part of an OpenAPI document, hence `Any`

ERRORS = (400, 401, 403, 404, 408, 413, 415, 422, 503, 507)


@dataclass(frozen=True)
class Endpoint:
    """One method of one path."""

    method: str
    path: str
    handler: Handler
    summary: str
    group: str
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    many: bool = False  # the body may also be a list, or one object a line
    body_required: bool = True
    answer: type[BaseModel] | None = None
    media_type: str = "application/json"


def routes(endpoints: Sequence[Endpoint]) -> list[BaseRoute]:
    """One route a path, so that a wrong method is answered with all the right ones."""
    by_path: dict[str, dict[str, Handler]] = {}
    for endpoint in endpoints:
        by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint.handler
    return [Route(path, _dispatch(path, handlers), methods=list(handlers)) for path, handlers in by_path.items()]


def _dispatch(path: str, handlers: dict[str, Handler]) -> Handler:
    async def handle(request: Request) -> Response:
        request.scope["matched"]["route"] = path  # for metrics and log lines, see `middleware.Telemetry`
        return await handlers["GET" if request.method == "HEAD" else request.method](request)

    return handle


def document(endpoints: Sequence[Endpoint]) -> Json:
    """The OpenAPI document of these endpoints."""
    kinds = {kind for e in endpoints for kind in (e.query, e.body, e.answer) if kind is not None} | {ErrorAnswer}
    ordered = sorted(kinds, key=lambda kind: kind.__name__)
    _, schemas = models_json_schema([(kind, "validation") for kind in ordered], ref_template="#/components/schemas/{model}")
    components: Json = schemas["$defs"]
    paths: dict[str, Json] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "penchant", "version": __version__, "description": "Events in, personal answers out."},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
        "security": [{}, {"bearer": []}, {"header": []}],
    }


def _operation(endpoint: Endpoint, components: Json) -> Json:
    answer = {"$ref": f"#/components/schemas/{endpoint.answer.__name__}"} if endpoint.answer else {}
    operation: Json = {
        "summary": endpoint.summary,
        "operationId": re.sub(r"\W+", "_", f"{endpoint.method.lower()}{endpoint.path}").strip("_"),
        "tags": [endpoint.group],
        "parameters": [*_path_parameters(endpoint.path), *_query_parameters(endpoint.query, components)],
        "responses": {"200": {"description": "Done.", "content": {endpoint.media_type: {"schema": answer}}}} | _errors(),
    }
    if endpoint.body is not None:
        one = {"$ref": f"#/components/schemas/{endpoint.body.__name__}"}
        content: Json = {"application/json": {"schema": {"oneOf": [one, {"type": "array", "items": one}]} if endpoint.many else one}}
        if endpoint.many:
            content[LINES_TYPES[0]] = {"schema": {"type": "string", "description": f"one {endpoint.body.__name__} a line"}}
        operation["requestBody"] = {"required": endpoint.body_required, "content": content}
    return operation


def _errors() -> Json:
    shape = {"application/json": {"schema": {"$ref": f"#/components/schemas/{ErrorAnswer.__name__}"}}}
    return {str(status): {"description": CODES[status].replace("_", " "), "content": shape} for status in ERRORS}


def _path_parameters(path: str) -> list[Json]:
    names = re.findall(r"{(\w+)}", path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}} for name in names]


def _query_parameters(query: type[BaseModel] | None, components: Json) -> list[Json]:
    if query is None:
        return []
    schema = components[query.__name__]
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": part, "description": part.get("description", "")}
        for name, part in schema["properties"].items()
    ]
