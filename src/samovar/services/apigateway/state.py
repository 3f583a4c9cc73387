"""APIs, their deployments and stages, and what belongs to the account: as they are kept.

Owns: the records, the tables `apigateway.*`, finding (or AWS's 404). Rules:

1. What an operation describes (a method, an integration, a stage) is kept in AWS's own shape, as a dict: the paths of a
   patch then mean the same in it as in AWS's documentation. A shape that was put is never changed, only replaced.
2. An API is one record, and whoever changes it doesn't await between reading and putting it.
3. A deployment holds the Definition of its moment. Nothing that is changed afterwards is seen before the next one.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from samovar.core import ids
from samovar.core.clock import Clock
from samovar.core.context import Context
from samovar.core.errors import AwsError
from samovar.store.sqlite import Change, Store
from samovar.store.table import Key, Table
from samovar.store.vault import Vault
from samovar.web.account_rate import AccountRate
from samovar.web.domains import Domains

Shape = dict[str, Any]
_Found = TypeVar("_Found")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def new_id(length: int) -> str:
    """Lower-case letters and digits."""
    number, found = int(ids.hex_id(2 * length), 16), ""
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        found += _DIGITS[digit]
    return found


class Resource(msgspec.Struct, frozen=True):
    id: str
    parent: str = ""
    """Empty for the root."""
    part: str = ""
    methods: dict[str, Shape] = {}


class Definition(msgspec.Struct, frozen=True):
    """Everything of an API that waits for a deployment to take effect."""

    settings: Shape
    """What CreateRestApi takes, but tags."""
    resources: dict[str, Resource] = {}
    authorizers: dict[str, Shape] = {}
    models: dict[str, Shape] = {}
    """By name."""
    validators: dict[str, Shape] = {}
    responses: dict[str, Shape] = {}
    """Gateway responses of its own, by type."""

    def path(self, resource: Resource) -> str:
        """`/pets/{id}`."""
        parts: list[str] = []
        while resource.parent:
            parts.append(resource.part)
            resource = self.resources[resource.parent]
        return "/" + "/".join(reversed(parts))

    def with_resource(self, *changed: Resource) -> "Definition":
        resources = {**self.resources, **{each.id: each for each in changed}}
        return msgspec.structs.replace(self, resources=resources)


class Api(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    region: str
    id: str
    created_at: float
    definition: Definition
    tags: dict[str, str] = {}
    documentation: dict[str, Shape] = {}
    """Parts, by id."""
    documentation_versions: dict[str, Shape] = {}

    @property
    def key(self) -> Key:
        return (self.account, self.region, self.id)


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    created_at: float
    definition: Definition
    description: str | None = None


class Item(msgspec.Struct, frozen=True):
    """Anything that is only its shape."""

    shape: Shape


def not_found(text: str) -> AwsError:
    return AwsError("NotFoundException", text)


def bad(text: str) -> AwsError:
    return AwsError("BadRequestException", text)


def full(kind: str) -> AwsError:
    """An API has as many as it may have (recorded of AWS for resources, with two blanks)."""
    text = f"Maximum number of {kind} for this API has been reached.  Please contact AWS if you need additional {kind}."
    return AwsError("LimitExceededException", text)


def must(found: _Found | None, missing: str) -> _Found:
    """What was looked for, or AWS's 404."""
    if found is None:
        raise not_found(missing)
    return found


