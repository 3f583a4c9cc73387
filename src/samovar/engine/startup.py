"""How what runs in an environment starts and initialises: extensions, the runtime, the function's static code.

Owns: its order and its means (a configuration frame, a program, a fork that was restored), the credentials that its
processes get, and what the log says of an init. Refuses: states and deadlines, which are the environment's.
"""

import math
from typing import Any, Protocol

from samovar.core import ids
from samovar.engine import credentials, frames, metadata, report
from samovar.engine.extensions import Extensions, Host
from samovar.engine.house import House
from samovar.engine.housing import Housing
from samovar.engine.launch import Launch, Unlaunched
from samovar.engine.lifecycle import INITIALISING, State
from samovar.engine.log import Journal
from samovar.engine.model import SNAP_START, Version
from samovar.engine.telemetry import Telemetry
from samovar.engine.turn import Turn
from samovar.engine.variables import words
from samovar.sandbox.port import Box, NotLaunched, SandboxDied
from samovar.sandbox.spec import Command

_NOT_FORKABLE = (
    "[SAMOVAR]\tThis function can't be restored from a snapshot here, so each environment initialises in full: "
)

_UNKNOWN = "Runtime.Unknown"


class Starting(Host, Protocol):
    """The environment, as its startup sees it."""

    @property
    def state(self) -> State: ...
    @property
    def extensions(self) -> Extensions | None: ...
    def not_launched(self, payload: bytes) -> None: ...
    def sandbox_died(self, died: SandboxDied) -> None: ...


