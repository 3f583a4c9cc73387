"""How a runtime's process is started and spoken to.

Owns: the difference between managed runtimes, which wait for their function and speak frames, and custom ones, which
are started with it and speak HTTP.
"""

from collections.abc import Sequence

import msgspec

from samovar.engine.model import Version
from samovar.engine.variables import extension_variables, variables
from samovar.sandbox.spec import Command


class Launch(msgspec.Struct, frozen=True):
    prepared: bool
    """The process is there before its function, and gets a configuration frame."""
    frames: bool
    """Invocations go by frames; otherwise through the Runtime API."""
    environ: dict[str, str]
    """The variables that every function of the runtime has."""

    def configuration(self, version: Version, endpoint_url: str, stream: str, paths: Sequence[str]) -> bytes:
        """The content of the frame that makes a waiting runtime this function."""
        task, opt = paths
        environ = variables(version, self.environ, endpoint_url, stream, task, opt)
        return msgspec.json.encode({"environ": environ, "handler": version.handler, "task": task, "opt": opt})

    def command(self, version: Version, endpoint_url: str, stream: str, paths: Sequence[str]) -> Command | None:
        """What to start in the box; None for what its kind has."""
        if self.prepared:
            return None
        task, opt = paths
        environ = variables(version, self.environ, endpoint_url, stream, task, opt)
        return Command([[path] for path in _bootstraps(paths)], environ, task, channel=False)

    def extension(
        self, name: str, version: Version, endpoint_url: str, stream: str, paths: Sequence[str]
    ) -> Command:
        """What to start for an external extension."""
        task, opt = paths
        environ = extension_variables(variables(version, self.environ, endpoint_url, stream, task, opt))
        return Command([[f"{opt}/extensions/{name}"]], environ, "/", channel=False)

    def not_launched(self, paths: Sequence[str]) -> str:
        """facts/lambda-runtime.md §2.2."""
        return f"Couldn't find valid bootstrap(s): [{' '.join(_bootstraps(paths))}]"


def _bootstraps(paths: Sequence[str]) -> list[str]:
    return [f"{path}/bootstrap" for path in paths]
