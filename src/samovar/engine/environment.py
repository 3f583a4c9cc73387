"""One execution environment: a box, a runtime in it, and at most one invocation.

Owns: what is true of an environment now. Every change of state goes through `lifecycle.step`; this file carries out the
effects, nothing else. It serves the box as its tenant: what the box says is hostile, and whatever the table doesn't
allow ends the box.
"""

import asyncio
import logging
import math
import socket
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import msgspec

from samovar.core import ids
from samovar.core.clock import Clock
from samovar.engine import credentials, extension_api, frame_api, frames, lineage, report, runtime_api, telemetry_api
from samovar.engine.brake import Brake
from samovar.engine.extensions import Extensions
from samovar.engine.launch import Launch
from samovar.engine.lifecycle import INITIALISING, OCCUPIED, Effect, Event, IllegalTransition, State, allowed, step
from samovar.engine.log import Journal, LogSink
from samovar.engine.model import NOT_FORKABLE, ON_DEMAND, SNAP_START, InitFailure, Invocation, Outcome, Result, Version
from samovar.engine.records import Beginning, Ending
from samovar.engine.runtime_api import RuntimeApi
from samovar.engine.streaming import Course, Hold, Sink
from samovar.engine.telemetry import Telemetry
from samovar.engine.timing import Timing
from samovar.net.message import Reply, Request
from samovar.sandbox.port import Box, Boxes, Exit, NotLaunched, SandboxDied
from samovar.sandbox.spec import BoxLimits, Command

log = logging.getLogger("samovar.engine")

Done = Callable[[Result], None]
Told = Callable[["InitFailure | None"], None]
"""Told once whether an environment that was wanted ahead of invocations is ready."""
INIT_TIMEOUT_S = 10.0
AHEAD_TIMEOUT_S = 130.0
"""At least, for an init ahead of invocations; the function's timeout when that is more (facts/lambda-runtime.md §7)."""
MB_PER_CPU = 1769
"""facts/lambda-runtime.md §7: the memory size that comes with one vCPU."""


class House(Protocol):
    """What an environment needs of the engine it lives in."""

    boxes: Boxes
    clock: Clock
    log: LogSink
    endpoint_url: str
    issue: credentials.Issue
    bills_init: bool
    """Whether a cold start's init counts as billed duration, as it does since August 2025."""

    async def template(self, version: Version) -> Box | None: ...
    def mounts(self, version: Version) -> list[tuple[Path, str]]: ...
    def launch(self, version: Version) -> Launch: ...
    def extensions(self, version: Version) -> list[str]: ...
    def lives_in(self, box_id: str, environment: "Environment") -> None: ...
    def moves_out(self, box_id: str) -> None: ...
    def start_clock(self, environment: "Environment", seconds: float, event: Event) -> None: ...
    def freeze_soon(self, environment: "Environment") -> None: ...
    def stop_clock(self, environment: "Environment") -> None: ...
    def spawn(self, work: Coroutine[Any, Any, None]) -> None: ...
    def started(self, environment: "Environment") -> None: ...
    def release(self, environment: "Environment") -> None: ...
    def discard(self, environment: "Environment") -> None: ...
    def begin_again(self, version: Version, invocation: Invocation, done: "Done", sink: Sink | None) -> None: ...


