"""How a runtime's process is started and spoken to.

Owns: the difference between managed runtimes, which wait for their function and speak frames, and custom
ones, which are started with it and speak HTTP.
"""

from collections.abc import Sequence

import msgspec

from samovar.engine.model import Version
from samovar.engine.variables import variables
from samovar.sandbox.spec import Command


class Launch(msgspec.Struct, frozen=True):
    prepared: bool
    """The process is there before its function, and gets a configuration frame."""
    frames: bool
    """Invocations go by frames; otherwise through the Runtime API."""

    def command(self, version: Version, endpoint_url: str, stream: str, paths: Sequence[str]) -> Command | None:
        """What to start in the box; None for what its kind has."""
        if self.prepared:
            return None
        task, opt = paths
        tries = [[path] for path in bootstraps(paths)]
        return Command(tries, variables(version, endpoint_url, stream, task, opt), task, channel=False)

    def not_launched(self, paths: Sequence[str]) -> str:
        """facts/lambda-runtime.md §2.2."""
        return f"Couldn't find valid bootstrap(s): [{' '.join(bootstraps(paths))}]"


MANAGED = Launch(prepared=True, frames=True)
CUSTOM = Launch(prepared=False, frames=False)


def bootstraps(paths: Sequence[str]) -> list[str]:
    return [f"{path}/bootstrap" for path in paths]
