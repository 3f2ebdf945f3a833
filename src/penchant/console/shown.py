"""Templates into answers: what every page knows, and how an error looks."""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from penchant.console.api import Api, ApiError
from penchant.console.covers import cover, initials
from penchant.console.messages import LANGUAGES, Words, choose
from penchant.console.sessions import Sessions
from penchant.console.visitors import LANGUAGE, remember, view_of, visitor_of
from penchant.core.log import logger

# Items and reports are JSON, hence `Any` throughout this module.

MAX_TITLE = 300  # characters
MAX_CATEGORY = 80
MAX_PRICE = 20
YEARS = ("year", "release_year", "publication_year", "published", "release_date")  # properties that may hold one, or a date
_YEAR = re.compile(r"([12][0-9]{3})(?![0-9])")


def api_of(request: Request) -> Api:
    """The console's way to the API."""
    api: Api = request.app.state.api
    return api


def sessions_of(request: Request) -> Sessions | None:
    """The sessions of a console with a key."""
    sessions: Sessions | None = request.app.state.sessions
    return sessions


def words_of(request: Request) -> Words:
    """The words of the visitor's language."""
    return Words(choose(request.cookies.get(LANGUAGE, ""), request.headers.get("accept-language", "")))


def is_partial(request: Request) -> bool:
    """Whether a page that is already open asks for a part of itself."""
    return "hx-request" in request.headers


def address(request: Request, path: str = "", **query: object) -> str:
    """The place of a page of the console, wherever that is mounted."""
    given = {name: str(value) for name, value in query.items() if value is not None}
    return f"{request.scope.get('root_path', '')}/{path}" + (f"?{urlencode(given)}" if given else "")


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """The answer that a template makes. A new visitor is remembered."""
    visitor = visitor_of(request) if "visitor" not in values else values["visitor"]
    words = words_of(request)

    def url(path: str = "", **query: object) -> str:
        return address(request, path, **query)

    known = {
        "t": words,
        "lang": words.language,
        "languages": LANGUAGES,
        "view": view_of(request),
        "visitor": visitor,
        "url": url,
        "here": request.url.path.removeprefix(request.scope.get("root_path", "")),
        "this": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        "can_leave": sessions_of(request) is not None,
        "query": "",
    }
    response = HTMLResponse(_ENVIRONMENT.get_template(template).render(**{**known, **values}), status_code=status)
    if visitor.is_new:
        remember(response, request, visitor)
    return response


def trouble(request: Request, error: ApiError) -> dict[str, str]:
    """An API error in friendly words: {"title", "text", "detail"}."""
    words = words_of(request)
    return {"title": words(f"trouble.{error.kind}.title"), "text": words(f"trouble.{error.kind}.text"), "detail": error.detail}


async def on_api_error(request: Request, error: Exception) -> Response:
    """A page, or a part of one, that says what happened."""
    assert isinstance(error, ApiError)
    template = "_trouble.html" if is_partial(request) else "trouble.html"
    response = page(request, template, status=error.status, trouble=trouble(request, error))
    if is_partial(request) and request.method == "POST":  # what is on the page stays; the message has a place of its own
        response.headers.update({"hx-retarget": "#status", "hx-reswap": "innerHTML"})
    return response


async def on_odd_answer(request: Request, error: Exception) -> Response:
    """The same for an answer that lacks what a page shows: an API of another version, or a mistake of ours, so it is logged whole."""
    logger.error("console: %s cannot be shown", request.url.path, exc_info=error)
    return await on_api_error(request, ApiError("failed"))


async def on_http_error(request: Request, error: Exception) -> Response:
    """The same for what is no place of the console, and for what no page of it sends."""
    assert isinstance(error, HTTPException)
    kind = "missing" if error.status_code == 404 else "refused"
    return page(request, "trouble.html", status=error.status_code, trouble=trouble(request, ApiError(kind)))


def title_of(item: dict[str, Any]) -> str:
    """What an item is called: its title, or else its id; no longer than a page can bear."""
    title = str(item.get("properties", {}).get("title") or item.get("title") or "").strip() or str(item["item_id"])
    return title if len(title) <= MAX_TITLE else f"{title[:MAX_TITLE]}…"


def year_of(item: dict[str, Any]) -> str:
    """The year it is from, where a property says so; otherwise nothing."""
    properties = item.get("properties", {})
    return next((found[1] for name in YEARS if (found := _YEAR.match(str(properties.get(name, ""))))), "")


def price_of(item: dict[str, Any]) -> str:
    """What it costs, with its currency where a property says so; nothing where no price is known."""
    properties = item.get("properties", {})
    price, currency = properties.get("price"), str(properties.get("currency") or "")[:MAX_PRICE]
    if isinstance(price, bool) or not isinstance(price, int | float | str) or price == "":
        return ""
    amount = price.strip()[:MAX_PRICE] if isinstance(price, str) else f"{price:,}" if isinstance(price, int) else f"{price:,.2f}"
    return f"{amount} {currency}".strip()


def categories_of(item: dict[str, Any]) -> list[str]:
    """Its categories, however they are written."""
    found = item.get("properties", {}).get("categories") or []
    parts = found.replace("|", ",").split(",") if isinstance(found, str) else found if isinstance(found, list) else [found]
    return [text[:MAX_CATEGORY] for part in parts if (text := str(part).strip())]


def moment(value: object) -> str:
    """A time as people read it: from ISO 8601, or from µs since 1970."""
    if isinstance(value, int):
        return f"{datetime.fromtimestamp(value / 1e6, UTC):%Y-%m-%d %H:%M}" if value else "–"
    text = str(value or "–")
    return text[:16].replace("T", " ")


def number(value: object) -> str:
    """A count with thousands apart, a measurement with four decimals, anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–" if value is None else str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("penchant.console"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["cover"] = cover
    environment.filters |= {"title_of": title_of, "year_of": year_of, "categories_of": categories_of, "price_of": price_of}
    environment.filters |= {
        "file_name": lambda path: str(path).replace("\\", "/").rpartition("/")[2],
        "moment": moment,
        "number": number,
        "initials": initials,
    }
    return environment


_ENVIRONMENT = _environment()
