"""The state of API Gateway v2: APIs and everything in them.

Owns: the tables `apigatewayv2.*`. Keys: (account, region, API id) for an API, and its parts below it; what belongs to a
part has both ids in one (`within`). Ids of APIs are
unique in the whole server, for they are host names.
"""

from typing import Any, TypeVar

from samovar.core.clock import Clock
from samovar.core.context import Context
from samovar.core.ids import hex_id
from samovar.services.apigatewayv2.errors import not_found
from samovar.services.apigatewayv2.records import (
    Api,
    Authorizer,
    Deployment,
    Integration,
    IntegrationResponse,
    Model,
    Record,
    Route,
    RouteResponse,
    Stage,
    VpcLink,
)
from samovar.store.sqlite import Change, Store
from samovar.store.table import Table
from samovar.web.account_rate import AccountRate
from samovar.web.connections import Connections
from samovar.web.domains import Domains
from samovar.web.lambda_authorizer import LambdaAuthorizers

R = TypeVar("R", bound=Record)

ApiKey = tuple[str, str, str]
"""(account, region, id)."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


class State:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        domains: Domains,
        connections: Connections,
        authorizers_asked: LambdaAuthorizers,
        rate: AccountRate,
    ) -> None:
        self.store = store
        self.clock = clock
        self.domains = domains
        self.connections = connections
        self.rate = rate
        self.authorizers_asked = authorizers_asked
        """What functions have said of callers, by API and stage."""
        self._keys: dict[str, ApiKey] = {}

    async def open(self) -> None:
        store = self.store
        self.apis = await Table.open(store, "apigatewayv2.apis", Api)
        self.routes = await Table.open(store, "apigatewayv2.routes", Route)
        self.integrations = await Table.open(store, "apigatewayv2.integrations", Integration)
        self.authorizers = await Table.open(store, "apigatewayv2.authorizers", Authorizer)
        self.route_responses = await Table.open(store, "apigatewayv2.routeresponses", RouteResponse)
        self.integration_responses = await Table.open(store, "apigatewayv2.integrationresponses", IntegrationResponse)
        self.models = await Table.open(store, "apigatewayv2.models", Model)
        self.stages = await Table.open(store, "apigatewayv2.stages", Stage)
        self.deployments = await Table.open(store, "apigatewayv2.deployments", Deployment)
        self.vpc_links = await Table.open(store, "apigatewayv2.vpc_links", VpcLink)
        self.parts: list[Table[Any]] = [
            self.routes,
            self.integrations,
            self.authorizers,
            self.route_responses,
            self.integration_responses,
            self.models,
            self.stages,
            self.deployments,
        ]
        """All that goes with an API."""
        self._keys = {key[2]: (key[0], key[1], key[2]) for key, _ in self.apis.items()}

    def key(self, api: str) -> ApiKey | None:
        """Where an API lives, whosever it is."""
        found = self.found(api)
        return found[0] if found is not None else None

    def found(self, api: str) -> tuple[ApiKey, Api] | None:
        """The same, and the API."""
        key = self._keys.get(api)
        there = self.apis.get(key) if key is not None else None
        if key is None or there is None:
            self._keys.pop(api, None)
            return None
        return key, there

    def api(self, ctx: Context, api: str) -> tuple[ApiKey, Api]:
        """An API of the caller's; AwsError where there is none."""
        key = (ctx.account, ctx.region, api)
        found = self.apis.get(key)
        if found is None:
            raise not_found("API", f"{ctx.account}:{api}")
        return key, found

    async def keep(self, key: ApiKey, api: Api, *changes: Change) -> None:
        """Commit an API, new or changed, and parts with it."""
        self._keys[api.api_id] = key
        await self.store.transact(self.apis.putting(key, api), *changes)

    async def remove(self, key: ApiKey) -> None:
        """Everything of an API goes at once."""
        parts = [table.deleting(part) for table in self.parts for part, _ in table.items(key)]
        self._keys.pop(key[2], None)
        await self.store.transact(self.apis.deleting(key), *parts)
        self.connections.hang_up(key)

    def new_api_id(self) -> str:
        while (id := letters(10)) in self._keys:
            """Of 36 ** 10; the loop is for the sake of the host name."""
        return id

    async def clear(self) -> None:
        self.connections.hang_up()
        self._keys.clear()
        await self.apis.clear()
        await self.vpc_links.clear()
        await self.domains.clear()
        for table in self.parts:
            await table.clear()


def part(table: Table[R], key: ApiKey, id: str, kind: str) -> R:
    """A part of an API; AwsError where there is none."""
    found = table.get((*key, id))
    if found is None:
        raise not_found(kind, id)
    return found


def listed(table: Table[R], key: ApiKey) -> list[tuple[str, R]]:
    """All parts of a kind with their ids."""
    return [(found[3], record) for found, record in table.items(key)]


def within(whole: str, id: str = "") -> str:
    """The key of what belongs to a part of an API; without an id, the beginning of all their keys."""
    return f"{whole}/{id}"


def letters(count: int) -> str:
    """A random id of small letters and digits."""
    digits = hex_id(count * 3)
    return "".join(_LETTERS[int(digits[at : at + 3], 16) % 36] for at in range(0, count * 3, 3))

