"""Pages about items: the front page with its shelves, one item, search, and why."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from penchant.console.api import ApiError
from penchant.console.shelves import history_of, shelves_of
from penchant.console.shown import api_of, is_partial, page, title_of, trouble
from penchant.console.visitors import Visitor, visitor_of

MAX_QUERY = 200  # characters of a search
FOUND = 24
SIMILAR = 12
SHOWN_APART = ("title", "description", "categories")


async def home(request: Request) -> Response:
    """Who you are, what you did, and what is recommended."""
    return await front(request, visitor_of(request), "home.html")


async def front(request: Request, visitor: Visitor, template: str, **values: Any) -> Response:
    """The front page, or the part of it that a click changes. `values` go to the template, hence `Any`."""
    api = api_of(request)
    history = await history_of(api, visitor.user_id)
    shelves = await shelves_of(api, visitor.user_id, history)
    troubles = {shelf.name: trouble(request, shelf.error) for shelf in shelves if shelf.error}
    before = values.pop("before", None)
    shown = list(dict.fromkeys(item["item_id"] for shelf in shelves for item in shelf.items))
    fresh = set() if before is None else set(shown) - set(before)
    known = {"noted": None, "history": history, "shelves": shelves, "troubles": troubles, "shown": shown, "fresh": fresh}
    return page(request, template, **{**known, "visitor": visitor, **values})


async def item(request: Request) -> Response:
    """One item: its properties, what is similar, and why it was shown where the link says by which answer."""
    api, visitor = api_of(request), visitor_of(request)
    item_id, recommendation = request.query_params.get("id", ""), request.query_params.get("from")
    if not item_id:
        raise ApiError("missing")
    found, similar, why_shown = await asyncio.gather(
        _or_error(api.get("items", item_id)),
        _or_error(api.get("similar", item_id=item_id, user_id=visitor.user_id, n=SIMILAR)),
        _or_error(api.get("explain", recommendation, item_id)) if recommendation else _nothing(),
    )
    if isinstance(found, ApiError):
        nobody_knows_it = isinstance(similar, ApiError) and similar.kind == "missing" and similar.field == "item_id"
        if found.kind != "missing" or nobody_knows_it:
            raise found
        found = {"item_id": item_id, "properties": {}}  # known from events only
    properties = {name: value for name, value in found["properties"].items() if name not in SHOWN_APART and value not in (None, "", [])}
    failed = trouble(request, similar) if isinstance(similar, ApiError) else None
    return page(
        request,
        "item.html",
        item=found,
        properties=properties,
        similar=None if failed else similar,
        trouble=failed,
        why=None if isinstance(why_shown, ApiError) else why_shown,
    )


async def search(request: Request) -> Response:
    """Items whose words match; the list alone while somebody types."""
    query = request.query_params.get("q", "").strip()[:MAX_QUERY]
    found = await api_of(request).get("search", q=query, user_id=visitor_of(request).user_id, n=FOUND) if query else None
    return page(request, "_results.html" if is_partial(request) else "search.html", query=query, answer=found)


async def why(request: Request) -> Response:
    """Why an item is in an answer, measured event by event."""
    item_id, recommendation = request.query_params.get("id", ""), request.query_params.get("from", "")
    if not item_id or not recommendation:
        raise ApiError("missing")
    api = api_of(request)
    found, explained = await asyncio.gather(_or_error(api.get("items", item_id)), api.get("explain", recommendation, item_id))
    title = item_id if isinstance(found, ApiError) else title_of(found)
    return page(request, "_why.html" if is_partial(request) else "why.html", why=explained, title=title)


async def _or_error(asked: Any) -> Any:
    """The answer, or the ApiError in its place. `Any`: an awaitable of JSON."""
    try:
        return await asked
    except ApiError as error:
        return error


async def _nothing() -> None:
    return None
