"""Every route of the OpenAPI document with bodies made from its schemas, right and wrong: never a 5xx, always the declared shape."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from api_client import Client, error_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penchant.scenarios.project import Project
from penchant.serving.app import create_app
from penchant.serving.openapi import Endpoint, document
from penchant.serving.routes import ENDPOINTS

DOCUMENT = document(ENDPOINTS)
QUICK = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))

NASTY = [
    *("", " ", "\0", "a/b", "..", "%", "𠜎", "é", "e\u0301", "\u202e", "null", "0", "__proto__", "x" * 513),
    *("{{7*7}}", "' OR 1=1 --", '"', "*", "NEAR("),
]
texts = st.sampled_from([*NASTY, "user-1", "film-1", "home"]) | st.text(max_size=20)
numbers = st.sampled_from([0, -1, 1, 2**31, 2**53, 2**63, -(2**70), 1e400, float("nan"), 1.5, -0.0, 5e-324]) | st.integers() | st.floats()
scalars = st.none() | st.booleans() | numbers | texts
anything = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8)


def from_schema(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that fit a JSON schema, and now and then one that does not."""
    return st.one_of(_fitting(schema), _fitting(schema), _fitting(schema), anything)


def _fitting(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return _fitting(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return st.one_of([_fitting(part) for part in schema[choice]])
    match schema.get("type"):
        case "object" if "properties" in schema:
            fields = {name: from_schema(part) for name, part in schema["properties"].items()}
            required = {name: fields.pop(name) for name in schema.get("required", [])}
            return st.fixed_dictionaries(required, optional=fields)
        case "array":
            return st.lists(from_schema(schema.get("items", {})), max_size=4)
        case "string":
            return texts
        case "integer" | "number":
            return st.integers(0, 50) | numbers
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
    return anything


@st.composite
def requests(draw: st.DrawFn, endpoint: Endpoint) -> tuple[str, Any]:
    """A URL and a body for one endpoint."""
    operation = DOCUMENT["paths"][endpoint.path][endpoint.method.lower()]
    path, query = endpoint.path, []
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(draw(texts).encode("utf-8", "surrogatepass"), safe=""))
        elif parameter["required"] or draw(st.booleans()):
            value = draw(from_schema(parameter["schema"]))
            values = value if isinstance(value, list) else [value]
            query += [f"{parameter['name']}={quote(str(part).encode('utf-8', 'surrogatepass'), safe='')}" for part in values]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return path + ("?" + "&".join(query) if query else ""), draw(from_schema(content["schema"])) if content else None


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    project = Project.create(Path(tmp_path_factory.mktemp("fuzz")) / "shop")
    client = Client(create_app(project))
    client.post("/v1/items", [{"item_id": f"film-{n}", "title": f"Film {n}"} for n in range(9)])
    client.post("/v1/events", [{"user_id": "user-1", "item_id": f"film-{n}"} for n in range(3)])
    yield client
    client.close()
    project.close()


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: f"{e.method} {e.path}")
def test_no_body_makes_the_server_fail(fuzzed: Client, endpoint: Endpoint) -> None:
    @settings(QUICK, max_examples=40 if endpoint.body else 15)
    @given(case=requests(endpoint))
    def check(case: tuple[str, Any]) -> None:
        url, body = case
        sent = {} if endpoint.body is None else {"content": json.dumps(body).encode(), "headers": {"content-type": "application/json"}}
        answer = fuzzed.request(endpoint.method, url, **sent)
        assert answer.status_code < 500, (url, body, answer.text)
        if answer.status_code >= 400:
            error = error_of(answer)
            assert error["field"] is not None or answer.status_code in (404, 405), (url, body, error)
        elif endpoint.answer is not None:
            endpoint.answer.model_validate(answer.json())

    check()


@settings(QUICK, max_examples=150)
@given(
    body=st.binary(max_size=60) | st.text(alphabet='{}[]",:0eE+-.\\u nulltrue', max_size=40).map(str.encode),
    kind=st.sampled_from(["application/json", "application/x-ndjson"]),
)
def test_no_bytes_make_the_server_fail(fuzzed: Client, body: bytes, kind: str) -> None:
    answer = fuzzed.send("/v1/events", body, kind)
    assert answer.status_code in (200, 400, 422)
    if answer.status_code != 200:
        assert error_of(answer)["field"]
