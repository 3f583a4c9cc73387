"""The engine: the only door to running a function version.

Owns: the pool, retiring and reaping. Refuses: names, qualifiers, permissions,
queues (the rooms above). On the hot path: no task, no future, no timer per call.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from samovar.core.clock import Clock
from samovar.core.errors import AwsError
from samovar.core.meter import Meter
from samovar.engine import debug, report
from samovar.engine.clocks import Clocks
from samovar.engine.credentials import Issue, of_account
from samovar.engine.debugger import Debugger
from samovar.engine.environment import Environment
from samovar.engine.house import Done, Told
from samovar.engine.launch import Launch
from samovar.engine.lifecycle import OCCUPIED
from samovar.engine.limits import Limits
from samovar.engine.log import LogSink
from samovar.engine.metering import Metering
from samovar.engine.model import Invocation, Outcome, Result, Version
from samovar.engine.pool import Pool, Reason, Throttle
from samovar.engine.provisioning import Provisioned, Provisioning, Use
from samovar.engine.reload import Reloads
from samovar.engine.runtime_api import admit
from samovar.engine.runtimes import Runtimes
from samovar.engine.streaming import Pace, Sink
from samovar.engine.templates import Templates
from samovar.engine.trees import Trees
from samovar.net.message import Limits as Bounds
from samovar.net.message import Reply, Request, Response
from samovar.net.server import Server
from samovar.sandbox.port import Box, Boxes, SandboxDied

log = logging.getLogger("samovar.engine")

_REASONS = {
    Reason.CONCURRENCY: "ConcurrentInvocationLimitExceeded",
    Reason.RESERVED: "ReservedFunctionConcurrentInvocationLimitExceeded",
    Reason.RATE: "FunctionInvocationRateLimitExceeded",
    Reason.RESERVED_RATE: "ReservedFunctionInvocationRateLimitExceeded",
    Reason.SCALING: "FunctionInvocationRateLimitExceeded",
    Reason.MEMORY: "ConcurrentInvocationLimitExceeded",
}
"""facts/lambda-api.md §11; AWS has none for a machine without memory."""

_FREEZE_AFTER_S = 0.004
"""So long, to twice as long, an environment is left running without an invocation."""
_REAP_EVERY_S = 5.0
_NEVER_S = 1e9
_LEAVE_WITHIN_S = 3.0
_FRESH_AFTER = 2
"""Moves of an invocation after which it gets an environment of its own: the others may all have died with one helper,
and know it only one by one."""


class Engine:
    def __init__(
        self,
        boxes: Boxes,
        runtimes: Runtimes,
        log: LogSink,
        clock: Clock,
        code: Path,
        images: Path,
        nothing: Path,
        *,
        limits: Limits,
        memory_mb: int,
        idle_timeout_s: float,
        endpoint_url: str,
        pace_streams: bool = False,
        bill_init: bool = True,
        fork_warm: bool = False,
        debuggers: bool = False,
        issue: Issue = of_account,
        meter: Meter | None = None,
    ) -> None:
        """`code`: folder of unpacked packages, `images`: of unpacked images. `nothing`: a folder for an empty one.
        `memory_mb`: of all environments. `endpoint_url`: as functions see it. `pace_streams`: to AWS's speed.
        `bill_init`: as `House.bills_init`. `fork_warm`: fork the environments of Python functions from one that is
        initialised. `debuggers`: whether functions may be debugged. `issue`: makes the keys of functions' roles.
        `meter`: hears what invocations come to."""
        self.boxes = boxes
        self.clock = clock
        self.log = log
        self.endpoint_url = endpoint_url
        self.bills_init = bill_init
        self.issue = issue
        self._metering = Metering(meter or Meter(clock), clock)
        self._pace_streams = pace_streams
        self.pool: Pool[Environment] = Pool(
            lambda version: Environment(self, version), limits=limits, memory_mb=memory_mb
        )
        self.provisioning = Provisioning(self, limits)
        self._templates = Templates(self, fork_warm=fork_warm)
        self._runtimes = runtimes
        self._reloads = Reloads(self._let_go)
        self._debuggers = debuggers
        self.debugger = Debugger(self._extend)
        trees = Trees(code, images, nothing)
        self.mounts = trees.mounts
        self.extensions = trees.extensions
        self._has_certificates = trees.has_certificates
        self._idle_timeout_s = idle_timeout_s
        self._loop = asyncio.get_running_loop()
        self._clocks: Clocks[Environment] = Clocks(clock, self.debugger.holds)
        self.start_clock = self._clocks.start
        self.stop_clock = self._clocks.stop
        self._closing = False
        self._released: set[Environment] = set()
        """Since the last look for those to freeze."""
        self._to_freeze: set[Environment] = set()
        """Before it."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._living: set[Environment] = set()
        self._deserted: asyncio.Future[None] | None = None
        """Done when the last of them has gone."""
        self._tenants: dict[str, Environment] = {}
        # A runtime may be frozen for as long as it likes between two calls on one connection.
        self.runtime_api = Server(self._on_request, admit=admit, limits=Bounds(idle_s=_NEVER_S, body_s=_NEVER_S))
        self._reaper = self._loop.call_later(_REAP_EVERY_S, self._reap)

    # --- the door ---------------------------------------------------------------------------------------------------

    def start(self, version: Version, invocation: Invocation, done: Done, sink: Sink | None = None) -> None:
        """Run an invocation; `done` gets its Result, exactly once, and `sink` before that what the function streams.

        Raises AwsError TooManyRequestsException at once.
        """
        version = self._reloads.fresh(version)
        debugged = debug.asked(version) if self._debuggers and debug.VARIABLE in version.variables else None
        if debugged is not None:
            self.debugger.admit(version.key, debugged, partial(self._begin_late, version, invocation, done, sink))
        else:
            self._begin(version, invocation, done, sink)

    def _begin_late(self, version: Version, invocation: Invocation, done: Done, sink: Sink | None) -> None:
        """`_begin` for one who may have waited: a refusal is a result."""
        try:
            if self._closing or self.debugger.refuses(version.key):
                raise AwsError("ServiceException", "The server stops.")
            self._begin(version, invocation, done, sink)
        except AwsError as error:
            payload = report.refused(error.code, error.message)
            done(Result(Outcome.FUNCTION_ERROR, payload, error.code, refused=error.code))

    def _begin(self, version: Version, invocation: Invocation, done: Done, sink: Sink | None) -> None:
        now = self.clock.monotonic()
        fresh = invocation.moved >= _FRESH_AFTER
        claimed = None if fresh else self.provisioning.claim(version, invocation, now)
        lease = claimed or self.pool.assign(version, now, fresh=fresh)
        if isinstance(lease, Throttle):
            self._metering.throttled(version, invocation)
            log.warning("throttled: %s", lease.message)
            raise AwsError("TooManyRequestsException", "Rate Exceeded.", Reason=_REASONS[lease.reason], Type="User")
        for old in lease.destroy:
            old.retire()
        if not invocation.moved:
            share = self.provisioning.share(version, invocation)
            done = self._metering.begun(version, invocation, done, claimed is not None, share)
        environment = lease.environment
        if lease.cold:
            self._living.add(environment)
            self.debugger.lives(environment)
            environment.start(invocation, done, sink)
        else:
            environment.lease(invocation, done, sink)

    async def run(self, version: Version, invocation: Invocation) -> Result:
        """`start`, awaited."""
        future: asyncio.Future[Result] = self._loop.create_future()

        def done(result: Result) -> None:
            if not future.done():  # whoever waited may have been cancelled
                future.set_result(result)

        self.start(version, invocation, done)
        return await future

    def initialise(self, version: Version, told: Told, *, copied: bool = False) -> Environment | Throttle:
        """Start an environment ahead of any invocation; `told` hears, once, that it is ready or why it won't be.

        `copied`: it is to be a template. It stays outside the pool's choice (`Pool.keep`) until it is offered or
        discarded, or retired with its version.
        """
        lease = self.pool.keep(version)
        if isinstance(lease, Throttle):
            return lease
        for old in lease.destroy:
            old.retire()
        self._living.add(lease.environment)
        lease.environment.initialise(told, copied=copied)
        return lease.environment

    def pace(self) -> Pace | None:
        """How fast one streamed response may go; None: as fast as it can."""
        return Pace(self.clock) if self._pace_streams else None

    def runtime_available(self, runtime: str) -> str | None:
        """None, or why functions of this runtime can't run here and what to do about it."""
        return self._runtimes.problem(runtime)

    async def prepare(self, runtime: str) -> None:
        """Have boxes for a runtime at hand; a failure is logged, and told to whoever invokes."""
        try:
            await self.boxes.warm(runtime)
        except SandboxDied as died:
            log.error("%s", died)

    def retire(self, version_key: str) -> None:
        """Let a version go: its running invocations finish, nothing new starts on its environments."""
        self._let_go(self._reloads.forget(version_key))

    def _let_go(self, version_key: str) -> None:
        self.debugger.forget(version_key)
        self._templates.retire(version_key)
        for environment in self.pool.retire(version_key):
            environment.retire()

    @property
    def concurrency(self) -> int:
        """Concurrent invocations that an account may have in a region."""
        return self.pool.limits.limit

    def set_reserved(self, function_arn: str, reserved: int | None) -> None:
        """Give a function (unqualified ARN) this much of that for itself, from now on; None takes it back."""
        self.pool.limits.reserve(function_arn, reserved)

    def provision(self, arn: str, shares: Sequence[tuple[Version, int]], *, anew: bool) -> None:
        """See `Provisioning.put`."""
        self.provisioning.put(arn, shares, anew=anew)

    def unprovision(self, arn: str) -> None:
        self.provisioning.remove(arn)

    def provisioned(self, arn: str) -> Provisioned | None:
        return self.provisioning.get(arn)

    def provisioned_use(self, arn: str) -> Use | None:
        """See `Provisioning.use`."""
        return self.provisioning.use(arn)

    async def reset(self) -> None:
        """Destroy every environment at once, running or not."""
        for environment in list(self._living):
            environment.destroy()

    async def close(self) -> None:
        self._closing = True
        self._reaper.cancel()
        self._reloads.close()
        await self.debugger.close()
        self.provisioning.close()
        await self._dismiss_all()
        for task in list(self._tasks):
            task.cancel()
        await self.boxes.close()
        await self.runtime_api.close(0)

    async def _dismiss_all(self) -> None:
        """End every environment, with the time that its extensions have for that."""
        for environment in list(self._living):
            if environment.state in OCCUPIED:
                environment.destroy()
            else:
                environment.retire()
        if self._living:
            self._deserted = self._loop.create_future()
            await asyncio.wait([self._deserted], timeout=_LEAVE_WITHIN_S)
            await self.reset()

    def _on_request(self, request: Request, reply: Reply) -> None:
        """A call to the Runtime API: to the environment in whose box it was made."""
        environment = self._tenants.get(str(request.source))
        if environment is None:
            reply(Response(403))  # the box waits for its function: nobody should be calling
        else:
            environment.on_request(request, reply)

    # --- for its environments ---------------------------------------------------------------------------------------

    async def template(self, version: Version) -> Box | None:
        return await self._templates.get(version)

    def snapshot(self, version: Version, told: Told) -> None:
        """Initialise a version with SnapStart once, for all its environments; `told` hears, once, when that is done, or
        what went wrong."""
        self._templates.publish(version, told)

    def forkable(self, version: Version) -> bool:
        launch = self.launch(version)
        return launch.prepared and launch.forks and self.boxes.forks and not self.extensions(version)

    def let_go(self, environment: Environment) -> None:
        self.pool.discard(environment)
        environment.retire()

    def launch(self, version: Version) -> Launch:
        return self._runtimes.launch(version, self._has_certificates(version))

    def lives_in(self, box_id: str, environment: Environment) -> None:
        self._tenants[box_id] = environment

    def moves_out(self, box_id: str) -> None:
        self._tenants.pop(box_id, None)

    def _extend(self, environment: Environment) -> None:
        """A debugger has gone."""
        self._clocks.extend(environment, environment.version.timeout_s)

    def freeze_soon(self, environment: Environment) -> None:
        """An environment that gets its next invocation at once needs neither freezing nor thawing."""
        if not self._released and not self._to_freeze:
            self._loop.call_later(_FREEZE_AFTER_S, self._freeze)
        self._released.add(environment)

    def _freeze(self) -> None:
        """Freeze those that nobody has wanted since the last look."""
        for environment in self._to_freeze - self._released:
            if not self.debugger.knows(environment):  # a frozen one couldn't answer its editor
                environment.freeze_now()
        self._to_freeze, self._released = self._released, set()
        if self._to_freeze:
            self._loop.call_later(_FREEZE_AFTER_S, self._freeze)

    def started(self, environment: Environment) -> None:
        self.pool.started(environment)

    def release(self, environment: Environment) -> None:
        now = self.clock.monotonic()
        for gone in self.pool.release(environment, now):
            gone.retire()
        if self.debugger.knows(environment):
            if self.debugger.spent(environment):
                self.let_go(environment)
            self.debugger.freed(environment)
        if self.clock.now() >= environment.rotate_at:
            self._rotate()

    def discard(self, environment: Environment) -> None:
        self._living.discard(environment)
        if self._deserted is not None and not self._living and not self._deserted.done():
            self._deserted.set_result(None)
        self.pool.discard(environment)
        self.provisioning.lost(environment)
        self.debugger.freed(environment)

    def begin_again(self, version: Version, invocation: Invocation, done: Done, sink: Sink | None) -> None:
        """For an invocation whose environment has gone before its handler could begin."""
        log.warning("%s: %s moves to another environment", version.function_name, invocation.request_id)
        self._begin_late(version, invocation, done, sink)

    def offer(self, environment: Environment) -> None:
        """Let invocations have one that was initialised ahead of them."""
        for gone in self.pool.offer(environment, self.clock.monotonic()):
            gone.retire()

    def later(self, seconds: float, callback: Callable[[], None]) -> None:
        self._loop.call_later(seconds, callback)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def outdate(self) -> None:
        """Let no environment that is there now get another invocation: what surrounds it has changed."""
        for environment in self._living:
            environment.outdate()
        self._rotate()

    # --- time -------------------------------------------------------------------------------------------------------

    def _rotate(self) -> None:
        """End the idle environments whose credentials won't last much longer."""
        now = self.clock.now()
        for environment in self.pool.expel([each for each in self._living if each.rotate_at <= now]):
            environment.retire()

    def _reap(self) -> None:
        self._rotate()
        for environment in self.pool.reap(self.clock.monotonic(), self._idle_timeout_s):
            environment.retire()
        self._templates.reap(self._idle_timeout_s)
        self._reaper = self._loop.call_later(_REAP_EVERY_S, self._reap)
