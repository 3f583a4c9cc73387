"""What an environment and its runtime say to each other, over either transport: frames or the Runtime API.

Owns: the words of a runtime (`runtime_*`), which of them its environment's state allows, and how an event gets to it.
Refuses: their layout (`frames`, `runtime_api`), and what follows from them: each becomes an event of the environment.
Rule: what a runtime says is hostile; a word that the state doesn't allow is False, and changes nothing.
"""

import logging
from typing import Protocol

from samovar.engine import frames, report
from samovar.engine.closing import Closing
from samovar.engine.extensions import Extensions
from samovar.engine.housing import Housing
from samovar.engine.launch import Launch
from samovar.engine.lifecycle import INITIALISING, Event, State, allowed
from samovar.engine.model import SNAP_START, Version
from samovar.engine.runtime_api import RuntimeApi
from samovar.engine.startup import Startup
from samovar.engine.streaming import Hold
from samovar.engine.turn import Turn
from samovar.net.message import Reply, Request
from samovar.sandbox.port import Box, Exit

log = logging.getLogger("samovar.engine")

_STAGES = {State.IDLE: "Ready", State.BUSY: "Running", State.ANSWERED: "ResponseSent"}
"""What AWS's emulator calls the states of a runtime that has initialised."""


class Speaker(Protocol):
    """The environment, as it takes part."""

    @property
    def state(self) -> State: ...
    @property
    def version(self) -> Version: ...
    @property
    def extensions(self) -> Extensions | None: ...
    def event(self, event: Event) -> None: ...


class Dialogue:
    """One per environment, with all runtimes that live in it one after the other."""

    def __init__(
        self, environment: Speaker, launch: Launch, housing: Housing, startup: Startup, turn: Turn, closing: Closing
    ) -> None:
        self._environment = environment
        self._launch = launch
        self._housing = housing
        self._startup = startup
        self._turn = turn
        self._closing = closing
        self._api = RuntimeApi(self)
        self._by_frame = False
        """The event was delivered so, not by the Runtime API."""
        self._waits = False
        """The runtime has asked for its next event, and extensions haven't."""

    def __repr__(self) -> str:
        return repr(self._environment)

    def begin(self) -> None:
        """With another runtime."""
        self._api = RuntimeApi(self)
        self._waits = False

    # --- what it is told

    def deliver(self, box: Box) -> None:
        invocation, trace_id, deadline_ms = self._turn.deliver()
        extensions = self._environment.extensions
        if extensions is not None:
            extensions.invoke(invocation.request_id, invocation.invoked_arn, trace_id, deadline_ms)
        self._by_frame = self._launch.frames and not self._api.waiting
        if self._by_frame:
            box.send(*frames.invocation(invocation, trace_id, deadline_ms))
        else:
            self._api.deliver(invocation, trace_id, deadline_ms)

    def unheard(self, how: Exit) -> bool:
        """Whether a runtime that has ended certainly had not read the event that it was given."""
        return how.unread if self._by_frame else self._api.unread

    # --- what it says

    def handle(self, request: Request, reply: Reply) -> None:
        """A call to the Runtime API."""
        self._api.handle(request, reply)

    @property
    def runtime_stage(self) -> str:
        state = self._environment.state
        return "Started" if state in INITIALISING else _STAGES.get(state, "Exited")

    def runtime_next(self) -> bool:
        environment = self._environment
        if environment.extensions is None or environment.extensions.ready:
            return self._next()
        self._waits = allowed(environment.state, Event.NEXT)
        if self._waits:
            self._tell_done()
        return self._waits

    def _tell_done(self) -> None:
        """It has asked for its next event, and extensions are still at work."""
        if self._environment.state in INITIALISING:
            self._startup.runtime_done()
        elif self._housing.box is not None:
            self._housing.box.drain_output()
            self._turn.runtime_done()

    def _next(self) -> bool:
        self._waits = False
        if self._environment.state in INITIALISING:
            self._startup.done()
        return self._say(Event.NEXT)

    def extensions_moved(self, extensions: Extensions) -> None:
        """Those that the runtime's next event may have waited for."""
        if self._waits and extensions.ready and allowed(self._environment.state, Event.NEXT):
            self._next()

    @property
    def awaits_next(self) -> bool:
        return self._environment.state is State.ANSWERED

    def runtime_init_error(self, payload: bytes, named: str = "") -> bool:
        if self._environment.state in INITIALISING:
            self._startup.error, self._startup.named = payload, named
            self._closing.failed = True
        return self._say(Event.INIT_FAILED)

    def runtime_paused(self, problems: list[str]) -> bool:
        """It has initialised, and is to be told that it was restored."""
        state, housing = self._environment.state, self._housing
        if housing.copied and state is State.PREPARING:
            return self._say(Event.PAUSED if self._startup.paused(problems) else Event.INIT_FAILED)
        if self.runtime_tries():
            return True
        if housing.forked or state not in INITIALISING:
            return False
        self._startup.send_restore()  # initialised in full, it goes on as what was restored does
        return True

    @property
    def restores(self) -> bool:
        """Whether the function has SnapStart."""
        return self._environment.version.initialization == SNAP_START

    def runtime_tries(self) -> bool:
        """It has initialised where a version is published that can't be forked: nothing more is wanted of it."""
        if not self.restores or self._environment.state is not State.PREPARING:
            return False
        self._startup.tried()
        return self.runtime_next()

    def runtime_goes_on(self) -> bool:
        """Whether it may go on as restored, having initialised in full."""
        return self._environment.state in INITIALISING

    def runtime_restore_error(self, payload: bytes, named: str) -> bool:
        self._startup.not_restored = self._environment.state in INITIALISING
        return self.runtime_init_error(payload, named)

    def runtime_response(self, request_id: str, payload: bytes) -> bool:
        return self._end(request_id, Event.RESPONDED, payload)

    def runtime_error(self, request_id: str, payload: bytes, named: str = "") -> bool:
        if named and self._is_at(request_id):
            self._turn.named = named
        return self._end(request_id, Event.HANDLER_ERROR, payload)

    def runtime_too_large(self, request_id: str) -> bool:
        return self._end(request_id, Event.HANDLER_ERROR, report.TOO_LARGE_PAYLOAD)

    def runtime_streams(self, request_id: str, content_type: str, hold: Hold) -> bool:
        """The response comes in pieces; the usual words end it."""
        return self._is_at(request_id) and self._turn.stream(content_type, hold)

    def runtime_data(self, request_id: str, chunk: bytes) -> bool:
        return self._is_at(request_id) and self._turn.write(chunk)

    def hold_channel(self, held: bool) -> None:
        if self._housing.box is not None:
            self._housing.box.pause_channel(held)

    def runtime_raves(self, kind: int) -> None:
        log.warning("%s: its runtime sent a frame of unknown kind %d", self, kind)
        self._environment.event(Event.BROKEN)

    def _is_at(self, request_id: str) -> bool:
        """Another id comes from a thread of an earlier invocation."""
        invocation = self._turn.invocation
        return self._environment.state is State.BUSY and invocation is not None and request_id == invocation.request_id

    def _end(self, request_id: str, event: Event, payload: bytes) -> bool:
        if not self._is_at(request_id):
            return False
        self._environment.event(self._turn.complete(event, payload))
        return True

    def _say(self, event: Event) -> bool:
        if not allowed(self._environment.state, event):
            return False
        self._environment.event(event)
        return True
