"""The extensions of one run of a runtime: who they are, what each is at, and how they end.

Owns: their table (every step goes through `lifecycle.EXTENSION`), their events, the shutdown phase. Refuses: HTTP,
which is `extension_api`'s, and the environment's states: the environment is told when something has changed.

Rules (facts/lambda-runtime.md §4):
- An external extension is a process, started by the environment before the runtime; an internal one is known from its
  registration. There are ten at most.
- Ready means that everyone waits for its next event. Who isn't subscribed to INVOKE waits on through an invocation.
- The first failure counts: it is what the invoker is told.
- Shutdown: SIGTERM to the runtime, which has 30 % of the time, or all of it without external extensions; then SHUTDOWN
  to those who asked for it and SIGKILL to the others; at the deadline the box is emptied.
"""

import asyncio
import errno
import logging
import os
import signal
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

from samovar.core import ids
from samovar.engine.lifecycle import EXTENSION, ExtensionEvent, ExtensionState
from samovar.engine.records import Extension as Told
from samovar.net.message import Reply, Response
from samovar.sandbox.port import Box, Exit, NotLaunched
from samovar.sandbox.spec import Command

log = logging.getLogger("samovar.engine")

MOST: Final = 10
TOO_MANY: Final = f"Extension limit ({MOST}) reached"
CRASH: Final = "Extension.Crash"
EXIT_ERROR: Final = "Extension.ExitError"
INIT_ERROR: Final = "Extension.InitError"
LAUNCH_ERROR: Final = "Extension.LaunchError"

_EXTERNAL_S = 2.0
_INTERNAL_S = 0.5
_RUNTIME_SHARE = 0.3


class Host(Protocol):
    """The environment, as its extensions speak to it."""

    @property
    def extensions_may_register(self) -> bool: ...

    def extensions_moved(self) -> None:
        """One has registered, or waits for its next event."""

    def extension_failed(self) -> None:
        """See `Extensions.failure`."""


class Tracing(msgspec.Struct, frozen=True):
    type: str
    value: str


class Invoke(msgspec.Struct, frozen=True):
    """The INVOKE event, in AWS's words."""

    eventType: str
    deadlineMs: int
    requestId: str
    invokedFunctionArn: str
    tracing: Tracing


class Shutdown(msgspec.Struct, frozen=True):
    """The SHUTDOWN event, in AWS's words."""

    eventType: str
    shutdownReason: str
    deadlineMs: int


class Extension:
    """One of them."""

    def __init__(self, name: str, external: bool) -> None:
        self.name = name
        self.id = ids.uuid4()
        self.external = external
        self.events: Sequence[str] = ()
        self.state = ExtensionState.STARTED
        self.number: int | None = None
        """Of its process, while that runs."""
        self.parked: Reply | None = None
        self.not_launched = ""
        """Why it could not be started, as the log tells it."""

    @property
    def state_name(self) -> str:
        """As AWS spells it."""
        return self.state.name.title().replace("_", "")

    def step(self, event: ExtensionEvent) -> bool:
        """False: its state doesn't allow that."""
        after = EXTENSION.get((self.state, event))
        if after is not None:
            self.state = after
        return after is not None


class Failure(msgspec.Struct, frozen=True):
    error_type: str
    message: str


