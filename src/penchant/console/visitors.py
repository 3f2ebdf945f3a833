"""Who is looking, whether that is recorded, in which language and view: four cookies, and nothing on the server."""

import base64
import binascii
import secrets
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

WHO, RECORD, LANGUAGE, VIEW = "penchant_visitor", "penchant_record", "penchant_language", "penchant_view"
YES, NO = "yes", "no"  # values of `RECORD`
VIEWS = ("shelves", "lists")
NEW_PREFIX = "visitor-"
A_YEAR = 365 * 24 * 3600
MAX_COOKIE = 2_000


@dataclass(frozen=True)
class Visitor:
    """The user id that pages are for; `is_new` where it was made up just now and the browser does not know it yet."""

    user_id: str
    is_new: bool = False
    may_record: bool = False  # also as a user that was picked, whose history is that of a real person

    @property
    def is_guest(self) -> bool:
        """Whether the id is one of ours, not a user that was picked."""
        return self.user_id.startswith(NEW_PREFIX)

    @property
    def records(self) -> bool:
        """Whether what is done here becomes events of this user."""
        return self.is_guest or self.may_record


def visitor_of(request: Request) -> Visitor:
    """From the cookie; a new one where there is none, or none that can be read."""
    sent = request.cookies.get(WHO, "")
    try:
        user_id = base64.urlsafe_b64decode(sent.encode()).decode() if len(sent) <= MAX_COOKIE else ""
    except (binascii.Error, ValueError):
        user_id = ""
    return Visitor(user_id, may_record=request.cookies.get(RECORD) == YES) if user_id else new_visitor()


def new_visitor() -> Visitor:
    """Somebody nobody knows; the id cannot be guessed."""
    return Visitor(NEW_PREFIX + secrets.token_hex(8), is_new=True)


def remember(response: Response, request: Request, visitor: Visitor) -> None:
    """Let the browser keep who it is."""
    keep(response, request, WHO, base64.urlsafe_b64encode(visitor.user_id.encode()).decode())


def keep(response: Response, request: Request, name: str, value: str, *, max_age: int | None = A_YEAR) -> None:
    """Set a cookie that only this console sees: no script, no other site. Without `max_age` it ends with the browser."""
    path = f"{request.scope.get('root_path', '')}/"
    response.set_cookie(name, value, max_age=max_age, path=path, httponly=True, samesite="strict", secure=request.url.scheme == "https")


def view_of(request: Request) -> str:
    """The chosen one of `VIEWS`."""
    chosen = request.cookies.get(VIEW, "")
    return chosen if chosen in VIEWS else VIEWS[0]
