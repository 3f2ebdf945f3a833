"""The front page's lists: which scenarios can be asked for a visitor, and their answers."""

import asyncio
from dataclasses import dataclass
from typing import Any

from penchant.console.api import Api, ApiError

SHOWN = 12  # items a shelf
HISTORY = 24  # past events on the front page
NEED_HISTORY = ("similar", "continue")
LEFT_OUT = ("search", "rank")  # they have places of their own, or none

Item = dict[str, Any]  # JSON, hence `Any`


@dataclass(frozen=True)
class Shelf:
    """One scenario's answer, or why there is none."""

    name: str
    kind: str
    title: str
    title_zh: str
    seed: Item | None
    answer: dict[str, Any] | None
    error: ApiError | None = None

    @property
    def items(self) -> list[Item]:
        """Best first."""
        return [] if self.answer is None else self.answer["items"]


async def history_of(api: Api, user_id: str) -> list[Item]:
    """What the user did, newest first, each item once."""
    events = (await api.get("users", user_id, "history", limit=HISTORY * 2))["events"]
    return list({event["item_id"]: event for event in reversed(events)}.values())[::-1][:HISTORY]


async def shelves_of(api: Api, user_id: str, history: list[Item]) -> list[Shelf]:
    """All shelves at once. An error of one leaves the others; ApiError only where not even the scenarios are known."""
    places = (await api.get("scenarios"))["scenarios"]
    wanted = [place for place in places if place["kind"] not in LEFT_OUT and (history or place["kind"] not in NEED_HISTORY)]
    found = await asyncio.gather(*(_shelf(api, user_id, place, history) for place in wanted))
    return [shelf for shelf in found if shelf.items or shelf.error]


async def _shelf(api: Api, user_id: str, place: dict[str, Any], history: list[Item]) -> Shelf:
    seed = history[0] if place["kind"] == "similar" and history else None
    known = (place["name"], place["kind"], place["title"], place["title_zh"], seed)
    try:
        answer = await api.get("recommend", place["name"], user_id=user_id, n=SHOWN, item_id=seed["item_id"] if seed else None)
    except ApiError as error:
        return Shelf(*known, None, error)
    return Shelf(*known, answer)
