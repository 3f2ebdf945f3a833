"""What a caller may get wrong, in tables: always the right status, the one error shape, and the name of the field."""

import pytest
from api_client import Client, error_of


def event(more: str = '"value": 1') -> str:
    """An event as JSON text, with one more field."""
    return '{"user_id": "u", "item_id": "i", ' + more + "}"


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ("{}", 422, "user_id"),
        ('{"user_id": "u"}', 422, "item_id"),
        ('{"user_id": 42, "item_id": "i"}', 422, "user_id"),
        ('{"user_id": true, "item_id": "i"}', 422, "user_id"),
        ('{"user_id": null, "item_id": "i"}', 422, "user_id"),
        ('{"user_id": ["u"], "item_id": "i"}', 422, "user_id"),
        ('{"user_id": "u", "item_id": {}}', 422, "item_id"),
        ('{"user_id": "", "item_id": "i"}', 422, "user_id"),
        ('{"user_id": "%s", "item_id": "i"}' % ("u" * 513), 422, "user_id"),
        ('{"user_id": "%s", "item_id": "i"}' % ("界" * 171), 422, "user_id"),
        ('{"user_id": "u\\u0000", "item_id": "i"}', 422, "user_id"),
        ('{"user_id": "\\ud800", "item_id": "i"}', 422, "user_id"),
        ('{"user_id": "\\udc00\\ud800", "item_id": "i"}', 422, "user_id"),
        (event('"usr": 1'), 422, "usr"),
        (event('"value": "1"'), 422, "value"),
        (event('"value": NaN'), 422, "value"),
        (event('"value": Infinity'), 422, "value"),
        (event('"value": -Infinity'), 422, "value"),
        (event('"value": 1e400'), 422, "value"),
        (event('"value": 1e39'), 422, "value"),
        (event('"value": 9223372036854775808'), 422, "value"),
        (event('"value": -99999999999999999999999'), 422, "value"),
        (event('"value": true'), 422, "value"),
        (event('"timestamp": 1e400'), 422, "timestamp"),
        (event('"position": -1'), 422, "position"),
        (event('"position": 1.5'), 422, "position"),
        (event('"position": 2147483648'), 422, "position"),
        (event('"propensity": 0'), 422, "propensity"),
        (event('"propensity": 1.0001'), 422, "propensity"),
        (event('"properties": []'), 422, "properties"),
        (event('"properties": "x"'), 422, "properties"),
        (event('"properties": {"": 1}'), 422, "properties"),
        (event('"properties": {"a": NaN}'), 422, "properties.a"),
        (event('"properties": {"a": [1, "\\ud83d"]}'), 422, "properties.a[1]"),
        (event('"properties": {"a": "' + "x" * 70_000 + '"}'), 422, "properties"),
        (event('"event_type": ""'), 422, "event_type"),
        (event('"event_type": "' + "x" * 129 + '"'), 422, "event_type"),
        (event('"user_id": "v"'), 400, "user_id"),
        (event('"properties": {"a": 1, "a": 2}'), 400, "a"),
        ("42", 422, "body"),
        ('"text"', 422, "body"),
        ("null", 422, "body"),
        ("[[]]", 422, "[0]"),
        (f"[{event()}, 7]", 422, "[1]"),
        ("", 400, "body"),
        ("   \n", 400, "body"),
        ("{", 400, "body"),
        ("{'user_id': 'u'}", 400, "body"),
        (event() + ",", 400, "body"),
        (event() + event(), 400, "body"),
        ('{"user_id": "a\tb", "item_id": "i"}', 400, "body"),
        ("9" * 5_000, 400, "body"),
    ],
)
def test_a_wrong_event_is_refused_by_name(client: Client, body: str, status: int, field: str) -> None:
    answer = client.send("/v1/events", body)
    assert (answer.status_code, error_of(answer)["field"]) == (status, field), answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe{\x00}\x00",
        '{"a": 1}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b'{"user_id": "\xff", "item_id": "i"}',
        b'{"user_id": "\xed\xa0\x80", "item_id": "i"}',  # a lone surrogate in UTF-8's clothes
        b'{"user_id": "\xc0\x80", "item_id": "i"}',  # an overlong NUL
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 50_000,
        b"\x1f\x8b\x08\x00",
        b"\x00",
    ],
    ids=["bytes", "utf-16", "bom", "invalid", "surrogate", "overlong", "open", "deep", "objects", "gzip", "nul"],
)
@pytest.mark.parametrize("path", ["/v1/events", "/v1/items", "/v1/users", "/v1/recommend/home", "/v1/rank"])
def test_bytes_that_are_not_json_are_refused(client: Client, body: bytes, path: str) -> None:
    answer = client.send(path, body)
    assert answer.status_code == 400
    assert error_of(answer)["field"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"title": "x"}', "item_id"),
        ('{"item_id": 1}', "item_id"),
        ('{"item_id": "a", "title": 1984}', "title"),
        ('{"item_id": "a", "title": ["x"]}', "title"),
        ('{"item_id": "a", "available": "no"}', "available"),
        ('{"item_id": "a", "available": 0}', "available"),
        ('{"item_id": "a", "categories": [1]}', "categories[0]"),
        ('{"item_id": "a", "properties": 7}', "properties"),
        ('{"item_id": "a", "properties": {"title": 7}}', "title"),
        ('{"item_id": "a", "x": 1, "properties": {"x": 2}}', "body"),
        ('{"item_id": "a", "price": 1e999}', "price"),
        ('{"item_id": "a", "": 1}', "body"),
        ('[{"item_id": "a"}, {"item_id": ""}]', "[1].item_id"),
        ('{"item_id": "a", "text": "%s"}' % ("x" * 70_000), "body"),
    ],
)
def test_a_wrong_item_is_refused_by_name(client: Client, body: str, field: str) -> None:
    answer = client.send("/v1/items", body)
    assert (answer.status_code, error_of(answer)["field"]) == (422, field), answer.text
    assert client.get("/v1/items").json()["total"] == 0


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("n=0", "n"),
        ("n=-1", "n"),
        ("n=1000000000", "n"),
        ("n=1001", "n"),
        ("n=1.5", "n"),
        ("n=1e1", "n"),
        ("n=ten", "n"),
        ("n=", "n"),
        ("n=%20", "n"),
        ("n=" + "9" * 40, "n"),
        ("n=5&n=5", "n"),
        ("explain=maybe", "explain"),
        ("explain=1", "explain"),
        ("user_id=", "user_id"),
        ("user_id=a&user_id=b", "user_id"),
        ("user_id=%00", "user_id"),
        ("user_id=" + "u" * 513, "user_id"),
        ("user=a", "user"),
        ("item_id=", "item_id[0]"),
        ("text=" + "x" * 1_001, "text"),
    ],
)
def test_a_wrong_query_is_refused_by_name(client: Client, query: str, field: str) -> None:
    answer = client.get(f"/v1/recommend/home?{query}")
    assert (answer.status_code, error_of(answer)["field"]) == (422, field), answer.text


