"""What operations do with the parts of an API, whatever kind they are: routes, integrations, authorizers, models, and
the responses inside routes and integrations.

Owns: where a part is kept, how it is found, listed, kept and removed, how many there may be. Refuses: what a part may
say, and what stands in the way of its end: each kind's module says so. Rule: every change goes through `deploying`.
"""

import re
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from samovar.core.context import Context, Params
from samovar.services.apigatewayv2 import deploying, pages
from samovar.services.apigatewayv2.deploying import Edit
from samovar.services.apigatewayv2.errors import bad_request, conflict
from samovar.services.apigatewayv2.records import Api, Record, changed, made, shown
from samovar.services.apigatewayv2.state import ApiKey, State, letters, listed, part, within
from samovar.store.table import Table

R = TypeVar("R", bound=Record)

_WORD = re.compile(r"(?<!^)(?=[A-Z])")


class Where(msgspec.Struct, frozen=True):
    """Among which parts one is."""

    key: ApiKey
    api: Api
    whole: str = ""
    """The id of the part that it is inside of."""

    def place(self, id: str) -> str:
        return within(self.whole, id) if self.whole else id


class Kind(Generic[R]):
    def __init__(
        self,
        record: type[R],
        table: Callable[[State], Table[R]],
        digits: int,
        check: Callable[[State, Where, R], None],
        *,
        most: int = 0,
        only: str = "",
        inside: "Kind[Any] | None" = None,
    ) -> None:
        """`check` raises AwsError for a part that can't be, new or changed; `digits`: of an id; `most`: of an API, if
        that is limited; `only`: the words for an API that isn't a WebSocket API, if only these have any."""
        self._record = record
        self._name = record.__name__
        self._id = f"{self._name}Id"
        self._member = _WORD.sub("_", self._name).lower() + "_id"
        self._table = table
        self._digits = digits
        self._check = check
        self._most = most
        self._only = only
        self._inside = inside

    def id(self, record: R) -> str:
        return str(getattr(record, self._member))

    def where(self, state: State, ctx: Context, params: Params) -> Where:
        key, api = state.api(ctx, params["ApiId"])
        if self._only and api.protocol_type != "WEBSOCKET":
            raise bad_request(self._only)
        if self._inside is None:
            return Where(key, api)
        return Where(key, api, self._inside.id(self._inside.find(state, Where(key, api), params)))

    def find(self, state: State, where: Where, params: Params) -> R:
        """The part that a request names."""
        id = str(params[self._id])
        found = self._table(state).get((*where.key, where.place(id)))
        return found if found is not None else part(self._table(state), where.key, id, self._name)

    def all(self, state: State, where: Where) -> list[tuple[str, R]]:
        """Those there are, with the keys by which they are kept."""
        found = listed(self._table(state), where.key)
        return [each for each in found if each[0].startswith(where.place(""))] if where.whole else found

    def others(self, state: State, where: Where, record: R) -> list[R]:
        return [each for _, each in self.all(state, where) if self.id(each) != self.id(record)]

    # --- operations

    async def create(self, state: State, ctx: Context, params: Params) -> Params:
        where = self.where(state, ctx, params)
        if self._most and len(self._table(state).items(where.key)) >= self._most:
            raise full(self._name)
        return await self._keep(state, where, made(self._record, params, **{self._member: letters(self._digits)}))

    async def get(self, state: State, ctx: Context, params: Params) -> Params:
        return shown(self.find(state, self.where(state, ctx, params), params))

    async def list(self, state: State, ctx: Context, params: Params) -> Params:
        page, more = pages.cut(self.all(state, self.where(state, ctx, params)), params)
        return {"Items": [shown(each) for each in page], **more}

    async def update(self, state: State, ctx: Context, params: Params, **members: Any) -> Params:
        """`members`: those that an update doesn't simply replace."""
        where = self.where(state, ctx, params)
        return await self._keep(state, where, changed(self.find(state, where, params), params, **members))

    async def delete(self, state: State, where: Where, record: R, *along: Edit) -> Params:
        """`along`: what goes with it."""
        gone: Edit = (self._table(state), where.place(self.id(record)), None)
        await deploying.change(state, where.key, gone, *along)
        return {}

    async def _keep(self, state: State, where: Where, record: R) -> Params:
        self._check(state, where, record)
        await deploying.change(state, where.key, (self._table(state), where.place(self.id(record)), record))
        return shown(record)


def inside(table: Table[Any], key: ApiKey, whole: str) -> list[Edit]:
    """The end of all of a kind that is inside a part."""
    return [(table, id, None) for id, _ in listed(table, key) if id.startswith(within(whole))]


def full(kind: str) -> Exception:
    """An API has as many as it may have (recorded of AWS: 429, though with ConflictException)."""
    error = conflict(
        f"Maximum number of {kind}s for this API has been reached. Please contact AWS if you need additional {kind}s."
    )
    error.status = 429
    return error
