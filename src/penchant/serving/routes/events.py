"""`POST /v1/events`: what users did. Acknowledged means on disk, and the next answer for that user knows it."""

import secrets
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from penchant.core import columns
from penchant.core.events import EventBatch
from penchant.core.protocols import Ack
from penchant.serving.answers import Stored
from penchant.serving.openapi import Endpoint
from penchant.serving.schemas import Event, read_many
from penchant.serving.state import State, state_of
from penchant.serving.wire import answer, is_lines, parse, parse_lines


async def post_events(request: Request) -> Response:
    """Store one event, a list, or one a line: all of them or, when one is wrong, none."""
    state = state_of(request)
    lines = is_lines(request)
    body = await state.bodies.read(request)
    ack = await state.writers.run(_store, state, body, lines=lines)
    state.metrics.events.labels("stored").inc(ack.stored)
    state.metrics.events.labels("duplicate").inc(ack.duplicates)
    return answer({"stored": ack.stored, "duplicates": ack.duplicates})


def _store(state: State, body: bytes, *, lines: bool) -> Ack:
    now = state.clock()
    events = read_many(Event, parse_lines(body) if lines else parse(body), now=now)
    if not events:
        return Ack(0, 0)
    ack = state.project.events.append(EventBatch.of([_row(event, now) for event in events]))
    state.freshness.catch_up()  # histories are read at request time; this is for what is counted over all users
    return ack


def _row(event: Event, now: int) -> dict[str, Any]:
    """The row that an event is stored as. `Any`: values of a table row.

    Sent again with its event_id it is the same event, and so it is with its timestamp (the store makes an id of what the event
    says). With neither, nothing tells a repeat from doing the same thing twice, so it is a new event each time.
    """
    row = {name: value for name, value in vars(event).items() if value is not None}
    if columns.TIMESTAMP not in row:
        row[columns.TIMESTAMP] = now
        row.setdefault(columns.EVENT_ID, secrets.token_hex(16))
    if columns.PROPERTIES in row:
        row[columns.PROPERTIES] = orjson.dumps(row[columns.PROPERTIES], option=orjson.OPT_SORT_KEYS).decode()
    return row


ENDPOINTS = (Endpoint("POST", "/v1/events", post_events, "Store events", "events", body=Event, many=True, answer=Stored),)
