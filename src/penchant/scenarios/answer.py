"""What a caller asks an `Engine`, and what comes back: ids outside, no codes. The same for the command line and HTTP."""

import math
from dataclasses import dataclass, field
from typing import Any

from penchant.pipeline.trace import Trace


@dataclass(frozen=True)
class Request:
    """One question. What a scenario needs depends on its kind; the rest may stay empty."""

    scenario: str  # a scenario's name, or a kind: the first scenario of that kind
    user_id: str | None = None  # None = a visitor without a history
    n: int | None = None  # None = as many as the scenario says
    seed_items: tuple[str, ...] = ()  # what the request is about: the page's product, the cart
    text: str = ""  # words to search for
    items: tuple[str, ...] = ()  # the list to put in order
    session_items: tuple[str, ...] = ()  # what a visitor looked at in this session, oldest first
    explain: bool = False  # measure reasons for every item
    at: int | None = None  # UTC µs; None = now, with everything that the store has


@dataclass(frozen=True)
class Reason:
    """A past event that moved the item up: the item's score less its score without that event."""

    item_id: str
    title: str | None
    weight: float
    text: str


@dataclass(frozen=True)
class RecommendedItem:
    """One item of an answer. `score` is None where what chose the item cannot be compared with the rest of the list."""

    item_id: str
    score: float | None
    properties: dict[str, Any]  # JSON
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Recommendation:
    """An answer: items, best first, and where they come from."""

    recommendation_id: str
    scenario: str
    model_version: str | None  # None where no trained model had a part in it
    variant: str | None
    took_ms: float
    fallback_reason: str | None  # why the usual model did not choose all of it; None where it did
    items: tuple[RecommendedItem, ...]
    unknown_items: tuple[str, ...] = ()  # of a list to put in order, those left out because neither catalogue nor any event names them
    trace: Trace = field(default_factory=Trace, compare=False)

    def as_json(self, *, trace: bool = False) -> dict[str, Any]:
        """The answer as plain values, as every interface gives it. `Any`: JSON."""
        answer = {
            "recommendation_id": self.recommendation_id,
            "scenario": self.scenario,
            "model_version": self.model_version,
            "variant": self.variant,
            "took_ms": self.took_ms,
            "fallback_reason": self.fallback_reason,
            "items": [
                {"item_id": item.item_id, "score": item.score, "properties": item.properties, "reasons": reasons_json(item.reasons)}
                for item in self.items
            ],
            "unknown_items": list(self.unknown_items),
        }
        return {**answer, "trace": self.trace.as_json()} if trace else answer


@dataclass(frozen=True)
class Explanation:
    """Why an item is in an answer, or why it is not."""

    recommendation_id: str
    item_id: str
    position: int | None  # its place in the answer from 0; None = not in it
    verdict: str  # one sentence
    reasons: tuple[Reason, ...]
    trace: Trace = field(default_factory=Trace, compare=False)

    def as_json(self) -> dict[str, Any]:
        """The explanation as plain values. `Any`: JSON."""
        return {
            "recommendation_id": self.recommendation_id,
            "item_id": self.item_id,
            "position": self.position,
            "verdict": self.verdict,
            "reasons": reasons_json(self.reasons),
            "trace": self.trace.as_json(),
        }


def reasons_json(reasons: tuple[Reason, ...]) -> list[dict[str, Any]]:
    """Reasons as plain values. `Any`: JSON."""
    return [{"item_id": r.item_id, "title": r.title, "weight": r.weight, "text": r.text} for r in reasons]


def score_or_none(score: float) -> float | None:
    """`score`, or None where it is not finite."""
    return float(score) if math.isfinite(score) else None
