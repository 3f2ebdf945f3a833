"""What every answer looks like: the shapes that the documentation shows. Routes write plain values; tests hold them to these."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

# Properties and traces are JSON, hence `Any` throughout this module.


class Shape(BaseModel):
    """Part of an answer; it has these fields and no others."""

    model_config = ConfigDict(extra="forbid")


class Stored(Shape):
    """What became of events that were sent: all are on disk."""

    stored: int
    duplicates: int


class Upserted(Shape):
    """How many rows were written, new or not."""

    upserted: int


class Deleted(Shape):
    """How many rows were removed."""

    deleted: int


class ItemRow(Shape):
    """An item of the catalogue."""

    item_id: str
    properties: dict[str, Any]


class ItemRows(Shape):
    """A page of the catalogue in order of arrival."""

    items: list[ItemRow]
    total: int


class UserRow(Shape):
    """What is known about a user."""

    user_id: str
    properties: dict[str, Any]


class UserCount(Shape):
    """A user in a list."""

    user_id: str
    n_events: int


class UserRows(Shape):
    """A page of users in order of their ids."""

    users: list[UserCount]
    total: int


class PastEvent(Shape):
    """An event of a history, with the properties of its item."""

    item_id: str
    event_type: str
    value: float | None
    timestamp: str = Field(description="ISO 8601, UTC")
    properties: dict[str, Any]


class Past(Shape):
    """A user's history, newest first."""

    events: list[PastEvent]


class Reason(Shape):
    """A past event that moved an item, by measurement: the score with the event less the score without it."""

    item_id: str
    title: str | None
    weight: float
    text: str


class AnswerItem(Shape):
    """One recommended item."""

    item_id: str
    score: float | None
    properties: dict[str, Any]
    reasons: list[Reason]


class Answer(Shape):
    """Recommended items, best first, and where they come from."""

    recommendation_id: str
    scenario: str
    model_version: str | None
    variant: str | None
    took_ms: float
    fallback_reason: str | None = Field(description="why the usual model did not answer; null where it did")
    items: list[AnswerItem]
    unknown_items: list[str] = Field(description="of a list to put in order, those left out because nobody knows them")


class WhyAnswer(Shape):
    """Why an item is in an answer, or why it is not."""

    recommendation_id: str
    item_id: str
    position: int | None
    verdict: str
    reasons: list[Reason]
    trace: list[dict[str, Any]]


class ScenarioRow(Shape):
    """A place in the product."""

    name: str
    kind: str
    title: str
    title_zh: str
    n: int


class Scenarios(Shape):
    """All places."""

    scenarios: list[ScenarioRow]


class ModelRow(Shape):
    """A saved version of a model."""

    version: str
    model: str
    live: bool
    metrics: dict[str, Any]
    created_at: str | None
    facts: dict[str, Any]


class Models(Shape):
    """All saved versions, oldest first, and the latest evaluation report."""

    models: list[ModelRow]
    report: dict[str, Any] | None


class DataAnswer(Shape):
    """How much there is, and what each import cleaned."""

    stats: dict[str, int]
    imports: list[dict[str, Any]]


class Ready(Shape):
    """Whether answers can be given, and what they come from."""

    ready: bool
    answers: str


class Alive(Shape):
    """The process answers."""

    status: str


class ErrorDetail(Shape):
    """What is wrong."""

    code: str
    message: str
    field: str | None


class ErrorAnswer(Shape):
    """Every error has this shape."""

    error: ErrorDetail