class Startup:
    """One per environment, for all runtimes that live in it one after the other."""

    def __init__(
        self,
        environment: Starting,
        house: House[Any],
        version: Version,
        launch: Launch,
        housing: Housing,
        journal: Journal,
        telemetry: Telemetry,
        turn: Turn,
    ) -> None:
        self.rotate_at = math.inf
        """When its credentials won't last another invocation."""
        self.token = "" if house.boxes.host_network else ids.hex_id(32)
        """Opens what is this environment's alone: its metadata, and the credentials of a function with SnapStart."""
        self.error = b""
        """What the runtime has posted of this init."""
        self.named = ""
        """The type that it gave in a header; logs and telemetry tell that one."""
        self.not_restored = False
        """It posted that as the error of what it does after a restore."""
        self.problems = ""
        """Why it can't be a template."""
        self._environment = environment
        self._house = house
        self._version = version
        self._launch = launch
        self._housing = housing
        self._journal = journal
        self._telemetry = telemetry
        self._turn = turn
        self._external = house.extensions(version)
        self._held = False
        """The runtime is started when all external extensions have registered."""
        self._given: dict[str, str] = {}
        self._fill_tmp = True
        self._began = 0.0
        self._restore_began = 0.0
        self._foretold: Box | None = None
        """The box whose runtime knows its function already."""

    @property
    def _snap_start(self) -> bool:
        return self._version.initialization == SNAP_START

    @property
    def _initialising(self) -> bool:
        return self._environment.state in INITIALISING

    @property
    def _forked(self) -> bool:
        """Whether the runtime that initialises is a fork."""
        return self._housing.forked and self._initialising

    @property
    def _phase(self) -> str:
        return "invoke" if self._environment.state is State.REINIT else "init"

    # --- starting

    def begin(self) -> Extensions | None:
        """Start what is to run in the box; the external extensions, where there are any."""
        self._began = self._house.clock.monotonic()
        self.error, self.named, self.not_restored = b"", "", False
        self._telemetry.begin()
        if not self._external:
            self._start_function()  # first: what is written down here is, while it works
        if self._housing.forked and self._snap_start:
            self._journal.restore_start()
        else:
            self._journal.init_start(self._phase)
        if not self._external:
            return None
        self._held = True
        extensions = Extensions(self._environment, self._external)
        self._house.spawn(self._start_extensions(extensions))
        return extensions

    async def _start_extensions(self, extensions: Extensions) -> None:
        environment = self._environment
        try:
            await extensions.start(self._housing.there, self._extension_command)
        except SandboxDied as died:
            if environment.extensions is extensions and environment.extensions_may_register:
                environment.sandbox_died(died)

    def go_on(self, extensions: Extensions) -> bool:
        """The runtime's turn, if all extensions have registered and it waits for that."""
        if not (self._held and extensions.registered and self._initialising):
            return False
        self._held = False
        self._start_function()
        return True

    def _start_function(self) -> None:
        if self._environment.state is not State.REINIT and self._launch.prepared:
            self._configure()
            return
        self._house.spawn(self._start_occupant())

    async def _start_occupant(self) -> None:
        self._foretold = None
        if self._launch.refusal:
            self._not_launched(Unlaunched(report.INVALID_ENTRYPOINT, self._launch.refusal))
            return
        try:
            await self._housing.there.start(self._launch.command(*self._described()))
        except NotLaunched as refused:
            self._not_launched(self._launch.unlaunched(refused))
            return
        except SandboxDied as died:
            self._environment.sandbox_died(died)
            return
        if self._forked:
            self.send_restore()
        elif self._launch.prepared and self._initialising:
            self._configure()

    def _not_launched(self, why: Unlaunched) -> None:
        if why.line:
            self._journal.note(why.line)
        self._environment.not_launched(report.failure(self._turn.request_id, why.error_type, why.message))

    def foretell(self, paths: list[str]) -> None:
        """Let a runtime that waits in the box become its function, while the code is made to appear at `paths`."""
        if self._launch.told_ahead and not self._housing.forked:
            self._housing.paths = paths
            self._tell_ahead(self._housing.there)
            self._credentials()  # now, while both work

    def _tell_ahead(self, box: Box) -> None:
        house = self._house
        content = self._launch.ahead(self._version, house.endpoint_url, self._journal.stream, self._housing.paths)
        self._foretold = box
        box.send(frames.head(frames.AHEAD, len(content)) + content)

    def _configure(self) -> None:
        box = self._housing.there
        if self._launch.told_ahead:
            if self._foretold is not box:
                self._tell_ahead(box)
            self._foretold = None
            content = words(self._credentials())
            box.send(frames.head(frames.MOUNTED, len(content)) + content)
        else:
            content = self._launch.configuration(*self._described())
            box.send(frames.head(frames.CONFIGURE, len(content)) + content)

    def restore(self) -> None:
        """Let a fork of a template go on."""
        self._began = self._house.clock.monotonic()
        self._telemetry.begin()
        if self._snap_start:
            self._journal.restore_start()
        else:
            self._journal.init_start("init")
        self.send_restore()

    def send_restore(self) -> None:
        self._restore_began = self._house.clock.monotonic()
        fresh = metadata.variables(self.token)
        if not self._snap_start:
            fresh = {"AWS_LAMBDA_LOG_STREAM_NAME": self._journal.stream, **self._credentials()}
        elif self.token:
            fresh[credentials.TOKEN] = self.token
        fill_tmp, self._fill_tmp = self._fill_tmp, False
        self._housing.there.send(frames.restore(fresh, fill_tmp))

    # --- what its processes are made from

    def _extension_command(self, name: str) -> Command:
        return self._launch.extension(name, *self._described())

    def _described(self) -> tuple[Version, str, str, list[str], dict[str, str]]:
        """What their variables say."""
        house = self._house
        return self._version, house.endpoint_url, self._journal.stream, self._housing.paths, self._credentials()

    def _credentials(self) -> dict[str, str]:
        """All its processes have the same, as long as it lives."""
        if not self._given:
            self.rotate_at = self._house.clock.now() + credentials.ROTATE_S
            keys = credentials.variables(self._version, self.token, self._house.issue)
            self._given = {**keys, **metadata.variables(self.token)}
        return self._given

    # --- what is said of it

    def error_type(self, extensions: Extensions | None) -> str:
        """What an extension or the runtime said was wrong; empty when neither did."""
        failure = extensions.failure if extensions is not None else None
        return failure.error_type if failure is not None else frames.error_type(self.error)

    def _told(self, extensions: Extensions | None) -> str:
        failure = extensions.failure if extensions is not None else None
        return failure.error_type if failure is not None else self.told_type

    @property
    def told_type(self) -> str:
        """What logs and telemetry call the error that the runtime has posted; empty without one."""
        return report.told_type(self.named or frames.error_type(self.error), _UNKNOWN) if self.error else ""

    def runtime_done(self) -> None:
        """The runtime has initialised; extensions may not have."""
        self._journal.init_runtime_done(self._phase, "success")

    def done(self) -> None:
        """All that was to initialise has, in whichever way."""
        if self._housing.forked:
            self._note_restored()
        else:
            self.note_init()

    def note_init(self) -> None:
        duration_ms = (self._house.clock.monotonic() - self._began) * 1000
        self.runtime_done()
        self._tell_of_extensions()
        self._journal.init_done(duration_ms, self._phase)
        self._telemetry.settle()
        if self._environment.state is not State.REINIT:
            self._turn.init_ms = duration_ms

    def _note_restored(self) -> None:
        now = self._house.clock.monotonic()
        restored = report.Restored((now - self._turn.began) * 1000, (now - self._restore_began) * 1000)
        self._telemetry.settle()
        if self._snap_start:
            self._journal.restored(restored.ms)
            self._turn.restored = restored
        elif self._environment.state is State.RESTORING:
            self._turn.init_ms = restored.ms

    def paused(self, problems: list[str]) -> bool:
        """It has initialised to be a template; whether it can be one."""
        self.problems = "; ".join(problems)
        if problems:
            self._journal.note(_NOT_FORKABLE + self.problems)
        self.note_init()
        return not problems

    def tried(self) -> None:
        """A version with SnapStart is published, and nothing of it can be forked: that is told here, once."""
        why = "it has extensions" if self._external else "its runtime is a program, which can't be forked"
        self._journal.note(_NOT_FORKABLE + why)

    def report_failure(self, *, timed_out: bool, first: bool, out_of_memory: bool) -> None:
        """An init has failed. `first`: another one follows, or there was no invocation yet. `out_of_memory`: the kernel
        has ended it for that."""
        if self.problems:
            return  # it hasn't, but can't be a template
        phase = "init" if first else "invoke"
        status = "timeout" if timed_out else "error"
        ended = report.OUT_OF_MEMORY if out_of_memory else report.EXIT_ERROR
        error_type = "" if timed_out else self._told(self._environment.extensions) or ended
        self._journal.init_runtime_done(phase, status, error_type)
        self._tell_of_extensions()
        duration_ms = (self._house.clock.monotonic() - self._began) * 1000
        self._journal.init_failed(duration_ms, phase, status, error_type)

    def report_restore_failure(self, *, timed_out: bool) -> None:
        if self._snap_start:
            error_type = "" if timed_out else self.told_type or report.EXIT_ERROR
            duration_ms = (self._house.clock.monotonic() - self._turn.began) * 1000
            self._journal.restored(duration_ms, "timeout" if timed_out else "error", error_type)

    def _tell_of_extensions(self) -> None:
        """Log what has become of them in an init that is over."""
        extensions = self._environment.extensions
        for told in extensions.told() if extensions is not None else ():
            self._journal.extension(told)