class Extensions:
    def __init__(self, host: Host, external: Sequence[str]) -> None:
        """`external`: the names of those whose processes are going to be started."""
        self.all = [Extension(name, external=True) for name in external]
        self.failure: Failure | None = None
        self.launching = bool(external)
        self._host = host
        self._early: dict[int, Exit] = {}
        """Processes that have ended before it was known whose they were."""
        self._reported = ""
        self._closed = False
        self._box: Box | None = None
        """Since the shutdown has begun."""
        self._farewell = b""
        self._runtime_gone = False
        self._timers: list[asyncio.TimerHandle] = []

    @property
    def living(self) -> bool:
        """Whether there is anybody to be told of the end."""
        return bool(self.all) and not self._closed

    # --- readiness --------------------------------------------------------------------------------------------------

    @property
    def registered(self) -> bool:
        """Whether every process has been started and is known: then it's the runtime's turn."""
        return not self.launching and all(each.state is not ExtensionState.STARTED for each in self.all)

    @property
    def ready(self) -> bool:
        return not self.launching and all(each.state is ExtensionState.READY for each in self.all)

    # --- processes --------------------------------------------------------------------------------------------------

    async def start(self, box: Box, command: Callable[[str], Command]) -> None:
        """Start the external ones; `command` by name. Raises SandboxDied when it isn't their fault."""
        if len(self.all) > MOST:
            self._not_started(self.all[MOST], "TooManyExtensions", TOO_MANY)
            return
        for extension in list(self.all):
            try:
                number = await box.accompany(command(extension.name))
            except NotLaunched as error:
                self._not_started(extension, *_in_words_of_go(str(error)))
                return
            self.started(extension, number)
            if self._closed or not self._host.extensions_may_register:
                return  # what has come in between ends them all
        self.launching = False
        self._host.extensions_moved()

    def started(self, extension: Extension, number: int) -> None:
        extension.number = number
        if number in self._early:
            self.exited(number, self._early.pop(number))

    def _not_started(self, extension: Extension, error_type: str, why: str) -> None:
        extension.step(ExtensionEvent.NOT_STARTED)
        extension.not_launched = error_type
        self._fail(Failure(LAUNCH_ERROR, why))

    def exited(self, number: int, how: Exit) -> None:
        extension = next((each for each in self.all if each.number == number), None)
        if extension is None:
            self._early[number] = how
            return
        extension.number = None
        extension.parked = None
        extension.step(ExtensionEvent.EXITED)
        if self._box is None:
            # facts/lambda-runtime.md §3; a signal is told as shells do.
            error_type = self._reported or CRASH
            self._fail(Failure(error_type, f"exit code {128 + how.signal if how.signal else how.status}"))
        elif self._runtime_gone:
            self._stop_if_empty()

    # --- what they say ----------------------------------------------------------------------------------------------

    def find(self, identifier: str) -> Extension | None:
        return next((each for each in self.all if each.id == identifier), None)

    def external(self, name: str) -> Extension | None:
        return next((each for each in self.all if each.external and each.name == name), None)

    def register(self, extension: Extension, events: Sequence[str]) -> bool:
        if not extension.step(ExtensionEvent.REGISTER):
            return False
        extension.events = events
        if extension not in self.all:
            self.all.append(extension)
        return True

    def next(self, extension: Extension, reply: Reply) -> bool:
        """Park the call until there is an event."""
        if not extension.step(ExtensionEvent.NEXT):
            return False
        extension.parked = reply
        if self._farewell:
            if "SHUTDOWN" in extension.events:
                self._tell(extension, self._farewell)
        else:
            self._host.extensions_moved()
        return True

    def report_error(self, extension: Extension, event: ExtensionEvent, reason: str) -> bool:
        """It says that it can't go on, and should exit then; `reason` is its error type."""
        if not extension.step(event):
            return False
        log.info("extension %s: %s", extension.name, reason)
        self._reported = self._reported or (INIT_ERROR if event is ExtensionEvent.INIT_ERROR else EXIT_ERROR)
        return True

    def told(self) -> list[Told]:
        """What the log says of them when init is over."""
        failed = self.failure.error_type if self.failure is not None else ""
        return [
            Told(
                each.name,
                each.state_name,
                each.events,
                failed if each.state is ExtensionState.EXITED else each.not_launched,
            )
            for each in self.all
        ]

    def moved(self) -> None:
        self._host.extensions_moved()

    @property
    def open(self) -> bool:
        """Whether one may register now."""
        return self._host.extensions_may_register

    def _fail(self, failure: Failure) -> None:
        if self.failure is None and not self._closed:
            self.failure = failure
            self._host.extension_failed()

    # --- what they are told -----------------------------------------------------------------------------------------

    def invoke(self, request_id: str, arn: str, trace_id: str, deadline_ms: int) -> None:
        event = msgspec.json.encode(
            Invoke("INVOKE", deadline_ms, request_id, arn, Tracing("X-Amzn-Trace-Id", trace_id))
        )
        for extension in self.all:
            if "INVOKE" in extension.events:
                self._tell(extension, event)

    def _tell(self, extension: Extension, event: bytes) -> None:
        reply, extension.parked = extension.parked, None
        if reply is not None and extension.step(ExtensionEvent.TOLD):
            headers = [("Content-Type", "application/json"), ("Lambda-Extension-Event-Identifier", ids.uuid4())]
            reply(Response(200, headers, event))

    # --- the end ----------------------------------------------------------------------------------------------------

    def shut_down(self, box: Box, reason: str, now: float) -> None:
        """Begin the shutdown phase; at its end the box is empty, or is emptied. `now`: epoch seconds."""
        self._box = box
        external = any(each.external for each in self.all)
        seconds = _EXTERNAL_S if external else _INTERNAL_S
        self._farewell = msgspec.json.encode(Shutdown("SHUTDOWN", reason, int((now + seconds) * 1000)))
        self._timers = [asyncio.get_running_loop().call_later(seconds, box.stop)]
        if not box.occupied:
            self.runtime_gone()
            return
        box.signal(None, signal.SIGTERM)
        if external:
            runtime_s = seconds * _RUNTIME_SHARE
            self._timers.append(asyncio.get_running_loop().call_later(runtime_s, self._end_runtime))

    def _end_runtime(self) -> None:
        if self._box is not None and not self._runtime_gone:
            self._box.signal(None, signal.SIGKILL)

    def runtime_gone(self) -> None:
        """In the shutdown phase it's the extensions' turn now."""
        if self._box is None or self._runtime_gone:
            return
        self._runtime_gone = True
        for extension in self.all:
            if "SHUTDOWN" in extension.events:
                self._tell(extension, self._farewell)
            elif extension.number is not None:
                self._box.signal(extension.number, signal.SIGKILL)
        self._stop_if_empty()

    def _stop_if_empty(self) -> None:
        if self._box is not None and all(each.number is None for each in self.all):
            self._box.stop()

    def close(self) -> None:
        """Nothing of them runs any more."""
        self._closed = True
        for timer in self._timers:
            timer.cancel()


def _in_words_of_go(text: str) -> tuple[str, str]:
    """The error type and the message of a program that can't be started (`/opt/extensions/x: Exec format error`), as
    Lambda's own supervisor has them, which is written in Go."""
    path, _, why = text.rpartition(": ")
    error_type = "PermissionDenied" if why == os.strerror(errno.EACCES) else "UnknownError"
    return error_type, f"fork/exec {path}: {why.lower()}"
