"""The app: state, routes and middleware put together. Nothing is decided here.

Every route is a plain Starlette route that returns bytes; the table `routes.ENDPOINTS` is also what OpenAPI is made of.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect

from penchant.core.clock import Clock, system_clock
from penchant.core.errors import PenchantError
from penchant.core.log import logger
from penchant.scenarios.engine import Engine
from penchant.scenarios.project import Project
from penchant.serving.errors import on_disconnect, on_http_error, on_penchant_error
from penchant.serving.middleware import Guard, RawPath, Telemetry
from penchant.serving.openapi import document, routes
from penchant.serving.routes import ENDPOINTS
from penchant.serving.state import Freshness, State

REFRESH_SECONDS = 1.0  # how soon a model published by another process is live


def create_app(
    project: Project,
    *,
    clock: Clock = system_clock,
    key: str | None = None,
    hosts: Iterable[str] = (),
    own_login: Iterable[str] = (),
) -> FastAPI:
    """The HTTP API of `project`, which stays the caller's to close.

    With a `key` every route but /healthz needs it. Without one only requests for a loopback host name are answered, and those
    for `hosts`; with both, only these host names. `own_login` names places (`/console`) where an app will be mounted that asks
    for the key itself. Raises what `Engine` raises.
    """
    own_login = tuple(own_login)
    if not all(place.strip("/") for place in own_login):
        raise ValueError(f"own_login: {own_login} would open every path; name the place where the app is mounted")
    engine = Engine(project, clock=clock)
    state = State(project, engine, clock, Freshness(engine))
    app = FastAPI(
        title="penchant",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        routes=routes(ENDPOINTS),
        lifespan=_lifespan,
        middleware=[  # outermost first
            Middleware(Telemetry, metrics=state.metrics),
            Middleware(Guard, key=key, hosts=tuple(hosts), own_login=own_login),
            Middleware(RawPath),
        ],
    )
    app.state.penchant = state
    app.openapi = _documented  # type: ignore[method-assign]  # FastAPI's own way to replace the document
    app.add_exception_handler(PenchantError, on_penchant_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(ClientDisconnect, on_disconnect)
    return app


def _documented() -> dict[str, Any]:
    return document(ENDPOINTS)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """While the server runs, what other processes import or publish is picked up."""
    watch = asyncio.create_task(_refresh_for_ever(app.state.penchant))
    try:
        yield
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        app.state.penchant.engine.close()


async def _refresh_for_ever(state: State) -> None:
    while True:
        await asyncio.sleep(REFRESH_SECONDS)
        try:
            await asyncio.to_thread(state.engine.refresh)
        except Exception:  # noqa: BLE001  # logged; the answers go on with what they have, and the next round tries again
            logger.exception("could not look for new items and models")