class Rest:
    """The service's state."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        tables: Mapping[str, Table[Item]],
        apis: Table[Api],
        deployments: Table[Deployment],
        domains: Domains,
        rate: AccountRate,
        vault: Vault,
    ) -> None:
        self.store = store
        self.vault = vault
        self.clock = clock
        self.apis = apis
        self.deployments = deployments
        """(account, region, API, id)."""
        self.stages = tables["stages"]
        """(account, region, API, name)."""
        self.keys = tables["keys"]
        self.plans = tables["plans"]
        self.plan_keys = tables["plan_keys"]
        """(account, region, plan, key)."""
        self.usage = tables["usage"]
        """(account, region, plan, key, day) -> what was used and remained."""
        self.links = tables["links"]
        self.certificates = tables["certificates"]
        self.certificate_keys = tables["certificate_keys"]
        """Their private keys, closed by the vault; nobody is shown them."""
        self.domains = domains
        self.rate = rate
        self.accounts = tables["accounts"]
        self._by_id: dict[str, Key] = {key[2]: key for key, _ in apis.items()}

    @classmethod
    async def open(cls, store: Store, clock: Clock, domains: Domains, rate: AccountRate, vault: Vault) -> "Rest":
        names = (
            "stages", "keys", "plans", "plan_keys", "usage", "links", "certificates", "certificate_keys", "accounts",
        )  # fmt: skip
        tables = {name: await Table.open(store, f"apigateway.{name}", Item) for name in names}
        apis = await Table.open(store, "apigateway.apis", Api)
        deployments = await Table.open(store, "apigateway.deployments", Deployment)
        return cls(store, clock, tables, apis, deployments, domains, rate, vault)

    async def clear(self) -> None:
        self._by_id.clear()
        for table in (
            self.apis, self.deployments, self.stages, self.keys, self.plans, self.plan_keys, self.usage, self.links,
            self.certificates, self.certificate_keys, self.accounts,
        ):  # fmt: skip
            await table.clear()

    # --- APIs

    def api(self, ctx: Context, id: str) -> Api:
        text = f"Invalid API identifier specified {ctx.account}:{id}"
        return must(self.apis.get((ctx.account, ctx.region, id)), text)

    def anywhere(self, id: str) -> Api | None:
        """By its id alone: ids are unique on this server."""
        key = self._by_id.get(id)
        return self.apis.get(key) if key else None

    def link_target(self, account: str, region: str, id: str) -> str:
        """The load balancer that a VPC link leads to; empty where there is no such link, or it failed."""
        link = self.links.get((account, region, id))
        return str(link.shape["targetArns"][0]) if link is not None and link.shape["status"] == "AVAILABLE" else ""

    async def keep(self, api: Api) -> None:
        self._by_id[api.id] = api.key
        await self.apis.put(api.key, api)

    async def define(self, api: Api, definition: Definition) -> None:
        await self.keep(msgspec.structs.replace(api, definition=definition))

    async def remove(self, api: Api) -> None:
        """With everything that is only there for it."""
        self._by_id.pop(api.id, None)
        belongings: list[Change] = [
            *(self.deployments.deleting(key) for key, _ in self.deployments.items(api.key)),
            *(self.stages.deleting(key) for key, _ in self.stages.items(api.key)),
            *self._out_of_plans(api),
        ]
        await self.store.transact(self.apis.deleting(api.key), *belongings)

    async def remove_stage(self, api: Api, name: str) -> None:
        await self.store.transact(self.stages.deleting((*api.key, name)), *self._out_of_plans(api, name))

    def _out_of_plans(self, api: Api, stage: str = "") -> list[Change]:
        """Usage plans without the API's stages, or one: a plan that held what isn't there couldn't be deleted."""
        changes: list[Change] = []
        for key, item in self.plans.items(api.key[:2]):
            held = item.shape["apiStages"]
            kept = [each for each in held if each["apiId"] != api.id or (stage and each["stage"] != stage)]
            if len(kept) < len(held):
                changes.append(self.plans.putting(key, Item({**item.shape, "apiStages": kept})))
        return changes

    # --- what is in them

    def resource(self, api: Api, id: str) -> Resource:
        return must(api.definition.resources.get(id), "Invalid Resource identifier specified")

    def method(self, api: Api, resource: str, method: str) -> tuple[Resource, Shape]:
        found = self.resource(api, resource)
        return found, must(found.methods.get(method), "Invalid Method identifier specified")

    async def keep_method(self, api: Api, resource: Resource, method: str, shape: Shape | None) -> None:
        """Put a method in a resource, or remove it (None)."""
        methods = {name: each for name, each in resource.methods.items() if name != method}
        if shape is not None:
            methods[method] = shape
        changed = msgspec.structs.replace(resource, methods=methods)
        await self.define(api, api.definition.with_resource(changed))

    def deployment(self, api: Api, id: str) -> Deployment:
        return must(self.deployments.get((*api.key, id)), "Invalid Deployment identifier specified")

    def stage(self, api: Api, name: str) -> Shape:
        return must(self.stages.get((*api.key, name)), "Invalid stage identifier specified").shape

    # --- usage plans

    def plan(self, owner: Context, id: str) -> Shape:
        return must(self.plans.get((owner.account, owner.region, id)), "Invalid Usage Plan ID specified").shape

    def plan_key(self, owner: Context, plan: str, key: str) -> tuple[str, str, str, str]:
        """The place of a key that is in a plan."""
        place = (owner.account, owner.region, plan, key)
        must(self.plan_keys.get(place), f"Invalid API Key identifier specified for usage plan {plan}")
        return place
