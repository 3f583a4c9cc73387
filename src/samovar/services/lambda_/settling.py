"""How what was created, updated or published comes into force, a moment after its answer; and what does at a start.

Owns: the tasks that do it. Rule: nothing is in force before its trees are in their places.
"""

from collections.abc import Sequence

from samovar.core.errors import AwsError
from samovar.core.ids import uuid4
from samovar.services.lambda_ import function as functions
from samovar.services.lambda_ import snapstart
from samovar.services.lambda_.function import D, Function, Published, Reason
from samovar.services.lambda_.images import Unusable
from samovar.services.lambda_.state import State
from samovar.store.errors import StoreError


class Settling:
    def __init__(self, state: State) -> None:
        self._functions = state
        state.settling = self

    def bring_into_force(self, *deployed: Function | Published, before: Function | None = None) -> None:
        for version in deployed:
            if isinstance(version, Published) and self._is_snapshot(version):
                self._functions.spawn(self._publish(version))
        at_once = [each for each in deployed if not self._is_snapshot(each)]
        if at_once:
            self._functions.spawn(self._settle(at_once, before))

    def _is_snapshot(self, deployed: Function | Published) -> bool:
        runtime = deployed.configuration.runtime
        return snapstart.awaits(deployed) and not self._functions.engine.runtime_available(runtime)

    async def _publish(self, pending: Published) -> None:
        """Make the snapshot of a version, which may take minutes and holds nobody up, and then let it be invoked."""
        made = ready = await self._finished(pending)
        if ready.state is functions.State.ACTIVE:
            made = await snapstart.publish(self._functions.engine, ready, uuid4())
        async with self._functions.lock(pending.key):
            current = self._functions.current(pending)
            if current is None or current.revision != pending.revision:  # deleted, perhaps made anew, meanwhile
                self._functions.engine.retire(functions.executable(ready).key)
                return
            if made.state is functions.State.ACTIVE:
                self._functions.active.enter(ready)
            await self._functions.store.transact(self._functions.putting(made))

    async def recover(self, deployed: Function | Published) -> None:
        if deployed.state in (functions.State.INACTIVE, functions.State.FAILED):
            return
        if self._functions.code.lacks(deployed):  # buckets can be read a moment later
            await self._functions.store.transact(self._functions.putting(functions.restoring(deployed, uuid4())))
            self._functions.spawn(self._functions.revive(deployed))
            return
        try:
            await self._functions.code.restore(deployed)
        except StoreError as error:
            lost = functions.failed(deployed, uuid4(), Reason(str(error), "InternalError"))
            await self._functions.store.transact(self._functions.putting(lost))
            return
        if isinstance(deployed, Published) and self._is_snapshot(deployed):
            self.bring_into_force(deployed)
            return
        if functions.unsettled(deployed):
            deployed = functions.settled(deployed, uuid4())
            await self._functions.store.transact(self._functions.putting(deployed))
        if deployed.state is functions.State.ACTIVE:
            self._functions.active.enter(deployed)

    async def _settle(self, deployed: Sequence[Function | Published], before: Function | None) -> None:
        async with self._functions.lock(deployed[0].key):
            # As they are now: deleted, perhaps made anew, or tagged in the meantime.
            found = [self._functions.current(each) for each in deployed]
            done = [await self._finished(each, before) for each in found if each and functions.unsettled(each)]
            problems = []
            for each in done:
                self._functions.active.withdraw(each)
                if each.state is functions.State.ACTIVE:
                    problems.append(self._functions.active.enter(each))
            if done:
                await self._functions.store.transact(*map(self._functions.putting, done))
                self._functions.tell_moved(done[0].key)
        if problems and not any(problems):
            await self._functions.engine.prepare(done[0].configuration.runtime)
        await self._functions.tidy_now()

    async def _finished(self, deployed: D, before: Function | None = None) -> D:
        """As it is when its trees are in their places, or can't be."""
        try:
            await self._functions.code.restore(deployed)
        except Unusable as lost:
            reason = lost.reason
        except AwsError as error:
            reason = Reason(error.message, "InternalError")
        except StoreError as error:
            reason = Reason(str(error), "InternalError")
        except OSError as error:
            reason = Reason(f"The code could not be unpacked: {error.strerror}", "InternalError")
        else:
            return functions.settled(deployed, uuid4())
        return functions.unusable(deployed, before, uuid4(), reason)
