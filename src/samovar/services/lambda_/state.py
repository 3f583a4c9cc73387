"""What the Lambda service holds while it runs: functions, their code, and the versions that may be invoked.

Owns: the table of functions, one lock per function for those who change it, the tasks that bring changes into force.

1. Nothing is answered before it is committed (design.md §7): code first, then the row.
2. A change is in force a moment after its answer: Pending becomes Active, InProgress becomes Successful.
3. An invocation runs what is in force; during an update that is the old version, whose environments are then retired.
4. After a restart nothing is in transition: what was acknowledged is in force, or Failed where its code is lost.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol
from weakref import WeakValueDictionary

from samovar.core.clock import Clock
from samovar.core.context import Context
from samovar.core.errors import AwsError
from samovar.core.ids import uuid4
from samovar.engine.model import Invocation, Result, Version
from samovar.services.lambda_ import function as functions
from samovar.services.lambda_.code import CodeStore
from samovar.services.lambda_.function import Function, Key, Reason
from samovar.services.lambda_.names import not_found
from samovar.store.errors import StoreError
from samovar.store.table import Table


class Engine(Protocol):
    """What runs the functions (`engine/invoke.py`)."""

    def start(self, version: Version, invocation: Invocation, done: Callable[[Result], None]) -> None:
        """Run it and call `done` once; raises AwsError at once when it is throttled."""
        ...

    def runtime_available(self, runtime: str) -> str | None:
        """None when this machine can run it, else why not and what to do."""
        ...

    async def prepare(self, runtime: str) -> None:
        """Warm the runtime's interpreter."""
        ...

    def retire(self, version_key: str) -> None:
        """Give this version's environments nothing new; what runs there finishes."""
        ...


class State:
    def __init__(
        self, table: Table[Function], code: CodeStore, engine: Engine, clock: Clock, architecture: str
    ) -> None:
        self.table = table
        self.code = code
        self.engine = engine
        self.clock = clock
        self.architecture = architecture
        self._in_force: dict[Key, Version] = {}
        self._locks: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()
        self._settling: set[asyncio.Task[None]] = set()

    def lock(self, key: Key) -> asyncio.Lock:
        """Held by whoever changes the function."""
        return self._locks.setdefault(key, asyncio.Lock())

    def find(self, ctx: Context, name: str) -> Function:
        """The caller's function of this name; raises ResourceNotFoundException in the words of most operations."""
        found = self.table.get((ctx.account, ctx.region, name))
        if found is None:
            raise not_found(ctx, name)
        return found

    def in_force(self, key: Key) -> Version | None:
        """What an invocation runs; None when there is no such function, raises while it can't be invoked."""
        version = self._in_force.get(key)
        if version is None and (function := self.table.get(key)):
            if function.state is not functions.State.ACTIVE:
                raise wrong_state(function)
            problem = self._enter(function)
            if problem:
                raise AwsError("InvalidRuntimeException", problem)
            return self._in_force[key]
        return version

    async def change(self, function: Function) -> None:
        """Commit a function that is Pending or InProgress, and bring it into force soon after."""
        await self.table.put(function.key, function)
        self._spawn(self._settle(function))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def remove(self, function: Function) -> None:
        await self.table.delete(function.key)
        self._withdraw(function.key)
        self.code.release(function.code)

    async def recover(self) -> None:
        """Bring into force what a stopped server left."""
        everything = [function for _, function in self.table.items()]
        await self.code.sweep(everything)
        for function in everything:
            await self._recover(function)
        for runtime in {version.runtime for version in self._in_force.values()}:
            self._spawn(self.engine.prepare(runtime))

    async def reset(self) -> None:
        """Forget every function."""
        for _, function in self.table.items():
            self._withdraw(function.key)
            self.code.release(function.code)
        await self.table.clear()

    async def close(self) -> None:
        """Stop what is still to be brought into force: the next start does it."""
        tasks = list(self._settling)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _recover(self, function: Function) -> None:
        try:
            await self.code.restore(function.code)
        except StoreError as error:
            lost = functions.failed(function, uuid4(), Reason(str(error), "InternalError"))
            await self.table.put(function.key, lost)
            return
        if functions.unsettled(function):
            function = functions.settled(function, uuid4())
            await self.table.put(function.key, function)
        if function.state is functions.State.ACTIVE:
            self._enter(function)

    async def _settle(self, function: Function) -> None:
        async with self.lock(function.key):
            current = self.table.get(function.key)
            if current is None or current.revision != function.revision:
                return  # deleted, perhaps made anew, in the meantime
            ready = functions.settled(current, uuid4())
            self._withdraw(function.key)
            problem = self._enter(ready)
            await self.table.put(function.key, ready)
        if not problem:
            await self.engine.prepare(ready.configuration.runtime)
        await self.code.tidy([function for _, function in self.table.items()])

    def _enter(self, function: Function) -> str | None:
        """Let it be invoked from now on; or say why this machine can't run it: interpreters come and go."""
        problem = self.engine.runtime_available(function.configuration.runtime)
        if not problem:
            self._in_force[function.key] = functions.version(function)
        return problem

    def _withdraw(self, key: Key) -> None:
        version = self._in_force.pop(key, None)
        if version is not None:
            self.engine.retire(version.key)


def wrong_state(function: Function) -> AwsError:
    return AwsError(
        "ResourceConflictException",
        "The operation cannot be performed at this time. "
        f"The function is currently in the following state: {function.state.value}",
    )
