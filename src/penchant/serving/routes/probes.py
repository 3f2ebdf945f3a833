"""For whoever runs or reads the server: is it alive, is it ready, its numbers, its documentation."""

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from penchant.core.errors import PenchantError
from penchant.core.log import logger
from penchant.serving.answers import Alive, Ready
from penchant.serving.docs import page
from penchant.serving.openapi import Endpoint
from penchant.serving.state import State, state_of
from penchant.serving.wire import answer


async def healthz(_request: Request) -> Response:
    """The process answers; nothing else is asked."""
    return answer({"status": "ok"})


async def readyz(request: Request) -> Response:
    """200 when the store can be read and answers can be given, else 503; says what they come from."""
    state = state_of(request)
    ready, words = await state.readers.run(_ready, state)
    return answer({"ready": ready, "answers": words}, 200 if ready else 503, None if ready else {"retry-after": "1"})


def _ready(state: State) -> tuple[bool, str]:
    try:
        state.project.events.stats()
    except PenchantError as error:
        logger.error("not ready: %s", error)
        return False, "the store cannot be read"
    return state.engine.ready()


async def metrics(request: Request) -> Response:
    """Numbers for Prometheus."""
    return Response(state_of(request).metrics.render(), headers={"content-type": CONTENT_TYPE_LATEST})


async def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return answer(request.app.openapi())


async def docs(request: Request) -> Response:
    """The same document as a page. It loads nothing from anywhere."""
    html, policy = page(request.app.openapi())
    return HTMLResponse(html, headers={"content-security-policy": policy})


ENDPOINTS = (
    Endpoint("GET", "/healthz", healthz, "Is the process alive", "operations", answer=Alive),
    Endpoint("GET", "/readyz", readyz, "Can it answer, and from what", "operations", answer=Ready),
    Endpoint("GET", "/metrics", metrics, "Numbers for Prometheus", "operations", media_type="text/plain"),
    Endpoint("GET", "/openapi.json", openapi, "This documentation as OpenAPI", "operations"),
    Endpoint("GET", "/docs", docs, "This documentation as a page", "operations", media_type="text/html"),
)
