"""The console as an ASGI app: its routes, and what guards them. Mounted anywhere, or served alone for an API elsewhere."""

from pathlib import Path

from jinja2 import TemplateError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from penchant.console import pages, records, visits
from penchant.console.api import Api, ApiError
from penchant.console.guard import Headers, Login, SameOrigin
from penchant.console.sessions import Sessions
from penchant.console.shown import on_api_error, on_http_error, on_odd_answer

STATIC = Path(__file__).parent / "static"
ODD = (LookupError, TypeError, ValueError, AttributeError, TemplateError)  # what a page meets in an answer that is not what it expects


def create_console(api: ASGIApp | str, *, key: str | None = None) -> Starlette:
    """Pages over the HTTP API: an app in this process, or the address of a server.

    With a `key`, which the API wants as well, people must log in with it.
    """
    sessions = Sessions(key) if key else None
    console = Starlette(
        routes=[
            Route("/", pages.home, name="home"),
            Route("/item", pages.item, name="item"),
            Route("/search", pages.search, name="search"),
            Route("/why", pages.why, name="why"),
            Route("/models", records.models, name="models"),
            Route("/report", records.report, name="report"),
            Route("/data", records.data, name="data"),
            Route("/people", visits.people, name="people"),
            Route("/click", visits.click, methods=["POST"], name="click"),
            Route("/become", visits.become, methods=["POST"], name="become"),
            Route("/settings", visits.settings, methods=["POST"], name="settings"),
            Route("/login", visits.login, methods=["GET", "POST"], name="login"),
            Route("/logout", visits.logout, methods=["POST"], name="logout"),
            Mount("/static", StaticFiles(directory=STATIC), name="static"),
        ],
        middleware=[Middleware(Headers), Middleware(SameOrigin), Middleware(Login, sessions=sessions)],  # outermost first
        exception_handlers={ApiError: on_api_error, HTTPException: on_http_error} | dict.fromkeys(ODD, on_odd_answer),
    )
    console.state.api = Api(api, key=key)
    console.state.sessions = sessions
    return console
