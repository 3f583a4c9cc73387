"""The engine on this machine: what isolation the machine allows, what memory it has, what functions reach.

Owns: these choices, and how the sockets inside boxes find their servers. Refuses, with NotIsolated, to start below what
the settings demand.
"""

import os
import resource
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from samovar.core.clock import SystemClock
from samovar.core.ids import hex_id
from samovar.core.meter import Meter
from samovar.engine.concurrency import Concurrency, Growth, Rates
from samovar.engine.credentials import Keys
from samovar.engine.invoke import Engine
from samovar.engine.log import LogSink
from samovar.engine.model import Version
from samovar.engine.runtimes import Runtimes
from samovar.net.server import Server
from samovar.sandbox import cgroup, doctor
from samovar.sandbox.box import LinuxBox
from samovar.sandbox.boxes import LinuxBoxes
from samovar.sandbox.network import Network, Reach, plan
from samovar.sandbox.port import SandboxDied
from samovar.sandbox.spec import CONTROL_PORT, ENDPOINT_PORT, Isolation
from samovar.settings import Settings, interpreters

IMAGE_TREES = "image-trees"
"""Folder of unpacked images, below the data directory."""
_OVERCOMMIT = 4
"""Functions rarely use the memory that they are configured with: an idle Python environment takes 3 of its 128 MB."""

_IN_ONE_LINE = {
    Isolation.FULL: "full: own namespaces, user, system-call filter, and limits for memory, CPU and processes",
    Isolation.NAMESPACES: "namespaces: memory and CPU not limited, idle functions not frozen (see `samovar doctor`)",
    Isolation.PROCESS: "process: functions can read your files; run only code that you trust (`samovar doctor`)",
}


class NotIsolated(Exception):
    """The machine doesn't allow the isolation, or the network, that was asked for; the message says what to do."""


class Execution:
    """The engine, its boxes, and the sockets that listen inside them."""

    def __init__(
        self,
        settings: Settings,
        clock: SystemClock,
        data: Path,
        sink: LogSink,
        meter: Meter,
        issue: Callable[[Version], Keys],
        examination: doctor.Examination | None = None,
    ) -> None:
        """`issue`: the keys of a function's role, for one of its environments; `examination`: one that runs already."""
        self._settings = settings
        self._inner_doors = _InnerDoors()
        self._no_way = ""
        """Why functions don't reach the outside although nobody said that they shouldn't."""
        _raise_descriptor_limit()
        root, scratch = data / "root", data / "tmp"
        for folder in (root, scratch):
            folder.mkdir(parents=True, exist_ok=True)
        machine = _machine(settings, examination or doctor.Examination(scratch))
        self.isolation = machine.level
        if machine.level is Isolation.FULL:
            cgroup.sweep(cgroup.Hierarchies())
        network = _network(settings, machine.level)
        own_network = network.reach is not Reach.HOST
        runtimes = Runtimes(
            Path(settings.data_dir), own_network, interpreters(settings), settings.debuggers, data / "cache"
        )
        boxes = self.boxes = LinuxBoxes(
            machine.level,
            _make_groups if machine.level is Isolation.FULL else None,
            root,
            scratch if machine.disk_tmp else None,
            network,
            machine.user_namespace,
            settings.prefork,
            runtimes.zygote,
            self._inner_doors,
        )
        engine = self.engine = Engine(
            boxes,
            runtimes,
            sink,
            clock,
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
        self._inner_doors.attach(CONTROL_PORT, engine.runtime_api)

    async def open_way(self) -> None:
        """Connect functions with the outside; a machine that doesn't allow it matters only to who has asked for it."""
        settings = self._settings
        if self.boxes.network.reach is not Reach.OUTSIDE:
            return
        try:
            await self.boxes.open_way()
        except SandboxDied as died:
            if settings.function_network == "outbound" or settings.function_hosts:
                raise NotIsolated(f"functions can't be connected with the outside: {died}") from died
            self._no_way = str(died)

    def attach(self, server: Server) -> None:
        """Let functions find the platform."""
        if self.boxes.host_network:  # where everybody does
            self.engine.endpoint_url = f"http://127.0.0.1:{server.address[1]}"
        self._inner_doors.attach(ENDPOINT_PORT, server)

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
        if self._no_way:
            network += f" ({self._no_way})"
        return _IN_ONE_LINE[self.isolation] + network


class _InnerDoors:
    """Joins the sockets that listen inside boxes to their servers; the first boxes may be there before a server is."""

    def __init__(self) -> None:
        self._servers: dict[int, Server] = {}
        self._listening: dict[socket.socket, tuple[int, str]] = {}

    def attach(self, port: int, server: Server) -> None:
        self._servers[port] = server
        for listener, (theirs, source) in self._listening.items():
            if theirs == port:
                server.listen(listener, source)

    def opened(self, box: LinuxBox, listener: socket.socket, port: int) -> None:
        self._listening[listener] = (port, box.id)
        if port in self._servers:
            self._servers[port].listen(listener, box.id)

    def closed(self, listener: socket.socket) -> None:
        port, _ = self._listening.pop(listener, (0, ""))  # a box that failed half-made has not opened its own
        if port in self._servers:
            self._servers[port].unlisten(listener)


def _network(settings: Settings, level: Isolation) -> Network:
    """What functions are to reach. NotIsolated when that can't be."""
    try:
        return plan(settings.function_network, settings.function_hosts, level is not Isolation.PROCESS)
    except ValueError as error:
        raise NotIsolated(str(error)) from None


def _machine(settings: Settings, examination: doctor.Examination) -> doctor.Machine:
    """What the machine allows; NotIsolated when that is less than the settings demand."""
    machine = examination.result()
    if settings.isolation != "auto" and not machine.level.at_least(Isolation(settings.isolation)):
        raise NotIsolated(
            f"this machine allows the isolation level {machine.level.value!r}, not {settings.isolation!r}: "
            f"{machine.why_not(Isolation(settings.isolation))}"
        )
    return machine


def _rates(settings: Settings) -> Rates:
    growth = Growth.burst(settings.burst_concurrency) if settings.burst_concurrency else Growth()
    return Rates(growth, settings.rate_limits)


def _make_groups() -> cgroup.Groups:
    return cgroup.Groups(cgroup.Hierarchies(), f"samovar-{os.getpid()}-{hex_id(8)}")


def _machine_memory_mb() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20


def _raise_descriptor_limit() -> None:
    """An environment takes some six descriptors of the server's."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