@pytest.mark.parametrize("query", ["user_id=%ff", "user_id=%ed%a0%80", "%ff=1", "&".join(f"item_id={n}" for n in range(2_001))])
def test_a_query_that_cannot_be_read_is_refused(client: Client, query: str) -> None:
    answer = client.get(f"/v1/recommend/home?{query}")
    assert (answer.status_code, error_of(answer)["field"]) == (400, "query")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"n": "10"}, "n"),
        ({"n": 1.5}, "n"),
        ({"n": True}, "n"),
        ({"n": 0}, "n"),
        ({"n": 10**9}, "n"),
        ({"user_id": 7}, "user_id"),
        ({"items": "a", "usr": 1}, "usr"),
        ({"items": [1]}, "items[0]"),
        ({"items": {"a": 1}}, "items"),
        ({"items": ["a"] * 10_001}, "items"),
        ({"text": 5}, "text"),
        ({"explain": "true"}, "explain"),
        ([], "body"),
        ("home", "body"),
    ],
)
def test_a_wrong_question_is_refused_by_name(client: Client, body: object, field: str) -> None:
    answer = client.post("/v1/recommend/home", body)
    assert (answer.status_code, error_of(answer)["field"]) == (422, field), answer.text


def test_a_field_in_query_and_body_is_refused(client: Client) -> None:
    answer = client.post("/v1/recommend/home?n=5", {"n": 5})
    assert (answer.status_code, error_of(answer)["field"]) == (422, "n")


