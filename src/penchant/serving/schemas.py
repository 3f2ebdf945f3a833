"""What a caller may send, field by field, and what every answer looks like. A wrong field is named; nothing is coerced.

Ids are strings, byte-exact: `42` is refused because `"42"`, `"042"` and `"42.0"` are three ids and only the caller knows which is meant.
"""

import re
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Self, TypeVar

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from penchant.core import columns
from penchant.core.clock import DAY, SECOND
from penchant.core.errors import RequestError, did_you_mean
from penchant.serving.limits import MAX_ID_BYTES, MAX_LABEL_BYTES, MAX_LIST, MAX_N, MAX_PAGE, MAX_PROPERTIES_BYTES, MAX_ROWS, MAX_TEXT

M = TypeVar("M", bound=BaseModel)

SHOWN_PROBLEMS = 5
FLOAT32_MAX = 3.4028234e38  # values are stored in 32 bits


def _wrong(message: str) -> PydanticCustomError:
    return PydanticCustomError("wrong", "{message}", {"message": message})


def _no_longer_than(limit: int) -> AfterValidator:
    def check(text: str) -> str:
        if not 0 < len(text.encode()) <= limit:
            raise _wrong("must not be empty" if not text else f"must be at most {limit} bytes of UTF-8")
        return text

    return AfterValidator(check)


def _small(properties: dict[str, Any]) -> dict[str, Any]:
    for name in properties:
        if not 0 < len(name.encode()) <= MAX_LABEL_BYTES:
            raise _wrong(f"a property name must have 1 to {MAX_LABEL_BYTES} bytes of UTF-8")
    if (size := len(orjson.dumps(properties))) > MAX_PROPERTIES_BYTES:
        raise _wrong(f"must be at most {MAX_PROPERTIES_BYTES:,} bytes as JSON, not {size:,}")
    return properties


def _moment(value: object, info: ValidationInfo) -> int | None:
    """UTC µs from ISO 8601 or an epoch number, whose unit its magnitude tells."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _wrong("must be an ISO 8601 time in quotes or a number of seconds or milliseconds since 1970")
    at = _iso(value) if isinstance(value, str) else _epoch(value)
    now: int = (info.context or {})["now"]
    if at < 0 or at > now + DAY:
        named = "before 1970" if at < 0 else "more than a day in the future"
        raise _wrong(f"is {named}; send ISO 8601, or seconds or milliseconds since 1970")
    return at


def _iso(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _wrong("is not a time; send ISO 8601 such as 2024-05-06T07:08:09Z") from None
    since = moment.replace(tzinfo=moment.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def _epoch(number: float) -> int:
    size = abs(number)
    unit = SECOND if size < 1e11 else SECOND // 1_000 if size < 1e14 else 1
    return number * unit if isinstance(number, int) else round(number * unit)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Id = Annotated[str, _no_longer_than(MAX_ID_BYTES), Field(json_schema_extra={"minLength": 1, "maxLength": MAX_ID_BYTES})]
Label = Annotated[str, _no_longer_than(MAX_LABEL_BYTES), Field(json_schema_extra={"minLength": 1, "maxLength": MAX_LABEL_BYTES})]
Properties = Annotated[dict[str, Any], AfterValidator(_small)]  # `Any`: JSON values
Moment = Annotated[
    int | None,
    BeforeValidator(_moment),
    Field(
        description="ISO 8601 (UTC where it names no zone), or seconds, milliseconds or microseconds since 1970, told apart by magnitude: "
        "below 1e11 seconds, below 1e14 milliseconds. Absent: now.",
        json_schema_extra={"anyOf": [{"type": "string", "format": "date-time"}, {"type": "number"}, {"type": "null"}]},
    ),
]
Ids = Annotated[list[Id], BeforeValidator(_as_list), Field(max_length=MAX_LIST)]
Count = Annotated[int, Field(ge=1, le=MAX_N)]
Offset = Annotated[int, Field(ge=0, le=2**53)]
Page = Annotated[int, Field(ge=1, le=MAX_PAGE)]


class Wire(BaseModel):
    """What comes over the wire: no unknown fields, no coercion, no NaN."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class Event(Wire):
    """Something a user did with an item. With an `event_id` a repeat is harmless; without one, a repeat with the same `timestamp` is."""

    user_id: Id
    item_id: Id
    event_type: Label | None = Field(None, description=f"view, click, buy, rate … Absent: {columns.DEFAULT_EVENT_TYPE}.")
    value: float | None = Field(None, ge=-FLOAT32_MAX, le=FLOAT32_MAX, description="rating, quantity, seconds watched …")
    timestamp: Moment = None
    session_id: Id | None = None
    scenario: Label | None = Field(None, description="the place it happened in")
    event_id: Id | None = None
    recommendation_id: Id | None = Field(None, description="the answer that showed the item")
    position: int | None = Field(None, ge=0, le=2**31 - 1, description="the item's place in that answer, from 0")
    propensity: float | None = Field(None, gt=0, le=1, description="the probability with which the item was shown there")
    properties: Properties | None = None