class Environment:
    """See the module. Made by the pool for a version; `start` or `lease` begins an invocation, `initialise` a life
    without one; `event` tells it the rest."""

    def __init__(self, house: House, version: Version) -> None:
        self.id = ids.hex_id(32)
        self._box: Box | None = None
        self.version = version
        self.version_key = version.key
        self._mark = lineage.digest(version.function_arn)
        self.memory_mb = version.memory_mb
        self.state = State.STARTING
        self._house = house
        self._telemetry = Telemetry(version.log_format == "JSON", house.clock)
        self._journal = Journal(version, self.id, house.log, house.clock, self._telemetry)
        self._invocation: Invocation | None = None
        self._done: Done | None = None
        self._told: Told | None = None
        """Waits for an init ahead of invocations."""
        self._copied = False
        """It is initialised to be a template."""
        self._problems = ""
        """Why it can't be one."""
        self._forked = False
        """Its runtimes are forks of a template."""
        self._fill_tmp = True
        self._restore_began = 0.0
        self._restored: report.Restored | None = None
        """Told by the next REPORT, once."""
        self.rotate_at = math.inf
        """When it is too old to get another invocation: its credentials won't last."""
        self._given: dict[str, str] = {}
        self._token = "" if house.boxes.host_network else ids.hex_id(32)
        """For the credentials of a function with SnapStart."""
        self._dismissed = False
        self._sink: Sink | None = None
        self._course: Course | None = None
        """The response that is, or was, streamed in this invocation."""
        self._began = 0.0
        """When the function's clock started for this invocation."""
        self._init_began = 0.0
        self._init_ms: float | None = None
        """Told by the next REPORT, once."""
        self._cold = True
        self._answer = b""
        self._exit = Exit()
        self._paths: list[str] = []
        self._launch = house.launch(version)
        self._api = RuntimeApi(self)
        self._by_frame = False
        """The event was delivered so, not by the Runtime API."""
        self._external = house.extensions(version)
        self._extensions: Extensions | None = None
        """From the first that is heard of them until nothing runs in the box any more."""
        self._runtime_held = False
        """It is started when all external extensions have registered."""
        self._runtime_waits = False
        """It has asked for the next invocation, and extensions haven't."""
        self._failed = False
        """Something of this run has failed; what ends without that has timed out."""
        self._timing = Timing(house.clock)
        self._trace_id = ""
        self._late: Callable[..., None] | None = None
        """Closes the invocation that was answered while extensions still worked for it."""
        self._answered: Callable[[], Ending] | None = None
        """What there is to say of that invocation so far."""
        self._brake = Brake(house.log)
        self._held: Callable[[], None] | None = None
        """Gives the invoker an answer that waits for the runtime's `next`."""

    def __repr__(self) -> str:
        return f"Environment({self.version.function_name} {self.id[:8]} {self.state.name})"

    @property
    def box(self) -> Box | None:
        """For those who fork from it."""
        return self._box

    # --- what happens to it -----------------------------------------------------------------------------------------

    def start(self, invocation: Invocation, done: Done, sink: Sink | None = None) -> None:
        """Begin its life, for an invocation."""
        self._take(invocation, done, sink)
        self._house.spawn(self._make_box())

    def initialise(self, told: Told, *, copied: bool = False) -> None:
        """Begin its life ahead of any invocation; once `told` that it is ready it may be leased.

        `copied`: it is to be a template, which is not leased; its box is then ready to be forked from.
        """
        self.state = State.MAKING
        self._copied = copied
        self._cold = False
        self._told = told
        self._house.spawn(self._make_box())

    def lease(self, invocation: Invocation, done: Done, sink: Sink | None = None) -> None:
        """Give an environment that has lived before its next invocation."""
        self._take(invocation, done, sink)
        self.event(Event.LEASED)

    def event(self, event: Event) -> None:
        """Take the step for `event`, and carry out its effects in their order."""
        try:
            self.state, effects = step(self.state, event)
        except IllegalTransition as refused:
            log.warning("%s: %s; the environment is destroyed", self, refused)
            if self.state is State.DEAD:
                return
            self.state, effects = step(self.state, Event.BROKEN)
        state = self.state
        for effect in effects:
            _ACTIONS[effect](self)
            if self.state is not state:
                return  # the effect broke the box, and the steps for that have been taken

    def _take(self, invocation: Invocation, done: Done, sink: Sink | None) -> None:
        self._invocation = invocation
        self._done = done
        self._sink = sink
        self._course = None
        self._began = self._house.clock.monotonic()
        self._answer = b""
        self._trace_id = ""
        self._timing.begin(self._began)
        self._journal.take(invocation.tail)

    def retire(self) -> None:
        """The pool has let go of it: it ends, at once where there are no extensions to be told."""
        if self.state is not State.LEAVING:
            self._dismissed = True
            told = self._extensions is not None and self._extensions.living
            self.event(Event.DISMISSED if told else Event.RETIRED)

    def destroy(self) -> None:
        """End it at once, whatever it is at."""
        self._dismissed = True
        self.event(Event.BROKEN if self.state in OCCUPIED else Event.RETIRED)

    async def _make_box(self) -> None:
        for left in reversed(range(_BOXES_TRIED)):
            try:
                await self._move_in()
                break
            except SandboxDied as died:
                if not self._homeless:
                    return
                if not left:
                    self._break(died)
                    return
                log.warning("%s: %s; trying another box, as nothing was sent to a runtime", self, died)
        if self._homeless:
            self.event(Event.FORKED if self._forked else Event.BOX_READY)

    @property
    def _homeless(self) -> bool:
        """Whether its box is being made."""
        return self.state in (State.STARTING, State.MAKING)

    async def _move_in(self) -> None:
        """Take a box and make it this version's."""
        version = self.version
        if self._box is not None:
            self._house.moves_out(self._box.id)
            self._box.kill()
            self._box = None
        box = await self._find_box()
        if not self._homeless:
            box.kill()
            return
        self._box = box
        box.attach(self)
        self._house.lives_in(box.id, self)
        memory_mb = version.memory_mb + self._launch.extra_mb
        limits = BoxLimits(memory_mb, version.memory_mb / MB_PER_CPU, version.ephemeral_mb)
        self._paths = await box.assign(self._house.mounts(version), limits)

    async def _find_box(self) -> Box:
        boxes, kind = self._house.boxes, self._launch.kind
        if self._copied:
            return await boxes.take_template(kind)
        origin = await self._house.template(self.version) if self.state is State.STARTING else None
        self._forked = origin is not None
        return await (boxes.take(kind) if origin is None else boxes.fork(origin))

    def _break(self, died: SandboxDied) -> None:
        log.error("%s: %s", self, died)
        if self.state is not State.DEAD:
            self.event(Event.LOST if self._may_move(Event.LOST) and self.state in INITIALISING else Event.BROKEN)

    def _may_move(self, event: Event) -> bool:
        """Whether its invocation may begin anew, which the caller knows that it hasn't."""
        invocation = self._invocation
        if invocation is None or invocation.moved >= _MOVES or self._dismissed:
            return False
        return allowed(self.state, event)

    async def dial(self) -> socket.socket | None:
        """A socket of its own network, not connected yet; None when there is no box."""
        try:
            return await self._box.dial() if self._box is not None else None
        except SandboxDied:
            return None

    # --- what the runtime says, over either transport: False where the state doesn't allow it -------------------------

    def runtime_next(self) -> bool:
        if self._extensions is None or self._extensions.ready:
            return self._next()
        self._runtime_waits = allowed(self.state, Event.NEXT)
        if self._runtime_waits:
            self._tell_runtime_done()
        return self._runtime_waits

    def _tell_runtime_done(self) -> None:
        """It has asked for its next event, and extensions are still at work."""
        if self.state in INITIALISING:
            self._journal.init_runtime_done(self._phase, "success")
        elif self._answered is not None and self._box is not None:
            self._box.drain_output()
            self._timing.runtime_done()
            self._journal.runtime_done(self._answered())

    @property
    def _phase(self) -> str:
        return "invoke" if self.state is State.REINIT else "init"

    def _next(self) -> bool:
        self._runtime_waits = False
        if self._forked and self.state in INITIALISING:
            self._note_restored()
        elif self.state in INITIALISING:
            self._note_init()
        return self._say(Event.NEXT)

    def _note_init(self) -> None:
        duration_ms = (self._house.clock.monotonic() - self._init_began) * 1000
        self._journal.init_runtime_done(self._phase, "success")
        self._tell_of_extensions()
        self._journal.init_done(duration_ms, self._phase)
        self._telemetry.settle()
        if self.state is not State.REINIT:
            self._init_ms = duration_ms

    def _note_restored(self) -> None:
        now = self._house.clock.monotonic()
        restored = report.Restored((now - self._began) * 1000, (now - self._restore_began) * 1000)
        self._telemetry.settle()
        if self.version.initialization == SNAP_START:
            self._journal.restored(restored.ms)
            self._restored = restored
        elif self.state is State.RESTORING:
            self._init_ms = restored.ms

    def runtime_paused(self, problems: list[str]) -> bool:
        """It has initialised, and is to be told that it was restored."""
        if self._copied and self.state is State.PREPARING:
            self._problems = "; ".join(problems)
            if problems:
                self._journal.note(_NOT_FORKABLE + self._problems)
                return self._say(Event.INIT_FAILED)
            self._note_init()
            return self._say(Event.PAUSED)
        if self._forked or self.state not in INITIALISING:
            return False
        self._send_restore()  # initialised in full, it goes on as what was restored does
        return True

    def runtime_waits_for_restore(self) -> bool | None:
        """Whether it may go on as restored, having initialised in full; None for a function without SnapStart."""
        return self.state in INITIALISING if self.version.initialization == SNAP_START else None

    def runtime_restore_error(self, payload: bytes) -> bool:
        return self.runtime_init_error(payload)

    def runtime_response(self, request_id: str, payload: bytes) -> bool:
        return self._end(request_id, Event.RESPONDED, payload)

    def runtime_error(self, request_id: str, payload: bytes) -> bool:
        return self._end(request_id, Event.HANDLER_ERROR, payload)

    def runtime_too_large(self, request_id: str) -> bool:
        return self._end(request_id, Event.HANDLER_ERROR, report.TOO_LARGE_PAYLOAD)

    def runtime_streams(self, request_id: str, content_type: str, hold: Hold) -> bool:
        """The response comes in pieces; the usual words end it."""
        if self.state is not State.BUSY or request_id != self._request_id or self._course is not None:
            return False
        self._course = Course(self._sink, content_type, hold)
        self._timing.answering()
        return True

    def runtime_data(self, request_id: str, chunk: bytes) -> bool:
        if self.state is not State.BUSY or request_id != self._request_id or self._course is None:
            return False
        self._course.write(chunk)
        return True

    def runtime_init_error(self, payload: bytes) -> bool:
        if self.state in INITIALISING:
            self._answer = payload
            self._failed = True
        return self._say(Event.INIT_FAILED)

    def _end(self, request_id: str, event: Event, payload: bytes) -> bool:
        # Another id comes from a thread of an earlier invocation.
        if self.state is not State.BUSY or request_id != self._request_id:
            return False
        if self._course is not None and event is Event.RESPONDED:
            self._course.write(payload)
            payload = self._course.result()
            if self._course.too_large:
                event, payload = Event.HANDLER_ERROR, self._course.too_large
        self._answer = payload
        self._timing.answered()
        self.event(event)
        return True

    def _say(self, event: Event) -> bool:
        if not allowed(self.state, event):
            return False
        self.event(event)
        return True

    # --- the box's tenant -------------------------------------------------------------------------------------------

    def on_frame(self, kind: int, content: memoryview) -> None:
        frame_api.hear(self, kind, content)

    @property
    def awaits_next(self) -> bool:
        return self.state is State.ANSWERED

    def runtime_raves(self, kind: int) -> None:
        log.warning("%s: its runtime sent a frame of unknown kind %d", self, kind)
        self.event(Event.BROKEN)

    def hold_channel(self, held: bool) -> None:
        if self._box is not None:
            self._box.pause_channel(held)

    def on_request(self, request: Request, reply: Reply) -> None:
        """A call to the Runtime API, or to the Extensions API beside it, from inside the box."""
        if request.path.startswith(runtime_api.BASE):
            self._api.handle(request, reply)
            return
        if request.path == credentials.PATH:
            now, issue = self._house.clock.machine(), self._house.issue
            reply(credentials.answer(self.version, self._token, request, now, issue))
            return
        if self._extensions is None:
            self._extensions = Extensions(self, ())
        if request.path not in telemetry_api.PATHS:
            extension_api.handle(self._extensions, self.version, request, reply)
            return
        extension = extension_api.identify(self._extensions, request)
        may, told = self.extensions_may_register, self._journal.subscription
        reply(telemetry_api.handle(request, extension, may, self._telemetry, self._dial, told))

    async def _dial(self) -> socket.socket:
        if self._box is None:
            raise SandboxDied("there is no box")
        return await self._box.dial()

    def on_output(self, data: bytes) -> None:
        self._journal.output(data)
        if self._box is not None:
            self._brake.mind(self._box)

    def on_companion_output(self, number: int, data: bytes) -> None:
        self._journal.extension_output(number, data)
        if self._box is not None:
            self._brake.mind(self._box)

    def on_companion_exit(self, number: int, how: Exit) -> None:
        self._journal.extension_output(number, b"")
        if self._extensions is not None:
            self._extensions.exited(number, how)

    def on_occupant_exit(self, how: Exit) -> None:
        self._exit = how
        if self.state is State.BUSY and self._unheard(how) and self._may_move(Event.CRASHED_UNHEARD):
            self._move_in_place(Event.CRASHED_UNHEARD)
            return
        self._failed = True
        if self._extensions is not None:
            self._extensions.runtime_gone()
        self._say(Event.CRASHED)

    def on_exit(self, how: Exit) -> None:
        self._exit = how
        self._failed = self._failed or self.state in (State.PREPARING, State.RESTORING)
        self._forget_extensions()
        self._telemetry.part()
        unheard = self.state is not State.BUSY or self._unheard(how)
        if how.box_gone and unheard and self._may_move(Event.LOST):
            self.event(Event.LOST)
        elif self.state is State.BUSY and unheard and not how.box_gone and self._may_move(Event.UNHEARD):
            self._move_in_place(Event.UNHEARD)
        elif self.state is not State.DEAD:
            if how.box_gone and self.state in OCCUPIED:
                log.error("%s: its box has gone, and what ran in it can't run again", self)
            self.event(Event.BROKEN if how.box_gone else Event.EXITED)

    def _unheard(self, how: Exit) -> bool:
        """Whether the runtime certainly had not read the event that it was given."""
        return how.unread if self._by_frame else self._api.unread

    def _move_in_place(self, event: Event) -> None:
        assert self._invocation is not None
        log.warning("%s: its runtime had gone before it read the event; it initialises again", self)
        self._invocation = msgspec.structs.replace(self._invocation, moved=self._invocation.moved + 1)
        self.event(event)

    # --- its extensions ---------------------------------------------------------------------------------------------

    @property
    def extensions_may_register(self) -> bool:
        return self.state in INITIALISING

    def extensions_moved(self) -> None:
        extensions = self._extensions
        if extensions is None:
            return
        if self._runtime_held and extensions.registered and self.extensions_may_register:
            self._runtime_held = False
            self._start_function()
        elif self._runtime_waits and extensions.ready and allowed(self.state, Event.NEXT):
            self._next()

    def extension_failed(self) -> None:
        self._failed = True
        self._say(Event.CRASHED)

    async def _start_extensions(self, extensions: Extensions) -> None:
        assert self._box is not None
        try:
            await extensions.start(self._box, self._extension_command)
        except SandboxDied as died:
            if self._extensions is extensions and self.extensions_may_register:
                self._break(died)

    def _extension_command(self, name: str) -> Command:
        return self._launch.extension(name, *self._described())

    def _described(self) -> tuple[Version, str, str, list[str], dict[str, str]]:
        """What the variables of its processes are made from."""
        return self.version, self._house.endpoint_url, self._journal.stream, self._paths, self._credentials()

    def _credentials(self) -> dict[str, str]:
        """All its processes have the same, as long as it lives."""
        if not self._given:
            self.rotate_at = self._house.clock.now() + credentials.ROTATE_S
            self._given = credentials.variables(self.version, self._token, self._house.issue)
        return self._given

    def _tell_of_extensions(self) -> None:
        """Log what has become of them in an init that is over."""
        for told in self._extensions.told() if self._extensions is not None else ():
            self._journal.extension(told)

    def _forget_extensions(self) -> None:
        if self._extensions is not None:
            self._extensions.close()

    # --- effects ----------------------------------------------------------------------------------------------------

    def _start_runtime(self) -> None:
        self._init_began = self._house.clock.monotonic()
        self._answer = b""
        self._exit = Exit()
        self._api = RuntimeApi(self)
        self._failed = self._runtime_waits = False
        self._extensions = None
        self._telemetry.begin()
        if self._forked and self.version.initialization == SNAP_START:
            self._journal.restore_start()
        else:
            self._journal.init_start(self._phase)
        if self._external:
            self._runtime_held = True
            self._extensions = Extensions(self, self._external)
            self._house.spawn(self._start_extensions(self._extensions))
        else:
            self._start_function()

    def _start_function(self) -> None:
        if self.state is not State.REINIT and self._launch.prepared:
            self._configure()
            return
        self._house.spawn(self._start_occupant())

    async def _start_occupant(self) -> None:
        assert self._box is not None
        if self._launch.refusal:
            self._not_launched(self._launch.refusal)
            return
        try:
            await self._box.start(self._launch.command(*self._described()))
        except NotLaunched:
            self._not_launched(self._launch.not_launched())
            return
        except SandboxDied as died:
            self._break(died)
            return
        if self._forked and self.state in INITIALISING:
            self._send_restore()
        elif self._launch.prepared and self.state in INITIALISING:
            self._configure()

    def _not_launched(self, message: str) -> None:
        self.runtime_init_error(report.failure(self._request_id, report.INVALID_ENTRYPOINT, message))

    def _configure(self) -> None:
        assert self._box is not None
        content = self._launch.configuration(*self._described())
        self._box.send(frames.head(frames.CONFIGURE, len(content)) + content)

    def _restore(self) -> None:
        self._init_began = self._house.clock.monotonic()
        self._telemetry.begin()
        if self.version.initialization == SNAP_START:
            self._journal.restore_start()
        else:
            self._journal.init_start("init")
        self._send_restore()

    def _send_restore(self) -> None:
        assert self._box is not None
        self._restore_began = self._house.clock.monotonic()
        snap_start = self.version.initialization == SNAP_START
        fresh = {credentials.TOKEN: self._token} if self._token else {}
        if not snap_start:
            fresh = {"AWS_LAMBDA_LOG_STREAM_NAME": self._journal.stream, **self._credentials()}
        fill_tmp, self._fill_tmp = self._fill_tmp, False
        self._box.send(frames.restore(fresh, fill_tmp))

    def _start_init_clock(self) -> None:
        self._house.start_clock(self, self._init_timeout_s, Event.INIT_TIMED_OUT)

    @property
    def _init_timeout_s(self) -> float:
        """Of the first init, or a restore."""
        return INIT_TIMEOUT_S if self._cold else max(AHEAD_TIMEOUT_S, self.version.timeout_s)

    def _start_clock(self) -> None:
        self._began = self._house.clock.monotonic()
        self._house.start_clock(self, self.version.timeout_s, Event.TIMED_OUT)

    def _report_init(self) -> None:
        # What comes after tells what was: the first init is followed by another one, that inside an invocation isn't.
        first = self._told is not None or self.state in (State.RESTARTING, State.REINIT)
        phase = "init" if first else "invoke"
        killed = self.state in (State.RESTARTING, State.RESETTING, State.LEAVING)
        status = "timeout" if killed and not self._failed else "error"
        error_type = "" if status == "timeout" else self._init_error_type or report.EXIT_ERROR
        self._journal.init_runtime_done(phase, status, error_type)
        self._tell_of_extensions()
        duration_ms = (self._house.clock.monotonic() - self._init_began) * 1000
        self._journal.init_failed(duration_ms, phase, status, error_type)

    def _report_restore(self) -> None:
        if self.version.initialization == SNAP_START:
            status = "error" if self._failed else "timeout"
            error_type = (frames.error_type(self._answer) or report.EXIT_ERROR) if self._failed else ""
            duration_ms = (self._house.clock.monotonic() - self._began) * 1000
            self._journal.restored(duration_ms, status, error_type)

    def _deliver(self) -> None:
        invocation, box = self._invocation, self._box
        assert invocation is not None and box is not None
        if self._cold:
            self._cold = False
            self._house.started(self)
        box.throttle()  # init ran with all the CPU there is
        clock = self._house.clock
        now = clock.monotonic()
        self._timing.begin(now)
        left_s = self.version.timeout_s - (now - self._began)
        deadline_ms = int((clock.machine() + left_s) * 1000)  # functions compare it with their own time
        trace_id = self._trace_id
        if not trace_id:  # else it is delivered once more: its first runtime hadn't heard of it
            trace_id = self._trace_id = frames.complete_trace(invocation.trace_id, deadline_ms // 1000, self._mark)
            self._journal.start(Beginning(invocation.request_id, invocation.invoked_arn, trace_id))
        if self._extensions is not None:
            self._extensions.invoke(invocation.request_id, invocation.invoked_arn, trace_id, deadline_ms)
        self._by_frame = self._launch.frames and not self._api.waiting
        if self._by_frame:
            box.send(*frames.invocation(invocation, trace_id, deadline_ms))
        else:
            self._api.deliver(invocation, trace_id, deadline_ms)

    def _look(self) -> None:
        if self._box is not None and not self._box.sound() and self._may_move(Event.LOST):
            self.event(Event.LOST)

    def _freeze(self) -> None:
        self._house.freeze_soon(self)

    def freeze_now(self) -> None:
        """Freeze the box, if the environment is still without an invocation."""
        if self._box is not None and self.state is State.IDLE:
            self._telemetry.hold()
            self._box.freeze()

    def _thaw(self) -> None:
        if self._box is not None:
            self._box.thaw()
            self._telemetry.release()

    def _kill(self) -> None:
        if self._box is not None:
            extensions = self._extensions
            if extensions is None or not extensions.living:
                self._box.stop()
                return
            reason = "FAILURE" if self._failed else "TIMEOUT"
            if self._dismissed:
                reason = "SPINDOWN"
            self._telemetry.hurry()
            extensions.shut_down(self._box, reason, self._house.clock.machine())

    def _discard(self) -> None:
        self._close_late()
        self._let_out()
        self._forget_extensions()
        self._telemetry.close()
        self._house.stop_clock(self)
        if self._box is not None:
            self._house.moves_out(self._box.id)
            if self._copied:
                self._house.boxes.release(self._box)
            else:
                self._box.kill()
            self._box = None
        self._house.discard(self)

    def _move(self) -> None:
        invocation, done, sink = self._invocation, self._done, self._sink
        assert invocation is not None and done is not None
        self._invocation = self._done = self._sink = None
        again = msgspec.structs.replace(invocation, moved=invocation.moved + 1)
        self._house.begin_again(self.version, again, done, sink)

    def _release(self) -> None:
        if self._late is not None:
            self._close_late()
        self._house.stop_clock(self)
        answer, self._held = self._held, None
        self._house.release(self)
        if answer is not None:
            answer()

    def _park(self) -> None:
        self._tell(None)

    def _unready(self) -> None:
        if self._problems:
            self._tell(InitFailure(NOT_FORKABLE, self._problems.encode()))
        elif self._dismissed:
            self._tell(InitFailure(""))
        elif self._box is None or (self.state is State.DEAD and not self._failed):
            self._tell(InitFailure(report.SANDBOX_FAILURE, self._box_failure()))
        elif not self._failed:
            timeout = report.timed_out(self._request_id, self._init_timeout_s)
            self._tell(InitFailure(report.TIMED_OUT, timeout))
        elif self._init_error_type and self._answer:
            self._tell(InitFailure(self._init_error_type, self._answer))
        else:
            error_type, payload, _ = self._end_of_runtime()
            self._tell(InitFailure(error_type, payload))

    def _tell(self, failure: InitFailure | None) -> None:
        self._house.stop_clock(self)
        told, self._told = self._told, None
        assert told is not None
        told(failure)

    @property
    def _init_error_type(self) -> str:
        """What an extension or the runtime said was wrong with an init; empty when neither did."""
        failure = self._extensions.failure if self._extensions is not None else None
        return failure.error_type if failure is not None else frames.error_type(self._answer)

    # --- answers ----------------------------------------------------------------------------------------------------

    def _respond(self) -> None:
        self._finish(Outcome.OK, self._answer)

    def _fail_handler(self) -> None:
        self._finish(Outcome.FUNCTION_ERROR, self._answer, frames.error_type(self._answer))

    def _fail_init(self) -> None:
        error_type = frames.error_type(self._answer)
        self._finish(Outcome.FUNCTION_ERROR, self._answer, error_type, status="error")

    def _fail_restore(self) -> None:
        if self.version.initialization != SNAP_START:
            self._fail_exit()
            return
        refused, message = _RESTORE_FAILED if self._failed else _RESTORE_TIMED_OUT
        payload = report.refused(refused, message)
        status = "error" if self._failed else "timeout"
        error_type = frames.error_type(self._answer) or report.EXIT_ERROR
        self._finish(Outcome.FUNCTION_ERROR, payload, refused, status=status, reported=error_type, refused=refused)

    def _fail_timeout(self) -> None:
        payload = report.timed_out(self._request_id, self.version.timeout_s)
        self._finish(Outcome.FUNCTION_ERROR, payload, report.TIMED_OUT, status="timeout")

    def _fail_exit(self) -> None:
        error_type, payload, reported = self._end_of_runtime()
        self._finish(Outcome.FUNCTION_ERROR, payload, error_type, status="error", reported=reported)

    def _end_of_runtime(self) -> tuple[str, bytes, str]:
        """How runtime or extension ended: error type, payload, and the type that REPORT tells where it is another."""
        failure = self._extensions.failure if self._extensions is not None else None
        if failure is not None:
            return failure.error_type, report.failure(self._request_id, failure.error_type, failure.message), ""
        how = self._exit
        payload = report.exited(self._request_id, -how.signal if how.signal else how.status)
        return report.EXIT_ERROR, payload, report.OUT_OF_MEMORY if how.out_of_memory else report.EXIT_ERROR

    def _fail_box(self) -> None:
        self._finish(Outcome.FUNCTION_ERROR, self._box_failure(), report.SANDBOX_FAILURE, status="error")

    def _box_failure(self) -> bytes:
        message = "The execution environment could not be used; the server's log says why"
        return report.failure(self._request_id, report.SANDBOX_FAILURE, message)

    @property
    def _request_id(self) -> str:
        return self._invocation.request_id if self._invocation is not None else ""

    def _finish(
        self,
        outcome: Outcome,
        payload: bytes,
        error_type: str = "",
        *,
        status: str = "",
        reported: str = "",
        refused: str = "",
    ) -> None:
        """Log the end, answer the invoker, and forget the invocation; while extensions still work for it, only answer.

        A caller who wants the log's tail waits for them: REPORT is in it.
        """
        invocation, done = self._invocation, self._done
        assert invocation is not None and done is not None
        if self._course is not None:
            self._course.close()
        if self.state is not State.ANSWERED or self._extensions is None or self._extensions.ready:
            self._close(outcome, payload, error_type, status=status, reported=reported, refused=refused)
            return
        self._late = partial(self._close, outcome, payload, error_type)
        self._answered = partial(self._ending, outcome, payload, error_type)
        if not invocation.tail:
            self._done = None
            duration_ms = (self._house.clock.monotonic() - self._began) * 1000
            done(Result(outcome, payload, error_type, b"", duration_ms, self._init_ms))

    def _close_late(self) -> None:
        """Close an invocation that was answered before, when the extensions are done with it, or have failed."""
        late, self._late = self._late, None
        if late is None:
            return
        failure = self._extensions.failure if self._extensions is not None else None
        if self.state is State.IDLE:
            late()
        elif self.state is State.DEAD:
            late(status="error", reported=report.SANDBOX_FAILURE)
        elif self._failed or failure is not None:
            late(status="error", reported=failure.error_type if failure is not None else report.EXIT_ERROR)
        else:
            late(status="timeout")

    def _close(
        self,
        outcome: Outcome,
        payload: bytes,
        error_type: str,
        *,
        status: str = "",
        reported: str = "",
        refused: str = "",
    ) -> None:
        box, done = self._box, self._done
        if box is not None:
            box.drain_output()
        ending = self._ending(outcome, payload, error_type, status=status, reported=reported, peak_mb=self._peak_mb())
        tail = self._journal.end(ending)
        self._init_ms = self._restored = self._answered = None
        self._invocation = self._done = self._sink = None
        self._answer = b""
        if done is None:
            return
        result = Result(outcome, payload, error_type, tail, ending.duration_ms, ending.init_ms, refused)
        if self._launch.frames or self.state is not State.ANSWERED:
            done(result)
        else:
            self._hold(partial(done, result))

    def _hold(self, answer: Callable[[], None]) -> None:
        """Answer when the runtime has asked for the next event, or in a moment: over HTTP that is a call of its own,
        and an invoker who comes back at once would find the environment busy, and pay for another one's start."""
        self._held = answer
        asyncio.get_running_loop().call_later(_HOLD_S, self._let_out)

    def _let_out(self) -> None:
        answer, self._held = self._held, None
        if answer is not None:
            answer()

    def _ending(
        self,
        outcome: Outcome,
        payload: bytes,
        error_type: str,
        *,
        status: str = "",
        reported: str = "",
        peak_mb: int = 0,
    ) -> Ending:
        invocation, clock, detailed = self._invocation, self._house.clock, self._journal.detailed
        assert invocation is not None
        duration_ms = (clock.monotonic() - self._began) * 1000
        size = len(payload) if self._course is None else self._course.size
        return Ending(
            request_id=invocation.request_id,
            duration_ms=self.version.timeout_s * 1000.0 if status == "timeout" else duration_ms,
            memory_mb=self.version.memory_mb,
            max_memory_mb=peak_mb,
            produced_bytes=0 if status else size,
            init_ms=self._init_ms,
            restored=self._restored,
            failed=outcome is not Outcome.OK,
            status=status,
            error_type="" if status == "timeout" else reported or error_type,
            arn=invocation.invoked_arn,
            trace_id=self._trace_id,
            spans=self._timing.spans() if detailed and not status else (),
            overhead=self._timing.extension_overhead() if detailed else None,
            bills_init=self._bills_init,
        )

    @property
    def _bills_init(self) -> bool:
        """With the invocation: what was initialised ahead of any is billed by itself (facts/lambda-runtime.md §7)."""
        return self._house.bills_init and self.version.initialization == ON_DEMAND

    def _peak_mb(self) -> int:
        if self._exit.out_of_memory:
            return self.version.memory_mb
        return self._box.peak_memory_mb() if self._box is not None else 0


_NOT_FORKABLE = (
    "[SAMOVAR]\tThis function can't be restored from a snapshot here, so each environment initialises in full: "
)
_RESTORE_FAILED = (
    "SnapStartException",
    "The afterRestore() runtime hook encountered an error. For more information, check the Amazon CloudWatch logs.",
)
_RESTORE_TIMED_OUT = ("SnapStartTimeoutException", "Lambda couldn't restore the snapshot within the timeout limit.")
"""In the words that botocore's model has for them."""
_BOXES_TRIED = 3
"""When a helper dies, those that depend on it may go one after the other."""
_MOVES = 4
"""An invocation begins anew at most so often: what kills its environments may be the function itself."""
_HOLD_S = 0.02

_ACTIONS: dict[Effect, Callable[[Environment], None]] = {
    Effect.START_RUNTIME: Environment._start_runtime,
    Effect.START_INIT_CLOCK: Environment._start_init_clock,
    Effect.RESTORE: Environment._restore,
    Effect.REPORT_RESTORE: Environment._report_restore,
    Effect.START_CLOCK: Environment._start_clock,
    Effect.REPORT_INIT: Environment._report_init,
    Effect.DELIVER: Environment._deliver,
    Effect.LOOK: Environment._look,
    Effect.FREEZE: Environment._freeze,
    Effect.THAW: Environment._thaw,
    Effect.KILL: Environment._kill,
    Effect.DISCARD: Environment._discard,
    Effect.RELEASE: Environment._release,
    Effect.MOVE: Environment._move,
    Effect.PARK: Environment._park,
    Effect.UNREADY: Environment._unready,
    Effect.RESPOND: Environment._respond,
    Effect.FAIL_HANDLER: Environment._fail_handler,
    Effect.FAIL_INIT: Environment._fail_init,
    Effect.FAIL_RESTORE: Environment._fail_restore,
    Effect.FAIL_TIMEOUT: Environment._fail_timeout,
    Effect.FAIL_EXIT: Environment._fail_exit,
    Effect.FAIL_BOX: Environment._fail_box,
}
