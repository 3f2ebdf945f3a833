"""What the routes of one app share: the project, the engine that answers, the threads, the numbers."""

import threading
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel
from starlette.requests import Request

from penchant.core.clock import Clock
from penchant.core.errors import PenchantError, RequestError
from penchant.core.log import logger
from penchant.scenarios.engine import Engine
from penchant.scenarios.project import Project
from penchant.serving.limits import READERS, WRITERS, Bodies, Workers
from penchant.serving.schemas import query_values, read
from penchant.serving.telemetry import Metrics
from penchant.serving.wire import is_lines, parse, parse_query

M = TypeVar("M", bound=BaseModel)


class Freshness:
    """Makes the engine catch up with what was just stored. Those who ask at the same time share one catching up."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._counting = threading.Lock()
        self._catching_up = threading.Lock()
        self._asked = 0
        self._covered = 0

    def catch_up(self) -> None:
        """Return when an `Engine.catch_up` that began after this call has ended, this thread's or another's."""
        with self._counting:
            self._asked += 1
            mine = self._asked
        with self._catching_up:
            if self._covered >= mine:
                return
            with self._counting:
                covered = self._asked
            try:
                self._engine.catch_up()
            except PenchantError as error:  # what was stored stays acknowledged; the next one tries again
                logger.warning("could not catch up with what was stored: %s", error)
            self._covered = covered


@dataclass(frozen=True)
class State:
    """One a process; everything in it may be used from any thread."""

    project: Project
    engine: Engine
    clock: Clock
    freshness: Freshness
    metrics: Metrics = field(default_factory=Metrics)
    bodies: Bodies = field(default_factory=Bodies)
    readers: Workers = field(default_factory=lambda: Workers(READERS))
    writers: Workers = field(default_factory=lambda: Workers(WRITERS))


def state_of(request: Request) -> State:
    """The state of the app that `request` came to."""
    state: State = request.app.state.penchant
    return state


async def asked(request: Request, kind: type[M]) -> M:
    """What a request asks for: its query string and, in a POST, its JSON object together. Raises RequestError."""
    values: object = query_values(kind, parse_query(request))
    if request.method == "POST" and (body := await state_of(request).bodies.read(request)):
        if is_lines(request):
            raise RequestError("one JSON object is expected here, not one a line", field="content-type", status=415)
        sent = parse(body)
        values = _together(values, sent) if isinstance(sent, dict) and isinstance(values, dict) else sent
    return read(kind, values)


def _together(query: dict[str, object], body: dict[str, object]) -> dict[str, object]:
    if twice := sorted(query.keys() & body.keys()):
        raise RequestError("is given twice, in the query string and in the body", field=twice[0][:64])
    return {**query, **body}
