"""How much one caller may ask for, and how much the server does at once. Beyond it: a 4xx or 503 that says so, quickly."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request

from penchant.core.errors import RequestError
from penchant.serving.errors import Overloaded

P = ParamSpec("P")
R = TypeVar("R")

MAX_BODY = 8 * 1024 * 1024  # bytes of one request
MAX_BUFFERED = 64 * 1024 * 1024  # bytes of all bodies that are being read at this moment
BODY_SECONDS = 30.0  # to send a body
MAX_ROWS = 10_000  # events, items or users of one request
MAX_LIST = 10_000  # ids in one list: candidates, seeds, session
MAX_N = 1_000  # items of one answer
MAX_PAGE = 1_000  # rows of one page of a listing
MAX_ID_BYTES = 512
MAX_LABEL_BYTES = 128  # event type, property name
MAX_PROPERTIES_BYTES = 64 * 1024  # of one event, item or user, as JSON
MAX_TEXT = 1_000  # characters of a search text
MAX_DEPTH = 32  # of nested JSON
MAX_INT = 2**63 - 1

READERS = 4  # threads that answer; more only take turns at the same cores
WRITERS = 32  # threads that wait for the disk; those that wait together share one commit
WAITING = 128  # requests that may queue for a thread; with answers of 5 ms the last of them waits 0.2 s


class Workers:
    """A few threads and a short queue before them, so that the event loop stays free and overload is refused at once."""

    def __init__(self, threads: int, waiting: int = WAITING) -> None:
        self.capacity = threads + waiting
        self.busy = 0
        self._limiter = CapacityLimiter(threads)

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What `work` returns, computed in a thread. Raises Overloaded when the queue is full."""
        if self.busy >= self.capacity:
            raise Overloaded(f"{self.busy} requests are being answered already, which is the limit")
        self.busy += 1
        try:
            return await to_thread.run_sync(partial(work, *args, **kwargs), limiter=self._limiter)
        finally:
            self.busy -= 1


class Bodies:
    """Reads request bodies, none larger than one limit, all that are under way no larger than another."""

    def __init__(self, *, largest: int = MAX_BODY, together: int = MAX_BUFFERED, seconds: float = BODY_SECONDS) -> None:
        self.largest = largest
        self.together = together
        self.seconds = seconds
        self.buffered = 0

    async def read(self, request: Request) -> bytes:
        """The whole body. Raises RequestError 400, 408, 413 or 415, or Overloaded, before more than the limit is held."""
        if (encoding := request.headers.get("content-encoding", "identity").lower()) != "identity":
            raise RequestError(
                f"content-encoding {encoding[:40]!r} is not accepted; send the body as it is", field="content-encoding", status=415
            )
        self._check_length(request.headers.get("content-length"))
        held = 0
        chunks = []
        try:
            async with asyncio.timeout(self.seconds):
                async for chunk in request.stream():
                    held += len(chunk)
                    self.buffered += len(chunk)
                    if held > self.largest:
                        raise self._too_large()
                    if self.buffered > self.together:
                        raise Overloaded("too many large bodies are being sent at once")
                    chunks.append(chunk)
        except TimeoutError:
            raise RequestError(f"the body did not arrive within {self.seconds:g} s", field="body", status=408) from None
        finally:
            self.buffered -= held
        return b"".join(chunks)

    def _check_length(self, header: str | None) -> None:
        if header is None:
            return
        if not (header.isascii() and header.isdigit()):
            raise RequestError("content-length must be a whole number", field="content-length", status=400)
        if len(header) > 15 or int(header) > self.largest:
            raise self._too_large()

    def _too_large(self) -> RequestError:
        return RequestError(f"the body is larger than {self.largest:,} bytes; send it in parts", field="body", status=413)