class Entity(Wire):
    """What items and users share: any further field is a property, and `properties` may hold them as well; null means absent."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow", allow_inf_nan=False)

    properties: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _flatten(cls, sent: Any) -> Any:
        """Properties inside and beside `properties` are the same. `Any`: not yet checked."""
        nested = sent.get(columns.PROPERTIES) if isinstance(sent, dict) else None
        if not isinstance(nested, dict):
            return sent
        beside = {name: value for name, value in sent.items() if name != columns.PROPERTIES}
        if twice := sorted(beside.keys() & nested.keys()):
            raise _wrong(f"{twice[0]!r} is given twice, beside and inside properties")
        return {**beside, **nested}

    def row(self, id_field: str) -> tuple[str, dict[str, Any]]:
        """Id and properties. `Any`: JSON."""
        values = self.model_dump(exclude_none=True)
        return values.pop(id_field), values

    @model_validator(mode="after")
    def _check_size(self) -> Self:
        _small(self.model_dump(exclude_none=True))
        return self


class Item(Entity):
    """Something to recommend. Replaces what was there."""

    item_id: Id
    title: str | None = None
    description: str | None = None
    categories: list[str] | str | None = None
    available: bool | None = Field(None, description="false hides the item from every answer")


class User(Entity):
    """What is known about a user besides events. Replaces what was there."""

    user_id: Id


class Ask(Wire):
    """A request for recommendations. What a scenario needs, and which of `item_id`, `text` and `items` it takes, depends on its kind."""

    user_id: Id | None = Field(None, description="absent: a visitor without a history")
    n: Count | None = Field(None, description="items wanted; absent: as many as the scenario says")
    item_id: Ids = Field(default=[], description="what the request is about: the product of the page, the cart")
    text: str = Field("", max_length=MAX_TEXT, description="words to search for")
    items: Ids = Field(default=[], description="the items to put in order; for scenarios of kind rank")
    session_items: Ids = Field(default=[], description="what a visitor looked at in this session, oldest first")
    explain: bool = Field(False, description="true: say which past events moved each item")


class Search(Wire):
    """A search request."""

    q: str = Field(min_length=1, max_length=MAX_TEXT, description="words to search for")
    user_id: Id | None = None
    n: Count | None = None
    explain: bool = False


class Similar(Wire):
    """A request for items like others."""

    item_id: Ids = Field(min_length=1)
    user_id: Id | None = None
    n: Count | None = None
    explain: bool = False


class Rank(Wire):
    """A request to put given items in order."""

    items: Ids = Field(min_length=1)
    user_id: Id | None = None
    n: Count | None = None
    session_items: Ids = []
    explain: bool = False


class ItemPage(Wire):
    """Which rows of the catalogue."""

    offset: Offset = 0
    limit: Page = 50


class UserPage(ItemPage):
    """Which users."""

    prefix: str = Field("", max_length=MAX_ID_BYTES, description="only ids that start with it")


class History(Wire):
    """How much of a history."""

    limit: Page = 50


def read(kind: type[M], values: object) -> M:
    """`values` as a `kind`. Raises RequestError 422 naming the first wrong field."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise _refusal(error, kind, many=False) from None


