"""The engine on this machine: what memory the machine has, what is ready before the first function is there.

Owns: these choices, and how what isolates functions is told in one line.
"""

import os
import sys
from collections.abc import Callable

from samovar.app.premises import Premises
from samovar.core.meter import Meter
from samovar.engine.concurrency import Concurrency, Growth, Rates
from samovar.engine.credentials import Keys
from samovar.engine.invoke import Engine
from samovar.engine.log import LogSink
from samovar.engine.model import Version
from samovar.net.names import Names
from samovar.net.server import Server
from samovar.sandbox.spec import CONTROL_PORT, ENDPOINT_PORT, NAMED_PORT, NAMES_PORT, Isolation
from samovar.settings import Settings

IMAGE_TREES = "image-trees"
"""Folder of unpacked images, below the data directory."""
_OVERCOMMIT = 4
"""Functions rarely use the memory that they are configured with: an idle Python environment takes 3 of its 128 MB."""

_IN_ONE_LINE = {
    Isolation.FULL: "full: own namespaces, user, system-call filter, and limits for memory, CPU and processes",
    Isolation.NAMESPACES: "namespaces: memory and CPU not limited, idle functions not frozen (see `samovar doctor`)",
    Isolation.PROCESS: "process: functions can read your files; run only code that you trust (`samovar doctor`)",
}


class Execution:
    """The engine, its boxes, and the sockets that listen inside them."""

    def __init__(
        self,
        settings: Settings,
        premises: Premises,
        sink: LogSink,
        meter: Meter,
        issue: Callable[[Version], Keys],
    ) -> None:
        """`issue`: the keys of a function's role, for one of its environments."""
        self._premises = premises
        self.isolation = premises.isolation
        self.boxes, data = premises.boxes, premises.data
        engine = self.engine = Engine(
            self.boxes,
            premises.runtimes,
            sink,
            premises.clock,
            data / "trees",
            data / IMAGE_TREES,
            data / "nothing",
            limits=Concurrency(settings.concurrency, _rates(settings)),
            memory_mb=settings.memory_limit_mb or _machine_memory_mb() * _OVERCOMMIT,
            idle_timeout_s=settings.idle_timeout_s,
            endpoint_url=f"http://127.0.0.1:{ENDPOINT_PORT}",
            pace_streams=settings.pace_streams,
            debuggers=settings.debuggers,
            issue=issue,
            meter=meter,
            bill_init=settings.bill_init,
            fork_warm=settings.fork_warm,
        )
        premises.inner_doors.attach(CONTROL_PORT, engine.runtime_api)

    def attach(self, server: Server, named: Server, names: Names) -> None:
        """Let functions find the platform, also by https under `names`."""
        if self.boxes.host_network:  # where everybody does
            self.engine.endpoint_url = f"http://127.0.0.1:{server.address[1]}"
        self._premises.inner_doors.attach(ENDPOINT_PORT, server)
        self._premises.inner_doors.attach(NAMED_PORT, named)
        self._premises.inner_doors.attach(NAMES_PORT, names)

    def warm_up(self) -> None:
        """Have the likeliest runtime ready before the first function is there: Samovar's own version of Python."""
        runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
        if self.engine.runtime_available(runtime) is None:
            self.engine.spawn(self.engine.prepare(runtime))

    def in_words(self) -> str:
        """What stands between functions and the machine, in one line."""
        if self.isolation is Isolation.PROCESS:
            return _IN_ONE_LINE[self.isolation]
        network = self.boxes.network.in_words
        if self._premises.no_way:
            network += f" ({self._premises.no_way})"
        return _IN_ONE_LINE[self.isolation] + network


def _rates(settings: Settings) -> Rates:
    growth = Growth.burst(settings.burst_concurrency) if settings.burst_concurrency else Growth()
    return Rates(growth, settings.rate_limits)


def _machine_memory_mb() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
