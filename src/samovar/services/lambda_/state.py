"""What the Lambda service holds while it runs: functions, versions, aliases, and what may be invoked.

Owns: their tables, one lock per function for those who change it. What brings changes into force: `settling`.

1. Nothing is answered before it is committed (design.md §7): code first, then the rows, those of one change together.
2. A change is in force a moment after its answer: Pending becomes Active, InProgress becomes Successful.
3. An invocation runs what is in force; during an update that is the old version, whose environments are then retired.
4. After a restart nothing is in transition: what was acknowledged is in force, or Failed where its code is lost.
5. What belongs to a function or to one of its qualifiers goes with it, in the same transaction (`belongings`).
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from samovar.core.clock import Clock
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.engine.model import Version
from samovar.services.lambda_ import function as functions
from samovar.services.lambda_.alias import Alias
from samovar.services.lambda_.code import CodeStore
from samovar.services.lambda_.force import InForce
from samovar.services.lambda_.function import Function, Key, Published
from samovar.services.lambda_.guards import check_changeable
from samovar.services.lambda_.layers import Layers
from samovar.services.lambda_.listing import Listing
from samovar.services.lambda_.names import LATEST, not_found
from samovar.services.lambda_.ports import Asynchronous, Authority, Engine, Settler, Taggable
from samovar.services.lambda_.runtimes import TABLE
from samovar.store.sqlite import Change, Store
from samovar.store.table import Table


class RuntimeUpdates(msgspec.Struct, frozen=True):
    """Runtime management of one qualifier."""

    when: str
    """UpdateRuntimeOn."""
    version_arn: str
    """Empty unless `when` is Manual."""


class Provision(msgspec.Struct, frozen=True):
    """Provisioned concurrency of one version or alias."""

    units: int
    modified_at: float


class State:
    def __init__(
        self,
        store: Store,
        code: CodeStore,
        engine: Engine,
        clock: Clock,
        architecture: str,
        draw: Callable[[], float],
    ) -> None:
        """`draw` gives random numbers from 0 up to 1, for aliases that share out their invocations."""
        self.store = store
        self.code = code
        self.engine = engine
        self.clock = clock
        self.architecture = architecture
        self.runtimes = TABLE
        self.functions: Table[Function]
        self.versions: Table[Published]
        self.aliases: Table[Alias]
        self.runtime_updates: Table[RuntimeUpdates]
        self.provisions: Table[Provision]
        self.layers: Layers
        self.belongings: list[Table[Any]] = []
        """Tables whose keys begin with account, region, function name, qualifier (empty for the function itself)."""
        self.deploying: list[Callable[[Key, Params], list[Change]]] = []
        """Asked before code is deployed, with the function and the request: may refuse, or add to what is committed."""
        self.asynchronous: Asynchronous | None = None
        """Takes the events of `InvocationType=Event`; None where nothing delivers them."""
        self.authority: Authority | None = None
        """Says which roles functions may have; None where that doesn't count."""
        self.listing = Listing()
        self.moved: list[Callable[[Key], None]] = []
        """Told of the function when what its qualifiers run may have changed."""
        self.settling: Settler
        self.watch: Callable[[], None]
        """Has code that stays in buckets looked after (`jobs`)."""
        self.revive: Callable[[Function | Published], Coroutine[Any, Any, None]]
        """Sees whether the code of what is Inactive or Restoring can be had (`jobs`)."""
        self.unpack: Callable[[Sequence[Function | Published], Function | None], Coroutine[Any, Any, None]]
        """Brings what runs in an image into force (`unpacking`)."""
        self.taggable: dict[str, Taggable] = {}
        """By the kind in their ARNs."""
        self._draw = draw
        self.active = InForce(engine)
        self._locks: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self.functions = await Table.open(self.store, "lambda.functions", Function)
        self.versions = await Table.open(self.store, "lambda.versions", Published)
        self.aliases = await Table.open(self.store, "lambda.aliases", Alias)
        self.runtime_updates = await Table.open(self.store, "lambda.runtime-updates", RuntimeUpdates)
        self.provisions = await Table.open(self.store, "lambda.provisioned-concurrency", Provision)
        self.belongings += [self.runtime_updates, self.provisions]
        self.layers = await Layers.open(self.store)

    def lock(self, key: Key) -> asyncio.Lock:
        """Held by whoever changes the function."""
        return self._locks.setdefault(key, asyncio.Lock())

    # --- finding ----------------------------------------------------------------------------------------------------

    def find(self, ctx: Context, name: str) -> Function:
        """The caller's function of this name; raises ResourceNotFoundException in the words of most operations."""
        found = self.functions.get((ctx.account, ctx.region, name))
        if found is None:
            raise not_found(ctx, name)
        return found

    def changeable(self, ctx: Context, name: str, revision: str | None) -> Function:
        """The function, if it may be updated now and the caller knows its present revision, if any."""
        function = self.find(ctx, name)
        check_changeable(function, revision)
        return function

    def resolve(
        self,
        ctx: Context,
        name: str,
        qualifier: str = "",
        no_alias: Callable[[Context, str, str], AwsError] = not_found,
    ) -> tuple[Function, Function | Published | Alias]:
        """The function, and what the qualifier names: the function again for none or `$LATEST`, a version or an alias.

        Raises ResourceNotFoundException with the qualifier in its text; `no_alias` (`names.no_alias`) makes the one for
        a missing alias, for the operations that have words of their own.
        """
        function = self.functions.get((ctx.account, ctx.region, name))
        if function is None:
            raise not_found(ctx, name, qualifier)
        if qualifier in ("", LATEST):
            return function, function
        found = self.published(function.key, qualifier) or self.aliases.get((*function.key, qualifier))
        if found is None:
            is_name = not qualifier.isdecimal() and "$" not in qualifier
            raise (no_alias if is_name else not_found)(ctx, name, qualifier)
        return function, found

    def deployed(self, function: Function, version: str) -> Function | Published:
        """What a version that exists (an alias's, say) names."""
        found = function if version == LATEST else self.published(function.key, version)
        assert found is not None, f"{function.arn}:{version} is named and not there"
        return found

    def published(self, key: Key, version: str) -> Published | None:
        found = self.versions.get((*key, functions.order(version)))
        return found if found is not None and found.version == version else None  # "01" is nobody

    def versions_of(self, key: Key) -> list[Published]:
        """The published versions, by number."""
        return [version for _, version in self.versions.items(key)]

    def aliases_of(self, key: Key) -> list[Alias]:
        """The aliases, by name."""
        return [alias for _, alias in self.aliases.items(key)]

    def published_last(self, function: Function) -> Published | None:
        """The version published last, if it is there and the function still has its code and configuration."""
        last = self.published(function.key, str(function.published))
        same = last is not None and (last.code, last.configuration) == (function.code, function.configuration)
        return last if same else None

    def unreserved(self, ctx: Context) -> int:
        """Concurrency of the caller's account that no function has for itself, reserved or provisioned."""
        own = {key[2]: each.reserved for key, each in self.functions.items((ctx.account, ctx.region))}
        provisioned = [
            provision.units
            for (_, _, name, _), provision in self.provisions.items((ctx.account, ctx.region))
            if own.get(name) is None
        ]
        return self.engine.concurrency - sum(reserved or 0 for reserved in own.values()) - sum(provisioned)

    def runs(self, key: Key, version: str) -> Version | None:
        """What invocations of a version run; None while it isn't in force."""
        return self.active.get((*key, version))

    def in_force(self, key: Key, qualifier: str) -> Version | None:
        """What one invocation runs; None when there is no such function or qualifier, raises while it can't run."""
        version = self.active.get((*key, qualifier))
        if version is None:
            alias = self.aliases.get((*key, qualifier))
            if alias is not None:
                return self.in_force(key, alias.route(self._draw))
            deployed = self.functions.get(key) if qualifier == LATEST else self.published(key, qualifier)
            if deployed and deployed.state is functions.State.INACTIVE:
                self.spawn(self.revive(deployed))
            return self.active.enter_late(deployed) if deployed else None
        return version

    # --- changing ---------------------------------------------------------------------------------------------------

    def check_deployment(self, key: Key, params: Params) -> list[Change]:
        """Let everyone refuse who may forbid code; what is to be committed with it."""
        return [change for check in self.deploying for change in check(key, params)]

    async def change(
        self, *deployed: Function | Published, also: Iterable[Change] = (), before: Function | None = None
    ) -> None:
        """Commit records of one function, and bring into force soon after what is Pending or InProgress. `before`: what
        the function is again if that can't be."""
        await self.store.transact(*map(self.putting, deployed), *also)
        if deployed[0].code.image is not None:
            self.spawn(self.unpack(deployed, before))
        else:
            self.settling.bring_into_force(*deployed, before=before)
        if any(each.code.source for each in deployed):
            self.watch()

    async def become(self, deployed: Function | Published) -> None:
        """Commit another state of what is there; it is in force when that is Active. Under its lock."""
        self.active.withdraw(deployed)
        if deployed.state is functions.State.ACTIVE:
            self.active.enter(deployed)
        await self.store.transact(self.putting(deployed))
        self.tell_moved(deployed.key)

    async def touch(self, function: Function) -> None:
        """Commit a change that doesn't touch what runs."""
        await self.functions.put(function.key, function)

    async def put_alias(self, alias: Alias) -> None:
        """Commit an alias, new or changed."""
        await self.aliases.put(alias.key, alias)
        self.tell_moved(alias.key[:3])

    async def remove(self, function: Function) -> None:
        """Delete it with its versions and aliases and all that belongs to it."""
        versions = self.versions_of(function.key)
        await self.store.transact(
            self.functions.deleting(function.key),
            *_deleting(function.key, self.versions, self.aliases, *self.belongings),
        )
        for deployed in (function, *versions):
            self.active.withdraw(deployed)
            self.code.release(deployed)
        self.engine.set_reserved(function.arn, None)
        self.tell_moved(function.key)

    async def remove_version(self, version: Published) -> None:
        await self.store.transact(
            self.versions.deleting((*version.key, functions.order(version.version))),
            *_deleting((*version.key, version.version), *self.belongings),
        )
        self.active.withdraw(version)
        self.code.release(version)
        self.tell_moved(version.key)

    async def remove_alias(self, alias: Alias) -> None:
        await self.store.transact(self.aliases.deleting(alias.key), *_deleting(alias.key, *self.belongings))
        self.tell_moved(alias.key[:3])

    async def recover(self) -> None:
        """Bring into force what a stopped server left."""
        everything = self.everything()
        await self.code.sweep(everything, self.layers.versions())
        for deployed in everything:
            await self.settling.recover(deployed)
        for _, function in self.functions.items():
            self.engine.set_reserved(function.arn, function.reserved)
            self.tell_moved(function.key)
        for runtime in self.active.runtimes():
            self.spawn(self.engine.prepare(runtime))

    async def reset(self) -> None:
        """Forget every function and layer."""
        everything = self.everything()
        for layer in self.layers.versions():
            self.code.release_layer(layer)
        await self.layers.clear()
        await self.store.transact(
            *_deleting((), self.functions, self.versions, self.aliases, *self.belongings),
        )
        for deployed in everything:
            self.active.withdraw(deployed)
            self.code.release(deployed)
            self.engine.set_reserved(deployed.arn, None)
            self.tell_moved(deployed.key)

    async def close(self) -> None:
        """Stop what is still to be brought into force: the next start does it."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def tidy(self) -> None:
        """Remove, soon, code that has been out of use for long."""
        self.spawn(self.tidy_now())

    # --- pieces -----------------------------------------------------------------------------------------------------

    def tell_moved(self, key: Key) -> None:
        for told in self.moved:
            told(key)

    def everything(self) -> list[Function | Published]:
        return [
            *(function for _, function in self.functions.items()),
            *(version for _, version in self.versions.items()),
        ]

    async def tidy_now(self) -> None:
        await self.code.tidy(lambda: (self.everything(), self.layers.versions()))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it soon, unless the service closes before."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def putting(self, deployed: Function | Published) -> Change:
        if isinstance(deployed, Published):
            return self.versions.putting((*deployed.key, functions.order(deployed.version)), deployed)
        return self.functions.putting(deployed.key, deployed)

    def current(self, deployed: Function | Published) -> Function | Published | None:
        if isinstance(deployed, Published):
            return self.published(deployed.key, deployed.version)
        return self.functions.get(deployed.key)


def _deleting(prefix: tuple[str, ...], *tables: Table[Any]) -> list[Change]:
    """The changes that delete every record under `prefix`."""
    return [table.deleting(key) for table in tables for key, _ in table.items(prefix)]