def read_many(kind: type[M], values: object, *, now: int = 0) -> list[M]:
    """One object or a list of them as a list. Raises RequestError 422 that names index and field of the first wrong ones."""
    many = isinstance(values, list)
    rows = values if isinstance(values, list) else [values]
    if len(rows) > MAX_ROWS:
        raise RequestError(f"{len(rows):,} rows are more than {MAX_ROWS:,}; send them in parts", field="body", status=413)
    try:
        return _rows_of(kind).validate_python(rows, context={"now": now})
    except ValidationError as error:
        raise _refusal(error, kind, many=many) from None


def query_values(kind: type[BaseModel], pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """What a query string says, typed as `kind` wants it: its numbers and truth values have one spelling each. `Any`: not yet checked.

    A list is a name given several times; any other name given twice is a RequestError.
    """
    types = _types_of(kind)
    values: dict[str, Any] = {}
    for name, text in pairs:
        wanted = types.get(name, frozenset())
        if "array" in wanted:
            values.setdefault(name, []).append(text)
        elif name in values:
            raise RequestError(f"{name[:64]} is given twice", field=name[:64])
        elif "integer" in wanted and _WHOLE.fullmatch(text):
            values[name] = int(text)
        else:
            values[name] = _TRUTH.get(text, text) if "boolean" in wanted else text
    return values


_WHOLE = re.compile(r"-?[0-9]{1,18}")
_TRUTH = {"true": True, "false": False}


@cache
def _types_of(kind: type[BaseModel]) -> dict[str, frozenset[str]]:
    """The JSON types that each field takes."""
    fields = kind.model_json_schema()["properties"].items()
    return {name: frozenset(part.get("type", "") for part in field.get("anyOf", [field])) for name, field in fields}


@cache
def _rows_of(kind: type[M]) -> TypeAdapter[list[M]]:
    return TypeAdapter(list[kind])  # type: ignore[valid-type]  # the class is a value here


def _refusal(error: ValidationError, kind: type[BaseModel], *, many: bool) -> RequestError:
    problems = error.errors(include_url=False)
    named = [_named(problem, kind, many=many) for problem in problems[:SHOWN_PROBLEMS]]
    more = f" (and {len(problems) - SHOWN_PROBLEMS} more)" if len(problems) > SHOWN_PROBLEMS else ""
    return RequestError("; ".join(f"{field}: {message}" for field, message in named) + more, field=named[0][0])


def _named(problem: ErrorDetails, kind: type[BaseModel], *, many: bool) -> tuple[str, str]:
    """The field and what is wrong with it."""
    parts = [part for part in problem["loc"] if not (isinstance(part, str) and part in _UNION_BRANCHES)]
    if parts and isinstance(parts[0], int) and not many:
        parts = parts[1:]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".")[:200]
    return path or "body", _message(problem, kind)


_UNION_BRANCHES = frozenset({"list[str]", "str", "int", "float", "bool", "list[constrained-str]"})


def _message(problem: ErrorDetails, kind: type[BaseModel]) -> str:
    received = problem["input"]
    match problem["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            hint = did_you_mean(str(problem["loc"][-1])[:64], kind.model_fields)
            return f"no such field{hint}" + ("; free data goes under properties" if columns.PROPERTIES in kind.model_fields else "")
        case "string_type" if isinstance(received, int | float) and not isinstance(received, bool):
            return f"must be a string, not {_shown(received)}: put it in quotes"
        case known if known in _WANTED:
            return f"must be {_WANTED[known]}, not {_shown(received)}"
        case _:
            return problem["msg"][:1].lower() + problem["msg"][1:]


_WANTED = {
    "string_type": "a string",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a JSON object",
    "model_type": "a JSON object",
    "model_attributes_type": "a JSON object",
}


def _shown(value: object) -> str:
    """A value in a message: short ones as they were sent."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = orjson.dumps(value).decode()
    return text if len(text) <= 40 else f"{text[:40]}…"
