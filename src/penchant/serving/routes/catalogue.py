"""`/v1/items` and `/v1/users`: what there is and who there is, with a user's history. An acknowledged change is in the next answer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from penchant.core import columns
from penchant.core.clock import SECOND
from penchant.core.errors import RequestError
from penchant.serving.answers import Deleted, ItemRow, ItemRows, Past, Upserted, UserRow, UserRows
from penchant.serving.openapi import Endpoint
from penchant.serving.schemas import Entity, History, Item, ItemPage, User, UserPage, read_many
from penchant.serving.state import State, asked, state_of
from penchant.serving.wire import answer, is_lines, parse, parse_lines, path_text


@dataclass(frozen=True)
class Table:
    """One of the two tables of the catalogue, and its three routes that differ in names only."""

    name: str  # "items" or "users"
    id_field: str
    row: type[Entity]

    async def post(self, request: Request) -> Response:
        """Add or replace one row, a list, or one a line: all of them or, when one is wrong, none."""
        state = state_of(request)
        lines = is_lines(request)
        body = await state.bodies.read(request)
        return answer({"upserted": await state.writers.run(self._upsert, state, body, lines=lines)})

    async def get_one(self, request: Request) -> Response:
        """One row."""
        state = state_of(request)
        id_ = path_text(request, self.id_field)
        return answer({self.id_field: id_, columns.PROPERTIES: await state.readers.run(self._get, state, id_)})

    async def delete(self, request: Request) -> Response:
        """Remove one row; of a user, everything."""
        state = state_of(request)
        return answer({"deleted": await state.writers.run(self._delete, state, path_text(request, self.id_field))})

    def _upsert(self, state: State, body: bytes, *, lines: bool) -> int:
        rows = [sent.row(self.id_field) for sent in read_many(self.row, parse_lines(body) if lines else parse(body))]
        if rows:
            state.project.features.upsert(self.name, rows)
            self._tell(state, [id_ for id_, _ in rows])
        return len(rows)

    def _get(self, state: State, id_: str) -> dict[str, Any]:
        """Properties; none for a user who is known from events only. `Any`: JSON."""
        found = state.project.features.get(self.name, [id_])
        if id_ in found:
            return found[id_]
        if self.name == "users" and len(state.project.events.history(id_, limit=1)):
            return {}
        raise self._unknown()

    def _delete(self, state: State, id_: str) -> int:
        if not (self._erase(state, id_) if self.name == "users" else state.project.features.delete(self.name, [id_])):
            raise self._unknown()
        self._tell(state, [id_])
        return 1

    def _erase(self, state: State, user_id: str) -> bool:
        """Whether there was such a person, of whom store and engine know nothing now."""
        known = state.project.store.erase(user_id)
        state.engine.forget(user_id)
        return known

    def _tell(self, state: State, ids: list[str]) -> None:
        if self.name == "items":
            state.engine.changed(ids)
            state.freshness.catch_up()

    def _unknown(self) -> RequestError:
        return RequestError(f"no {self.name[:-1]} with this id", field=self.id_field, status=404)


ITEMS = Table("items", columns.ITEM_ID, Item)
USERS = Table("users", columns.USER_ID, User)


async def list_items(request: Request) -> Response:
    """A page of the catalogue."""
    state, page = state_of(request), await asked(request, ItemPage)
    rows, total = await state.readers.run(state.project.store.listing.catalogue, "items", page.limit, page.offset)
    return answer({"items": [{columns.ITEM_ID: id_, columns.PROPERTIES: properties} for id_, properties in rows], "total": total})


async def list_users(request: Request) -> Response:
    """A page of users, known from events or from the users table."""
    state, page = state_of(request), await asked(request, UserPage)
    rows, total = await state.readers.run(state.project.store.listing.users, page.limit, page.offset, page.prefix)
    return answer({"users": [{columns.USER_ID: id_, "n_events": count} for id_, count in rows], "total": total})


async def history(request: Request) -> Response:
    """What a user did, newest first; nothing for a user nobody knows."""
    state, page = state_of(request), await asked(request, History)
    return answer({"events": await state.readers.run(_history, state, path_text(request, columns.USER_ID), page.limit)})


def _history(state: State, user_id: str, limit: int) -> list[dict[str, Any]]:
    """The events as JSON, hence `Any`."""
    events = state.project.events.history(user_id, limit=limit).frame
    read = [events[name].to_list() for name in (columns.ITEM_ID, columns.EVENT_TYPE, columns.VALUE, columns.TIMESTAMP)]
    known = state.project.features.get("items", list(dict.fromkeys(read[0])))
    return [
        {
            columns.ITEM_ID: item,
            columns.EVENT_TYPE: kind,
            columns.VALUE: value,
            columns.TIMESTAMP: _iso(at),
            columns.PROPERTIES: known.get(item, {}),
        }
        for item, kind, value, at in reversed(list(zip(*read, strict=True)))
    ]


def _iso(at: int) -> str:
    seconds, micros = divmod(at, SECOND)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros).isoformat().replace("+00:00", "Z")


def _table(table: Table, page: type, one: type, many: type, listing: Callable[..., Any], removal: str) -> tuple[Endpoint, ...]:
    """The routes of one table. `Any`: a handler."""
    path, name = f"/v1/{table.name}", table.name[:-1]
    one_path = f"{path}/{{{table.id_field}}}"
    return (
        Endpoint("POST", path, table.post, f"Add or replace {name}s", table.name, body=table.row, many=True, answer=Upserted),
        Endpoint("GET", path, listing, f"List {name}s", table.name, query=page, answer=many),
        Endpoint("GET", one_path, table.get_one, f"Get one {name}", table.name, answer=one),
        Endpoint("DELETE", one_path, table.delete, removal, table.name, answer=Deleted),
    )


ENDPOINTS = (
    *_table(ITEMS, ItemPage, ItemRow, ItemRows, list_items, "Remove one item from the catalogue; its events stay"),
    *_table(USERS, UserPage, UserRow, UserRows, list_users, "Erase one user: properties, events, recent answers"),
    Endpoint("GET", "/v1/users/{user_id}/history", history, "What a user did", "users", query=History, answer=Past),
)