@pytest.mark.parametrize(("path", "field"), [("/v1/similar", "item_id"), ("/v1/search", "q"), ("/v1/search?q=", "q")])
def test_what_a_question_needs_is_named(client: Client, path: str, field: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, error_of(answer)["field"]) == (422, field)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x"])
@pytest.mark.parametrize("path", ["/v1/items", "/v1/users", "/v1/users/u/history"])
def test_a_wrong_page_is_refused_by_name(client: Client, path: str, query: str) -> None:
    answer = client.get(f"{path}?{query}")
    assert (answer.status_code, error_of(answer)["field"]) == (422, "limit")


@pytest.mark.parametrize("query", ["offset=-1", "offset=99999999999999999999", "offset=1.0"])
def test_a_wrong_offset_is_refused_by_name(client: Client, query: str) -> None:
    answer = client.get(f"/v1/items?{query}")
    assert (answer.status_code, error_of(answer)["field"]) == (422, "offset")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", "x"])
def test_other_content_types_are_refused(client: Client, kind: str) -> None:
    answer = client.send("/v1/events", '{"user_id": "u", "item_id": "i"}', kind)
    assert (answer.status_code, error_of(answer)["field"]) == (415, "content-type")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/vnd.shop+json", "APPLICATION/JSON"])
def test_other_names_of_json_are_taken(client: Client, kind: str) -> None:
    assert client.send("/v1/events", '{"user_id": "u", "item_id": "i"}', kind).status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "gzip, gzip"])
def test_compressed_bodies_are_refused(client: Client, encoding: str) -> None:
    answer = client.request("POST", "/v1/events", content=b"{}", headers={"content-encoding": encoding})
    assert (answer.status_code, error_of(answer)["field"]) == (415, "content-encoding")


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/", "/v1/nope", "/v1/events/", "/v1/items/a/b", "/v2/events", "/docs/", "/%2e%2e/etc/passwd", "/redoc"]
)
def test_unknown_routes_have_the_one_shape(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert error_of(answer)["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/events", {"POST"}),
        ("DELETE", "/v1/recommend/home", {"GET", "HEAD", "POST"}),
        ("PUT", "/v1/items/a", {"GET", "HEAD", "DELETE"}),
        ("PATCH", "/v1/items", {"GET", "HEAD", "POST"}),
        ("POST", "/healthz", {"GET", "HEAD"}),
        ("TRACE", "/v1/items", {"GET", "HEAD", "POST"}),
        ("BREW", "/v1/items", {"GET", "HEAD", "POST"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(client: Client, method: str, path: str, allowed: set[str]) -> None:
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allowed
    assert error_of(answer)["code"] == "method_not_allowed"


@pytest.mark.parametrize(("id_", "field"), [("%00", "item_id"), ("%ff", "item_id"), ("%ed%a0%80", "item_id")])
def test_a_path_that_is_not_text_is_refused(client: Client, id_: str, field: str) -> None:
    answer = client.get(f"/v1/items/{id_}")
    assert answer.status_code in (400, 422)
    assert error_of(answer)["field"] == field
