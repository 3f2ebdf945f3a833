"""The documentation page at `/docs`: the OpenAPI document, rendered here. No script, nothing loaded from elsewhere."""

import base64
import hashlib
from typing import Any

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined

Json = dict[str, Any]  # a part of an OpenAPI document, hence `Any`


def page(document: Json) -> tuple[str, str]:
    """The page, and the content security policy that lets its one style sheet pass and nothing else."""
    loader = PackageLoader("penchant.serving", "templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    source = loader.get_source(environment, "docs.css")[0]
    groups: dict[str, list[Json]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(_described(path, method, operation, document))
    html = environment.get_template("docs.html").render(info=document["info"], groups=groups, style=source)
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    return html, f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'; base-uri 'none'"


def _described(path: str, method: str, operation: Json, document: Json) -> Json:
    content = operation.get("requestBody", {}).get("content", {})
    body = _resolve(next(iter(content.values()))["schema"], document) if content else {}
    shape = next(iter(operation["responses"]["200"]["content"].values()))["schema"]
    return {
        "method": method.upper(),
        "path": path,
        "id": operation["operationId"],
        "summary": operation["summary"],
        "parameters": [
            {"name": p["name"], "where": p["in"], "required": p["required"], "type": _type(p["schema"]), "text": p.get("description", "")}
            for p in operation["parameters"]
        ],
        "accepts": list(content),
        "fields": [
            {"name": name, "required": name in body.get("required", ()), "type": _type(part), "text": part.get("description", "")}
            for name, part in body.get("properties", {}).items()
        ],
        "text": body.get("description", ""),
        "answer": orjson.dumps(_example(shape, document), option=orjson.OPT_INDENT_2).decode() if shape else "",
    }


def _resolve(schema: Json, document: Json) -> Json:
    """The schema that a reference, or the first branch of a choice, names."""
    while "$ref" in schema or "oneOf" in schema:
        named = schema.get("$ref", "").rpartition("/")[2]
        schema = document["components"]["schemas"][named] if named else schema["oneOf"][0]
    return schema


def _type(schema: Json) -> str:
    """A schema's type in a word or two."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(part) for part in schema["anyOf"] if part.get("type") != "null"))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return str({"date-time": "time"}.get(schema.get("format", ""), schema.get("type", "any")))


def _example(schema: Json, document: Json) -> Any:
    """A value of the right shape, made of type names. `Any`: JSON."""
    schema = _resolve(schema, document)
    if "anyOf" in schema:
        return _type(schema) + " or null"
    if schema.get("type") == "object" and "properties" in schema:
        return {name: _example(part, document) for name, part in schema["properties"].items()}
    if schema.get("type") == "array":
        return [_example(schema.get("items", {}), document)]
    return {} if schema.get("type") == "object" else _type(schema)
