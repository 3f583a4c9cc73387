"""What everything stands on: the data directory and its store, and the boxes that functions run in.

Owns: these, what isolation the machine allows, what functions reach, and how the sockets inside boxes find their
servers. Refuses, with NotIsolated, to start below what the settings demand.

Rule: it is open before the rest is imported. The helpers of boxes, and their way to the outside, take as long as that,
in processes of their own.
"""

import contextlib
import os
import resource
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

from samovar.app.running import NotIsolated
from samovar.core.clock import SystemClock
from samovar.core.ids import hex_id
from samovar.engine.runtimes import Runtimes
from samovar.engine.trust import Trust
from samovar.sandbox import cgroup, doctor
from samovar.sandbox.box import LinuxBox
from samovar.sandbox.boxes import LinuxBoxes
from samovar.sandbox.network import Network, Reach, plan
from samovar.sandbox.port import SandboxDied
from samovar.sandbox.spec import Isolation
from samovar.settings import Settings, interpreters
from samovar.store.errors import StoreError
from samovar.store.lock import DirectoryLock
from samovar.store.sqlite import open_store

_TEMPORARY = "samovar-ephemeral-"
"""How the folders of ephemeral servers begin."""


class Premises:
    """`async with Premises(settings) as premises` is there inside and gone after."""

    def __init__(self, settings: Settings, examination: doctor.Examination | None = None) -> None:
        """`examination` of the machine, where one runs already."""
        self._settings = settings
        self._examination = examination
        self.clock = SystemClock()
        self._opened = AsyncExitStack()
        self.closed: Callable[[], object] = lambda: None
        """Called when nothing runs any more, before an ephemeral server's files are removed, which takes its time."""
        self.no_way = ""
        """Why functions don't reach the outside although nobody said that they shouldn't; known after `settle`."""

    async def __aenter__(self) -> "Premises":
        self.since = self.clock.monotonic()
        async with AsyncExitStack() as opened:
            self.data = self._data_folder(opened)
            opened.callback(lambda: self.closed())
            self.store = await open_store(None if self._settings.ephemeral else self.data)
            opened.push_async_callback(self.store.close)
            self.store.at_once = True
            self.inner_doors = InnerDoors()
            self._make_boxes()
            opened.push_async_callback(self.boxes.close)
            self._opened = opened.pop_all()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._opened.aclose()

    async def settle(self) -> None:
        """Wait until functions are connected with the outside. That a machine doesn't allow it matters only to who has
        asked for it."""
        settings = self._settings
        if self.boxes.network.reach is not Reach.OUTSIDE:
            return
        try:
            await self.boxes.open_way()
        except SandboxDied as died:
            if settings.function_network == "outbound" or settings.function_hosts:
                raise NotIsolated(f"functions can't be connected with the outside: {died}") from died
            self.no_way = str(died)

    def _data_folder(self, opened: AsyncExitStack) -> Path:
        """Where files go: the data directory, or a temporary one that goes with the server."""
        if not self._settings.ephemeral:
            return Path(self._settings.data_dir)
        data = _temporary_folder(opened)
        opened.callback(shutil.rmtree, data, ignore_errors=True)
        return data

    def _make_boxes(self) -> None:
        settings, data = self._settings, self.data
        _raise_descriptor_limit()
        root, scratch = data / "root", data / "tmp"
        for folder in (root, scratch):
            folder.mkdir(parents=True, exist_ok=True)
        machine = _machine(settings, self._examination or doctor.Examination(scratch))
        self.isolation = machine.level
        if machine.level is Isolation.FULL:
            cgroup.sweep(cgroup.Hierarchies())
        network = _network(settings, machine.level)
        own_network = network.reach is not Reach.HOST
        self.authority = data / "tls" / settings.ca_file.name
        self.trust = Trust(data / "ca-certs", self.authority)
        self.runtimes = Runtimes(
            Path(settings.data_dir),
            own_network,
            interpreters(settings),
            settings.debuggers,
            data / "cache",
            self.trust if own_network else None,
        )
        self.boxes = LinuxBoxes(
            machine.level,
            _make_groups if machine.level is Isolation.FULL else None,
            root,
            scratch if machine.disk_tmp else None,
            network,
            machine.user_namespace,
            settings.prefork,
            self.runtimes.zygote,
            self.inner_doors,
        )
        if network.reach is Reach.OUTSIDE:
            self.boxes.begin_way()


def _temporary_folder(opened: AsyncExitStack) -> Path:
    """A folder, locked as long as `opened`. Those that servers of this user left when they were killed go now."""
    made = Path(tempfile.mkdtemp(prefix=f".{_TEMPORARY}"))
    opened.callback(DirectoryLock(made).release)
    data = made.rename(made.with_name(made.name[1:]))  # only now: nobody sweeps what isn't locked yet
    for other in data.parent.glob(f"{_TEMPORARY}*"):
        with contextlib.suppress(OSError, StoreError):  # it has just gone, or is in use
            found = other.lstat()
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():  # nobody else can have put links there
                lock = DirectoryLock(other)
                shutil.rmtree(other, ignore_errors=True)
                lock.release()
    return data


class Listening(Protocol):
    """A server, of whatever protocol."""

    def listen(self, listener: socket.socket, source: object) -> None: ...
    def unlisten(self, listener: socket.socket) -> None: ...


class InnerDoors:
    """Joins the sockets that listen inside boxes to their servers; the first boxes may be there before a server is."""

    def __init__(self) -> None:
        self._servers: dict[int, Listening] = {}
        self._listening: dict[socket.socket, tuple[int, str]] = {}

    def attach(self, port: int, server: Listening) -> None:
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


def _make_groups() -> cgroup.Groups:
    return cgroup.Groups(cgroup.Hierarchies(), f"samovar-{os.getpid()}-{hex_id(8)}")


def _raise_descriptor_limit() -> None:
    """An environment takes some eight descriptors of the server's."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
