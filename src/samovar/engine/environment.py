"""One execution environment: a box, a runtime in it, and at most one invocation.

Owns: what is true of an environment now. Every change of state goes by the table of `lifecycle`; this file carries out
the effects, nothing else. It serves the box as its tenant: what the box says is hostile, and whatever the table doesn't
allow ends the box.

Its parts, each in a module of that name: housing, the box; startup, what initialises in it; dialogue, what the runtime
and it say to each other; turn, the invocation; closing, how that ends; extensions.
"""

import logging
import socket
from collections.abc import Callable
from functools import partial

from samovar.core import ids
from samovar.engine import credentials, extension_api, frame_api, metadata, runtime_api, telemetry_api
from samovar.engine.brake import Brake
from samovar.engine.closing import Closing
from samovar.engine.dialogue import Dialogue
from samovar.engine.extensions import Extensions
from samovar.engine.house import Done, House, Told
from samovar.engine.housing import Housing
from samovar.engine.lifecycle import ENVIRONMENT, INITIALISING, OCCUPIED, Effect, Event, State, allowed, refusal
from samovar.engine.log import Journal
from samovar.engine.model import SNAP_START, InitFailure, Invocation, Version
from samovar.engine.startup import Startup
from samovar.engine.streaming import Sink
from samovar.engine.telemetry import Telemetry
from samovar.engine.turn import Turn
from samovar.net.message import Reply, Request
from samovar.sandbox.port import Box, Exit, SandboxDied

log = logging.getLogger("samovar.engine")

INIT_TIMEOUT_S = 10.0
AHEAD_TIMEOUT_S = 130.0
"""At least, for an init ahead of invocations; the function's timeout when that is more (facts/lambda-runtime.md §7)."""
_MOVES = 4
"""An invocation begins anew at most so often: what kills its environments may be the function itself."""


