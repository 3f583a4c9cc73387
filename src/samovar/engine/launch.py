"""How a runtime's process is started and spoken to.

Owns: the two ways. A process that waits in its box for a function, gets a configuration frame and speaks frames; or a
program that is started with its function and speaks HTTP with the Runtime API, as every runtime does on AWS. Custom
runtimes are programs; the managed ones become programs where something has to happen at their start, such as
AWS_LAMBDA_EXEC_WRAPPER, or a variable that a process takes at its start only.
"""

from collections.abc import Mapping, Sequence

import msgspec

from samovar.engine import debug
from samovar.engine.model import Version
from samovar.engine.report import INVALID_ENTRYPOINT
from samovar.engine.variables import extension_variables, variables, words
from samovar.sandbox.port import NoProgram, NotLaunched
from samovar.sandbox.spec import Command

EXEC_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
_AT_ANY_START = ("LD_PRELOAD", "LD_LIBRARY_PATH", "GLIBC_TUNABLES")
"""What the linker of any process takes at its start only (ld.so(8)); the interpreters' own ones are the languages'."""
PROGRAM = "+program"
"""Added to a runtime's identifier: the kind of its boxes in which nothing waits."""
_WRAPPING = ("/bin/sh", "/var/runtime/exec_wrapper.sh")
_NO_NETWORK = (
    "needs a network of its own for each environment: start Samovar without --function-network host, at the isolation "
    "level namespaces or full"
)


_IN_ITS_ROOT = ["/var/task", "/opt"]


class Unlaunched(msgspec.Struct, frozen=True):
    """What a function that could not be started is told to have failed with."""

    error_type: str
    message: str
    line: str = ""
    """To be noted in the log."""


class Launch(msgspec.Struct, frozen=True):
    kind: str
    """Of its boxes."""
    prepared: bool
    """The process is there before its function, and gets a configuration frame."""
    frames: bool
    """Invocations go by frames; otherwise through the Runtime API."""
    environ: dict[str, str]
    """The variables that every function of the runtime has."""
    programs: Sequence[Sequence[str]] = ()
    """Where it isn't prepared: argument vectors; the first whose program is there is started."""
    refusal: str = ""
    """Why it can't be started here."""
    extra_mb: int = 0
    """Memory beyond the function's own, for a debugger."""
    forks: bool = False
    """Whether a prepared process can be forked when it has initialised."""
    told_ahead: bool = False
    """Whether a prepared process is told its function before the code is there."""
    working_directory: str = ""
    """Of its programs; empty for where the code is."""
    at_start: bool = False
    """The version sets variables that its interpreter takes at its start only."""

    def ahead(self, version: Version, endpoint_url: str, stream: str, paths: Sequence[str]) -> bytes:
        """The content of the frame that tells a waiting runtime its function before the code is there, and before the
        credentials are."""
        return words(variables(version, self.environ, endpoint_url, stream, paths, {}), version.handler, *paths)

    def configuration(
        self, version: Version, endpoint_url: str, stream: str, paths: Sequence[str], given: Mapping[str, str]
    ) -> bytes:
        """The content of the frame that makes a waiting runtime this function, whose code is there."""
        task, opt = paths
        environ = variables(version, self.environ, endpoint_url, stream, paths, given)
        return msgspec.json.encode({"environ": environ, "handler": version.handler, "task": task, "opt": opt})

    def command(
        self, version: Version, endpoint_url: str, stream: str, paths: Sequence[str], given: Mapping[str, str]
    ) -> Command | None:
        """What to start in the box; None for what its kind has."""
        if self.prepared:
            return None
        environ = variables(version, self.environ, endpoint_url, stream, paths, given)
        return Command(
            [list(argv) for argv in self.programs], environ, self.working_directory or paths[0], channel=False
        )

    def paths(self, mounted: list[str]) -> list[str]:
        """Where a function finds its code and its layers, when these have been mounted: in a root of its own it brings
        both."""
        return _IN_ITS_ROOT if mounted == ["/"] else mounted

    def extension(
        self,
        name: str,
        version: Version,
        endpoint_url: str,
        stream: str,
        paths: Sequence[str],
        given: Mapping[str, str],
    ) -> Command:
        """What to start for an external extension."""
        environ = extension_variables(variables(version, self.environ, endpoint_url, stream, paths, given))
        return Command([[f"{paths[1]}/extensions/{name}"]], environ, "/", channel=False)

    def unlaunched(self, refused: NotLaunched) -> Unlaunched:
        """facts/lambda-runtime.md §2.2; of a bootstrap that is there and can't be started, in Go's words as AWS has
        them."""
        if not isinstance(refused, NoProgram):
            return Unlaunched(INVALID_ENTRYPOINT, fork_exec(refused))
        names = " ".join(argv[0] for argv in self.programs)
        return Unlaunched(INVALID_ENTRYPOINT, f"Couldn't find valid bootstrap(s): [{names}]")


def fork_exec(refused: NotLaunched) -> str:
    name, _, reason = str(refused).rpartition(": ")
    return f"fork/exec {name}: {as_go_says(reason)}"


def as_go_says(reason: str) -> str:
    """Of a system call that has failed."""
    return reason[:1].lower() + reason[1:]


def fitted(launch: Launch, program: Sequence[str], version: Version, own_network: bool) -> Launch:
    """The launch of this version: through its exec wrapper, if it has one, under a debugger, if it says so, and as a
    program of its own, if its variables need one.
    `program`: the runtime's own command, which has the debugger in it; empty for a custom one's."""
    if wrong := debug.refusal(version):
        return as_program(launch, program, wrong) if program else msgspec.structs.replace(launch, refusal=wrong)
    wrapped = bool(version.variables.get(EXEC_WRAPPER))
    debugged = debug.asked(version) is not None
    early = own_network and (launch.at_start or any(map(version.variables.get, _AT_ANY_START)))
    if not program or not (wrapped or debugged or (launch.prepared and early)):
        return launch
    refusal = "" if own_network else f"{EXEC_WRAPPER if wrapped else debug.VARIABLE} {_NO_NETWORK}"
    chosen = as_program(launch, [*_WRAPPING, *program] if wrapped else program, refusal)
    return msgspec.structs.replace(chosen, extra_mb=debug.MEMORY_MB if debugged else 0)


def as_program(launch: Launch, argv: Sequence[str], refusal: str) -> Launch:
    kind = launch.kind + PROGRAM if launch.prepared else launch.kind
    return msgspec.structs.replace(
        launch, kind=kind, prepared=False, frames=False, programs=(argv,), refusal=refusal
    )
