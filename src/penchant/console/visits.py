"""What a visitor does here: click, become somebody, choose language and view, log in and out."""

import json

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from penchant.console.api import ApiError
from penchant.console.forms import form_of
from penchant.console.messages import LANGUAGES
from penchant.console.pages import front
from penchant.console.sessions import COOKIE
from penchant.console.shown import address, api_of, is_partial, page, sessions_of, title_of, words_of
from penchant.console.visitors import LANGUAGE, NO, RECORD, VIEW, VIEWS, YES, Visitor, keep, new_visitor, remember, visitor_of

LISTED = 12  # users


async def click(request: Request) -> Response:
    """Send the click as an event where clicks are recorded, and show what it changed, or open the item."""
    form, visitor, api = await form_of(request), visitor_of(request), api_of(request)
    item_id = form.get("item_id", "")
    if not item_id:
        raise ApiError("refused", "item_id is missing")
    if visitor.records:
        await api.post("events", body=_event(visitor, form))
    elif not form.get("open"):  # a page from before this visitor became somebody
        raise ApiError("refused", words_of(request)("record.off", name=visitor.user_id))
    if not is_partial(request):
        item = address(request, "item", id=item_id, **{"from": form.get("recommendation_id") or None})
        response: Response = RedirectResponse(item if form.get("open") else address(request), status_code=303)
        if visitor.is_new:
            remember(response, request, visitor)
        return response
    try:
        noted = title_of(await api.get("items", item_id))
    except ApiError:  # an item that is known from events only
        noted = item_id
    return await front(request, visitor, "_changed.html", noted=noted, before=_ids(form.get("shown", "")))


def _event(visitor: Visitor, form: dict[str, str]) -> dict[str, str | int]:
    event: dict[str, str | int] = {"user_id": visitor.user_id, "item_id": form["item_id"], "event_type": "click"}
    event |= {name: form[name] for name in ("recommendation_id", "scenario") if form.get(name)}
    if form.get("position", "").isdecimal():
        event["position"] = int(form["position"])
    return event


def _ids(text: str) -> list[str]:
    """The ids that the page said it shows; none where it said nothing that can be read."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return [str(id_) for id_ in found] if isinstance(found, list) else []


async def people(request: Request) -> Response:
    """Users whose id starts as typed, each to become."""
    prefix = request.query_params.get("prefix", "").strip()[:200]
    found = await api_of(request).get("users", limit=LISTED, prefix=prefix or None)
    return page(request, "_people.html" if is_partial(request) else "people.html", people=found, prefix=prefix)


async def become(request: Request) -> Response:
    """Look at everything as another user, without recording anything, or start over as somebody new."""
    user_id = (await form_of(request)).get("user_id", "").strip()
    visitor = Visitor(user_id) if 0 < len(user_id) <= 256 else new_visitor()
    response = RedirectResponse(address(request), status_code=303)
    remember(response, request, visitor)
    keep(response, request, RECORD, NO)
    return response


async def settings(request: Request) -> Response:
    """Keep language, view, or whether to record, and go back to where it was chosen."""
    form = await form_of(request)
    root = address(request)
    back = form.get("back", "")
    back = back if back.startswith(root) and back[:2] not in ("//", "/\\") else root
    response = Response(headers={"hx-refresh": "true"}) if is_partial(request) else RedirectResponse(back, status_code=303)
    if form.get("language") in LANGUAGES:
        keep(response, request, LANGUAGE, form["language"])
    if form.get("view") in VIEWS:
        keep(response, request, VIEW, form["view"])
    if form.get("record") in (YES, NO):
        keep(response, request, RECORD, form["record"])
    return response


async def login(request: Request) -> Response:
    """Ask for the key; with the right one, in."""
    sessions = sessions_of(request)
    if sessions is None:
        return RedirectResponse(address(request), status_code=303)
    if request.method != "POST":
        return page(request, "login.html", wrong=False)
    token = sessions.open((await form_of(request)).get("key", "").strip())
    if token is None:
        return page(request, "login.html", status=403, wrong=True)
    response = RedirectResponse(address(request), status_code=303)
    keep(response, request, COOKIE, token, max_age=None)
    return response


async def logout(request: Request) -> Response:
    """End the session."""
    if (sessions := sessions_of(request)) is not None:
        sessions.close(request.cookies.get(COOKIE, ""))
    response = RedirectResponse(address(request, "login"), status_code=303)
    response.delete_cookie(COOKIE, path=address(request), httponly=True, samesite="strict")
    return response