class Environment:
    """See the module. Made by the pool for a version; `start` or `lease` begins an invocation, `initialise` a life
    without one; `event` tells it the rest."""

    def __init__(self, house: "House[Environment]", version: Version) -> None:
        self.id = ids.hex_id(32)
        self.version = version
        self.version_key = version.key
        self.memory_mb = version.memory_mb
        self.state = State.STARTING
        self.extensions: Extensions | None = None
        """From the first that is heard of them until nothing runs in the box any more."""
        self._house = house
        self._launch = launch = house.launch(version)
        self._telemetry = telemetry = Telemetry(version.log_format == "JSON", house.clock)
        self._journal = journal = Journal(version, self.id, house.log, house.clock, telemetry)
        self._brake = Brake(house.log)
        self._housing = Housing(house, version, launch, self)
        self._turn = Turn(version, journal, house.clock, bills_init=house.bills_init)
        self._startup = Startup(self, house, version, launch, self._housing, journal, telemetry, self._turn)
        self._closing = Closing(self, launch, self._housing, self._startup, self._turn)
        self.dialogue = Dialogue(self, launch, self._housing, self._startup, self._turn, self._closing)
        self.on_frame: Callable[[int, memoryview], None] = partial(frame_api.hear, self.dialogue)
        self._told: Told | None = None
        """Waits for an init ahead of invocations."""
        self._cold = True
        self._frozen = False
        self._dismissed = False

    def __repr__(self) -> str:
        return f"Environment({self.version.function_name} {self.id[:8]} {self.state.name})"

    @property
    def box(self) -> Box | None:
        """For those who fork from it."""
        return self._housing.box

    @property
    def rotate_at(self) -> float:
        """When it is too old to get another invocation."""
        return self._startup.rotate_at

    def outdate(self) -> None:
        """It is too old now."""
        self._startup.rotate_at = 0.0

    # --- what happens to it -----------------------------------------------------------------------------------------

    def start(self, invocation: Invocation, done: Done, sink: Sink | None = None) -> None:
        """Begin its life, for an invocation."""
        self._turn.take(invocation, done, sink)
        self._house.spawn(self._move_in())

    def initialise(self, told: Told, *, copied: bool = False) -> None:
        """Begin its life ahead of any invocation; once `told` that it is ready it may be leased.

        `copied`: it is to be a template, which is not leased; its box is then ready to be forked from.
        """
        self.state = State.MAKING
        self._housing.copied = copied
        self._cold = False
        self._told = told
        self._house.spawn(self._move_in())

    def lease(self, invocation: Invocation, done: Done, sink: Sink | None = None) -> None:
        """Give an environment that has lived before its next invocation."""
        self._turn.take(invocation, done, sink)
        self.event(Event.LEASED)

    def event(self, event: Event) -> None:
        """Take the step for `event`, and carry out its effects in their order."""
        try:
            state, actions = _STEPS[self.state, event]
        except KeyError:
            log.warning("%s: %s; the environment is destroyed", self, refusal(self.state, event))
            if self.state is State.DEAD:
                return
            state, actions = _STEPS[self.state, Event.BROKEN]
        self.state = state
        for act in actions:
            act(self)
            if self.state is not state:
                return  # the effect broke the box, and the steps for that have been taken

    def retire(self) -> None:
        """The pool has let go of it: it ends, at once where there are no extensions to be told."""
        if self.state is not State.LEAVING:
            self._dismissed = True
            told = self.extensions is not None and self.extensions.living
            self.event(Event.DISMISSED if told else Event.RETIRED)

    def destroy(self) -> None:
        """End it at once, whatever it is at."""
        self._dismissed = True
        self.event(Event.BROKEN if self.state in OCCUPIED else Event.RETIRED)

    # --- its box ----------------------------------------------------------------------------------------------------

    @property
    def homeless(self) -> bool:
        return self.state in (State.STARTING, State.MAKING)

    async def _move_in(self) -> None:
        try:
            await self._housing.find(self._startup.foretell, forks=self.state is State.STARTING)
        except SandboxDied as died:
            if self.homeless:
                self.sandbox_died(died)
            return
        if self.homeless:
            self.event(Event.FORKED if self._housing.forked else Event.BOX_READY)

    def moved_into(self, box: Box) -> None:
        self._house.lives_in(box.id, self)

    def sandbox_died(self, died: SandboxDied) -> None:
        log.error("%s: %s", self, died)
        if self.state is not State.DEAD:
            self.event(Event.LOST if self._may_move(Event.LOST) and self.state in INITIALISING else Event.BROKEN)

    async def dial(self) -> socket.socket | None:
        """A socket of its box's network, not connected yet; None when there is no box."""
        try:
            return await self._housing.dial()
        except SandboxDied:
            return None

    def not_launched(self, payload: bytes) -> None:
        self.dialogue.runtime_init_error(payload)

    def _may_move(self, event: Event) -> bool:
        """Whether its invocation may begin anew, which the caller knows that it hasn't."""
        turn = self._turn
        if turn.invocation is None or turn.moved >= _MOVES or self._dismissed:
            return False
        return allowed(self.state, event)

    # --- the box's tenant -------------------------------------------------------------------------------------------

    def on_request(self, request: Request, reply: Reply) -> None:
        """A call to the Runtime API, or to the Extensions API beside it, from inside the box."""
        if request.path.startswith(runtime_api.BASE):
            self.dialogue.handle(request, reply)
            return
        if request.path == credentials.PATH:
            now, issue = self._house.clock.machine(), self._house.issue
            reply(credentials.answer(self.version, self._startup.token, request, now, issue))
            return
        if request.path == metadata.PATH:
            reply(metadata.answer(self.version.region, self._startup.token, request))
            return
        if self.extensions is None:
            self.extensions = Extensions(self, ())
        if request.path not in telemetry_api.PATHS:
            extension_api.handle(self.extensions, self.version, request, reply)
            return
        extension = extension_api.identify(self.extensions, request)
        may, told = self.extensions_may_register, self._journal.subscription
        reply(telemetry_api.handle(request, extension, may, self._telemetry, self._housing.dial, told))

    def on_output(self, data: bytes) -> None:
        self._journal.output(data)
        if self._housing.box is not None:
            self._brake.mind(self._housing.box)

    def on_companion_output(self, number: int, data: bytes) -> None:
        self._journal.extension_output(number, data)
        if self._housing.box is not None:
            self._brake.mind(self._housing.box)

    def on_companion_exit(self, number: int, how: Exit) -> None:
        self._journal.extension_output(number, b"")
        if self.extensions is not None:
            self.extensions.exited(number, how)

    def on_occupant_exit(self, how: Exit) -> None:
        self._closing.exit = how
        if self.state is State.BUSY and self.dialogue.unheard(how) and self._may_move(Event.CRASHED_UNHEARD):
            self._begin_anew(Event.CRASHED_UNHEARD)
            return
        self._closing.failed = True
        if self.extensions is not None:
            self.extensions.runtime_gone()
        self._crashed()

    def on_exit(self, how: Exit) -> None:
        self._closing.exit = how
        if self.state in (State.PREPARING, State.RESTORING):
            self._closing.failed = True
        self._forget_extensions()
        self._telemetry.part()
        unheard = self.state is not State.BUSY or self.dialogue.unheard(how)
        if how.box_gone and unheard and self._may_move(Event.LOST):
            self.event(Event.LOST)
        elif self.state is State.BUSY and unheard and not how.box_gone and self._may_move(Event.UNHEARD):
            self._begin_anew(Event.UNHEARD)
        elif self.state is not State.DEAD:
            if how.box_gone and self.state in OCCUPIED:
                log.error("%s: its box has gone, and what ran in it can't run again", self)
            self.event(Event.BROKEN if how.box_gone else Event.EXITED)

    def _begin_anew(self, event: Event) -> None:
        log.warning("%s: its runtime had gone before it read the event; it initialises again", self)
        self._turn.begin_anew()
        self.event(event)

    # --- its extensions ---------------------------------------------------------------------------------------------

    @property
    def extensions_may_register(self) -> bool:
        return self.state in INITIALISING

    def extensions_moved(self) -> None:
        if self.extensions is not None and not self._startup.go_on(self.extensions):
            self.dialogue.extensions_moved(self.extensions)

    def extension_failed(self) -> None:
        self._closing.failed = True
        self._crashed()

    def _crashed(self) -> None:
        if allowed(self.state, Event.CRASHED):
            self.event(Event.CRASHED)

    def _forget_extensions(self) -> None:
        if self.extensions is not None:
            self.extensions.close()

    # --- effects: starting ------------------------------------------------------------------------------------------

    def _start_runtime(self) -> None:
        self._closing.begin()
        self.dialogue.begin()
        self.extensions = None
        self.extensions = self._startup.begin()

    def _start_init_clock(self) -> None:
        when = self._house.clock.monotonic() + self._init_timeout_s
        self._house.start_clock(self, when, Event.INIT_TIMED_OUT)

    @property
    def _init_timeout_s(self) -> float:
        """Of the first init, or a restore. What SnapStart initialises in full has the time that its publication had."""
        in_full = self.version.initialization == SNAP_START and self.state is State.INIT
        return INIT_TIMEOUT_S if self._cold and not in_full else max(AHEAD_TIMEOUT_S, self.version.timeout_s)

    def _start_clock(self) -> None:
        self._house.start_clock(self, self._turn.start_clock(), Event.TIMED_OUT)

    def _report_init(self) -> None:
        # What comes after tells what was: the first init is followed by another one, that inside an invocation isn't.
        first = self._told is not None or self.state in (State.RESTARTING, State.REINIT)
        killed = self.state in (State.RESTARTING, State.RESETTING, State.LEAVING)
        timed_out, out_of_memory = killed and not self._closing.failed, self._closing.exit.out_of_memory
        self._startup.report_failure(timed_out=timed_out, first=first, out_of_memory=out_of_memory)

    def _report_restore(self) -> None:
        self._startup.report_restore_failure(timed_out=not self._closing.failed)

    def _park(self) -> None:
        self._tell(None)

    def _unready(self) -> None:
        failure = InitFailure("") if self._dismissed else self._closing.init_failure(self._init_timeout_s)
        self._tell(failure)

    def _tell(self, failure: InitFailure | None) -> None:
        self._house.stop_clock(self)
        told, self._told = self._told, None
        assert told is not None
        told(failure)

    # --- effects: running -------------------------------------------------------------------------------------------

    def _look(self) -> None:
        box = self._housing.box
        if box is not None and not box.sound() and self._may_move(Event.LOST):
            self.event(Event.LOST)

    def _deliver(self) -> None:
        box = self._housing.box
        assert box is not None
        if self._cold:
            self._cold = False
            self._house.started(self)
        self.dialogue.deliver(box)
        box.throttle()  # init ran with all the CPU there is; that is taken back while the event is on its way

    def _freeze(self) -> None:
        self._house.freeze_soon(self)

    def freeze_now(self) -> None:
        """Freeze the box, if the environment is still without an invocation."""
        if self._housing.box is not None and self.state is State.IDLE:
            self._frozen = True
            self._telemetry.hold()
            self._housing.box.freeze()

    def _thaw(self) -> None:
        if self._frozen and self._housing.box is not None:
            self._frozen = False
            self._housing.box.thaw()
            self._telemetry.release()

    def _release(self) -> None:
        turn = self._turn
        if turn.late is not None:
            self._closing.close_late()
        self._house.stop_clock(self)
        answer = turn.take_held()
        self._house.release(self)
        if answer is not None:
            answer()

    def _move(self) -> None:
        again, done, sink = self._turn.give_back()
        self._house.begin_again(self.version, again, done, sink)

    # --- effects: ending --------------------------------------------------------------------------------------------

    def _kill(self) -> None:
        box, extensions = self._housing.box, self.extensions
        if box is None:
            return
        if extensions is None or not extensions.living:
            box.stop()
            return
        reason = "FAILURE" if self._closing.failed else "TIMEOUT"
        if self._dismissed:
            reason = "SPINDOWN"
        self._telemetry.hurry()
        extensions.shut_down(box, reason, self._house.clock.machine())

    def _discard(self) -> None:
        self._closing.close_late()
        self._turn.let_out()
        self._forget_extensions()
        self._telemetry.close()
        self._house.stop_clock(self)
        self._housing.give_up()
        self._house.discard(self)


_ACTIONS: dict[Effect, Callable[[Environment], None]] = {
    Effect.START_RUNTIME: Environment._start_runtime,
    Effect.START_INIT_CLOCK: Environment._start_init_clock,
    Effect.RESTORE: lambda environment: environment._startup.restore(),
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
    Effect.RESPOND: lambda environment: environment._closing.respond(),
    Effect.FAIL_HANDLER: lambda environment: environment._closing.fail_handler(),
    Effect.FAIL_INIT: lambda environment: environment._closing.fail_init(),
    Effect.FAIL_RESTORE: lambda environment: environment._closing.fail_restore(),
    Effect.FAIL_TIMEOUT: lambda environment: environment._closing.fail_timeout(),
    Effect.FAIL_EXIT: lambda environment: environment._closing.fail_exit(),
    Effect.FAIL_BOX: lambda environment: environment._closing.fail_box(),
}
_STEPS = {
    at: (state, tuple(_ACTIONS[effect] for effect in effects)) for at, (state, effects) in ENVIRONMENT.items()
}
"""The table, with what carries the effects out."""
