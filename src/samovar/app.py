"""Builds every room and tears them down: the only file that knows them all.

Rule: one AsyncExitStack, so that whatever was opened is closed in reverse, also when opening fails half-way. The server
opens last and closes first: nobody is answered before everything is there, nor after anything has gone.
"""

import asyncio
import math
import os
import resource
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

import msgspec
import uvloop

from samovar import __version__
from samovar.core.clock import SystemClock
from samovar.core.context import Acting, Context
from samovar.core.ids import hex_id
from samovar.core.meter import Meter
from samovar.core.service import Service
from samovar.delivery.invocations import Invocations
from samovar.delivery.journal import FILTERS, Journal
from samovar.delivery.outbox import Outbox
from samovar.delivery.pollers.sqs import SqsPollers
from samovar.delivery.targets import Targets
from samovar.engine.concurrency import Concurrency, Growth, Rates
from samovar.engine.credentials import Keys
from samovar.engine.invoke import Engine
from samovar.engine.log import LogSink
from samovar.engine.model import Version
from samovar.engine.runtimes import Runtimes
from samovar.gateway import certificates, keys
from samovar.gateway.admission import admit
from samovar.gateway.authority import OPERATOR, Authority
from samovar.gateway.dispatch import Gateway
from samovar.gateway.doors import Aside, BadView, Doors, Site
from samovar.gateway.identity import DEFAULT_ACCOUNT, Identities
from samovar.net.message import Request, Response, Streamed
from samovar.net.server import Server, serve
from samovar.net.tls import Contexts
from samovar.sandbox import cgroup, doctor
from samovar.sandbox.box import LinuxBox
from samovar.sandbox.boxes import LinuxBoxes
from samovar.sandbox.network import Network, Reach, plan
from samovar.sandbox.port import SandboxDied
from samovar.sandbox.spec import CONTROL_PORT, ENDPOINT_PORT, Isolation
from samovar.services import (
    apigateway,
    apigatewaymanagementapi,
    apigatewayv2,
    application_autoscaling,
    cloudwatch,
    elbv2,
    events,
    iam,
    lambda_,
    logs,
    s3,
    scheduler,
    sns,
    sqs,
    sts,
)
from samovar.settings import Settings, SettingsError, certificate_names, interpreters, issuers
from samovar.store.blobs import Blobs
from samovar.store.bodies import Bodies
from samovar.store.queue import Queues
from samovar.store.sqlite import Store, open_store
from samovar.store.vault import Vault
from samovar.web.connections import Connections
from samovar.web.domains import Domains
from samovar.web.front import Front
from samovar.web.functions import Functions
from samovar.web.jwt import Key, Keyring, key_set
from samovar.web.upstream import Upstream
from samovar.web.urls import Urls
from samovar.wire.model import Models

_STOPPING = (signal.SIGINT, signal.SIGTERM)
_CLOSING_S = 10
"""What closing the rooms may take after the running requests' grace."""
_OVERCOMMIT = 4
"""Functions rarely use the memory that they are configured with: an idle Python environment takes 3 of its 128 MB."""


class PortTaken(Exception):
    """The address can't be listened on; the message says what to do."""


class NoCertificate(Exception):
    """The certificate that was given can't be used; the message says why."""


class Running(msgspec.Struct, frozen=True):
    """What the outside may know of a platform that is up."""

    endpoint: str
    isolation: str
    start_s: float
    auth: str = "off"
    trust: Path | None = None
    """The certificate that clients are to trust, where https is answered with one of the local authority's."""
    root_key: tuple[str, str] | None = None
    """(id, secret), the first time that signatures count."""


class Announce(Protocol):
    """Told once, when the platform answers."""

    def __call__(self, running: Running) -> None: ...


class App:
    """The platform in one process. `async with App(settings) as app` is up inside and gone after."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clock = SystemClock()
        self.meter = Meter(self._clock)
        self._rooms = AsyncExitStack()
        self._inner_doors = _InnerDoors()
        self._no_way = ""
        """Why functions don't reach the outside although nobody said that they shouldn't."""

    async def __aenter__(self) -> "App":
        started = self._clock.monotonic()
        self.acting = Acting()
        async with AsyncExitStack() as rooms:
            data = self._data_folder(rooms)
            self._tls = await self._contexts()
            self.services = await self._open_services(rooms, data)
            self.authority.attach(self.services)
            self.server = await self._open_server(rooms)
            self.acting.attach(self._gateway, self._endpoint())
            if self.engine.boxes.host_network:  # functions find the platform where everybody does
                self.engine.endpoint_url = f"http://127.0.0.1:{self.server.address[1]}"
            self._inner_doors.attach(ENDPOINT_PORT, self.server)
            await self._balancers.start()
            self._warm_up()
            self._rooms = rooms.pop_all()
        root_key = await self._first_key()
        took = self._clock.monotonic() - started
        trust = None
        if self._settings.secured and not self._settings.tls_cert:
            trust = self._settings.ca_file
        self.running = Running(self._endpoint(), self._describe(), took, self._settings.auth_mode, trust, root_key)
        return self

    async def _first_key(self) -> tuple[str, str] | None:
        """Where signatures count, somebody must be able to sign."""
        if self._settings.auth_mode == "off" or any(not key.user for key in self._keys.all()):
            return None
        return await self._keys.make_root(DEFAULT_ACCOUNT)

    async def __aexit__(self, *error: object) -> None:
        await self._rooms.aclose()

    def _endpoint(self) -> str:
        host, port = self.server.address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def _data_folder(self, rooms: AsyncExitStack) -> Path:
        """Where files go: the data directory, or a temporary one that goes with the server."""
        if not self._settings.ephemeral:
            return Path(self._settings.data_dir)
        data = Path(tempfile.mkdtemp(prefix="samovar-"))
        rooms.callback(shutil.rmtree, data, ignore_errors=True)
        return data

    async def _open_services(self, rooms: AsyncExitStack, data: Path) -> list[Service]:
        settings, clock = self._settings, self._clock
        store = await open_store(None if settings.ephemeral else data)
        rooms.push_async_callback(store.close)
        metrics = await cloudwatch.build(store, clock, self.meter)
        self._close_with(rooms, metrics)
        identity_services = await self._open_identity(store, data)
        logs_service, sink = await logs.build(store, clock, self.meter)
        self._close_with(rooms, logs_service)
        self.engine = self._open_engine(data, sink)
        rooms.push_async_callback(self.engine.close)
        await self._open_way()
        sqs_service = await sqs.build(store, clock, await self._bodies(rooms, data / "sqs"), self.meter)
        self._close_with(rooms, sqs_service)
        blobs = await Blobs.open(data / "code")
        rooms.push_async_callback(blobs.close)
        await self._open_delivery(rooms, store, data)
        lambda_service, self._download_code, self._urls, functions = await lambda_.build(
            store,
            blobs,
            data / "trees",
            self.engine,
            clock,
            invocations=self.invocations,
            pollers={"sqs": self._queue_pollers},
            hot_reload=settings.hot_reload,
            call_rates=settings.api_rate_limits,
            runtimes=lambda_.TABLE.unblocked() if settings.allow_deprecated_runtimes else lambda_.TABLE,
            authority=self.authority,
        )
        self._close_with(rooms, lambda_service)
        web_services = await self._open_web(rooms, store, functions)
        events_service = await events.build(
            store, clock, self.outbox, self.journal, self.targets, self._vault
        )
        self._close_with(rooms, events_service)
        scheduler_service = await scheduler.build(store, clock, self.outbox)
        self._close_with(rooms, scheduler_service)
        await self.outbox.queue.start()
        scaling = await application_autoscaling.build(store, clock, self.acting, self.engine.provisioned_use)
        self._close_with(rooms, scaling)
        s3_service, self._browsers = await s3.build(
            store, data / "objects", clock, self.outbox, self.acting, self.authority.admit_form
        )
        self._close_with(rooms, s3_service)
        sns_service, self._sns_certificate, self._sns_mail = await sns.build(
            store, self._queues, self.acting, self.targets, self.journal, data / "sns", clock, settings.smtp
        )
        self._close_with(rooms, sns_service)
        return [
            lambda_service,
            logs_service,
            sqs_service,
            sns_service,
            s3_service,
            events_service,
            scheduler_service,
            scaling,
            metrics,
            *web_services,
            *identity_services,
        ]

    async def _open_web(self, rooms: AsyncExitStack, store: Store, functions: Functions) -> list[Service]:
        """The services whose resources web requests are for, behind one door."""
        front = self._front = Front()
        domains = front.domains = await Domains.open(store)
        connections = Connections(self._clock)
        rooms.callback(connections.close)
        upstream = Upstream()
        rooms.push_async_callback(upstream.close)
        urls = Urls(upstream)
        issuers = await asyncio.to_thread(_keys_of_issuers, self._settings)
        keyring = Keyring(self._clock, urls.document, issuers)
        rooms.push_async_callback(keyring.close)
        rest = await apigateway.build(
            store,
            self._clock,
            self.acting,
            front,
            domains,
            functions,
            self._forward,
            urls,
            keyring,
            self.authority,
            self.meter,
        )
        self._close_with(rooms, rest)
        v2 = await apigatewayv2.build(
            store,
            self._clock,
            self.acting,
            front,
            domains,
            functions,
            connections,
            urls,
            Models(),
            self.authority,
            self._forward,
            keyring,
            self.meter,
        )
        self._close_with(rooms, v2)
        if isinstance(self._tls, certificates.Issued):
            self._tls.owns = domains.known
        balancers = await self._open_balancers(rooms, store, functions)
        return [rest, v2, apigatewaymanagementapi.build(connections), balancers]

    async def _open_balancers(self, rooms: AsyncExitStack, store: Store, functions: Functions) -> Service:
        settings = self._settings
        service, self._balancers = await elbv2.build(
            store,
            self._clock,
            self.acting,
            functions,
            host=settings.host,
            own_port=settings.port,
            opening=settings.listener_ports,
            tls=self._tls,
        )
        self._close_with(rooms, service)
        return service

    async def _forward(self, ctx: Context, host: str, request: Request) -> Response:
        """What integrations of APIs ask of other services goes the gateway's way."""
        return await self._gateway.forward(ctx, host, request)

    def _issue(self, version: Version) -> Keys:
        """The keys of a function's role, for one of its environments."""
        made = self._sessions.of_function(
            version.role_arn,
            version.account,
            self._directory.id(version.role_arn),
            version.function_name,
            version.function_arn,
        )
        return Keys(made.access_key, made.secret, made.token)

    async def _open_identity(self, store: Store, data: Path) -> list[Service]:
        vault = self._vault = await asyncio.to_thread(Vault.open, None if self._settings.ephemeral else data)
        iam_service, directory, access_keys = await iam.build(store, self._clock, vault)
        sts_service, sessions = sts.build(directory, self._clock, vault, iam.account_of, iam.access_key_id)
        self._keys, self._directory, self._sessions = access_keys, directory, sessions
        self.authority = Authority(
            self._settings.auth_mode, Identities(access_keys, sessions), directory, self._clock, vault.derive(OPERATOR)
        )
        return [iam_service, sts_service]

    @staticmethod
    async def _bodies(rooms: AsyncExitStack, folder: Path) -> Bodies:
        blobs = await Blobs.open(folder)
        rooms.push_async_callback(blobs.close)
        return Bodies(blobs)

    async def _open_delivery(self, rooms: AsyncExitStack, store: Store, data: Path) -> None:
        clock = self._clock
        self._queues = queues = await Queues.open(store, clock, await self._bodies(rooms, data / "queues"))
        self.journal = await Journal.open(store, clock, self.meter)
        self.targets = Targets(self.acting)
        self.outbox = Outbox(queues, self.targets, self.journal, clock)
        self.invocations = Invocations(queues, self.engine, self.outbox, self.journal, clock)
        for queue in (self.outbox.queue, self.invocations.queue):
            rooms.push_async_callback(queue.close)
        self._queue_pollers = SqsPollers(self.acting, self.engine, self.journal, clock)
        rooms.push_async_callback(self._queue_pollers.close)

    @staticmethod
    def _close_with(rooms: AsyncExitStack, service: Service) -> None:
        if service.close is not None:
            rooms.push_async_callback(service.close)

    def _open_engine(self, data: Path, sink: LogSink) -> Engine:
        settings = self._settings
        _raise_descriptor_limit()
        root, scratch = data / "root", data / "tmp"
        for folder in (root, scratch):
            folder.mkdir(parents=True, exist_ok=True)
        machine = _machine(settings, scratch)
        self.isolation = machine.level
        if machine.level is Isolation.FULL:
            cgroup.sweep(cgroup.Hierarchies())
        network = _network(settings, machine.level)
        own_network = network.reach is not Reach.HOST
        runtimes = Runtimes(
            Path(settings.data_dir), own_network, interpreters(settings), settings.debuggers, data / "cache"
        )
        boxes = self._boxes = LinuxBoxes(
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
        engine = Engine(
            boxes,
            runtimes,
            sink,
            self._clock,
            data / "trees",
            data / "nothing",
            limits=Concurrency(settings.concurrency, _rates(settings)),
            memory_mb=settings.memory_limit_mb or _machine_memory_mb() * _OVERCOMMIT,
            idle_timeout_s=settings.idle_timeout_s,
            endpoint_url=f"http://127.0.0.1:{ENDPOINT_PORT}",
            pace_streams=settings.pace_streams,
            debuggers=settings.debuggers,
            issue=self._issue,
            meter=self.meter,
            bill_init=settings.bill_init,
            fork_warm=settings.fork_warm,
        )
        self._inner_doors.attach(CONTROL_PORT, engine.runtime_api)
        return engine

    async def _open_way(self) -> None:
        """Connect functions with the outside; a machine that doesn't allow it matters only to who has asked for it."""
        settings = self._settings
        if self._boxes.network.reach is not Reach.OUTSIDE:
            return
        try:
            await self._boxes.open_way()
        except SandboxDied as died:
            if settings.function_network == "outbound" or settings.function_hosts:
                raise NotIsolated(f"functions can't be connected with the outside: {died}") from died
            self._no_way = str(died)

    async def _open_server(self, rooms: AsyncExitStack) -> Server:
        settings = self._settings
        doors = Doors(
            self.services,
            facts=self._facts,
            reset=self._reset,
            allow_reset=settings.allow_reset,
            clock=self._clock,
            allow_clock=settings.allow_clock,
            listen_host=settings.host,
            downloads={lambda_.LINK_PATH: self._download_code, sns.CERTIFICATE_PATH: self._sns_certificate},
            views={"/_samovar/events": self._show_events, sns.MAIL_PATH: self._sns_mail},
            asides=[Aside("s3", "PutObject", self._browsers.claims, self._browsers.answer, self._browsers.shared)],
            sites=[
                Site(self._urls.claims, self._urls.serve),
                Site(self._front.claims, self._front.serve),
                Site(self._balancers.claims, self._balancers.serve, streams=True),
            ],
            rooms={keys.PATH: keys.KeysDoor(self.authority, self._keys).open},
            guard=self.authority.authenticate_operator if settings.auth_mode == "on" else None,
        )
        gateway = self._gateway = Gateway(
            Models(), self.services, doors=doors, region=settings.region, authority=self.authority
        )
        rooms.push_async_callback(gateway.close)
        try:
            server = await serve(
                gateway.handle, host=settings.host, port=settings.port, admit=self._admit, tls=self._tls
            )
        except OSError as error:
            raise PortTaken(_explain(settings, error)) from error
        rooms.push_async_callback(server.close, settings.shutdown_grace_s)
        rooms.push_async_callback(self._balancers.stop_listening)
        return server

    async def _contexts(self) -> Contexts | None:
        """What clients that speak TLS are shown. The local authority outlives servers that keep nothing else, as it is
        trusted once; so it lies in the data directory, also of ephemeral ones."""
        settings, clock = self._settings, self._clock
        if not settings.secured:
            return None
        if settings.tls_cert:
            try:
                return certificates.Given(Path(settings.tls_cert), Path(settings.tls_key), clock)
            except ValueError as error:
                raise NoCertificate(str(error)) from None
        authority = await asyncio.to_thread(certificates.Authority.open, settings.ca_file, clock)
        return certificates.Issued(authority, certificate_names(settings), [settings.region], clock)

    def _admit(self, method: str, path: str, headers: Mapping[str, str]) -> int | Streamed | Response:
        """APIs and load balancers have limits of their own."""
        host = headers.get("host", "").lower()
        if self._front.claims(host, path):
            return self._front.admit(host, path, headers)
        if self._balancers.claims(host, path):
            return elbv2.admit(method, path, headers)
        return admit(method, path, headers)

    def _warm_up(self) -> None:
        """Have the likeliest runtime ready before the first function is there: Samovar's own version of Python."""
        runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
        if self.engine.runtime_available(runtime) is None:
            self.engine.spawn(self.engine.prepare(runtime))

    async def _reset(self) -> None:
        """What a reset empties beyond the services."""
        for queue in (self.invocations.queue, self.outbox.queue):
            await queue.reset()
        await self.journal.reset()
        await self.engine.reset()

    async def _show_events(self, query: Mapping[str, str]) -> object:
        """What the delivery journal says; the parameters are its columns, `after` and `limit`."""
        wanted = dict(query)
        try:
            after, limit = int(wanted.pop("after", "0")), int(wanted.pop("limit", "100"))
        except ValueError:
            raise BadView("after and limit are whole numbers") from None
        unknown = wanted.keys() - set(FILTERS)
        if unknown or not 0 < limit <= 1000 or not 0 <= after < 2**62:
            raise BadView(f"There are {', '.join(FILTERS)}, after (an id) and limit (1 to 1000).")
        return {"events": await self.journal.find(wanted, after, limit)}

    def _facts(self) -> dict[str, object]:
        return {"version": __version__, "isolation": self.isolation.value, "ephemeral": self._settings.ephemeral}

    def _describe(self) -> str:
        if self.isolation is Isolation.PROCESS:
            return _IN_ONE_LINE[self.isolation]
        network = self._boxes.network.in_words
        if self._no_way:
            network += f" ({self._no_way})"
        return _IN_ONE_LINE[self.isolation] + network


_IN_ONE_LINE = {
    Isolation.FULL: "full: own namespaces, user, system-call filter, and limits for memory, CPU and processes",
    Isolation.NAMESPACES: "namespaces: memory and CPU not limited, idle functions not frozen (see `samovar doctor`)",
    Isolation.PROCESS: "process: functions can read your files; run only code that you trust (`samovar doctor`)",
}


def _keys_of_issuers(settings: Settings) -> dict[str, list[Key]]:
    """What the files say that `issuers` names."""
    found = {}
    for issuer, path in issuers(settings).items():
        try:
            found[issuer] = key_set(path.read_bytes())
        except (OSError, ValueError) as error:
            raise SettingsError(f"issuers: the keys in {path} can't be used: {error}") from None
    return found


class NotIsolated(Exception):
    """The machine doesn't allow the isolation, or the network, that was asked for; the message says what to do."""


def _network(settings: Settings, level: Isolation) -> Network:
    """What functions are to reach. NotIsolated when that can't be."""
    try:
        return plan(settings.function_network, settings.function_hosts, level is not Isolation.PROCESS)
    except ValueError as error:
        raise NotIsolated(str(error)) from None


def _machine(settings: Settings, scratch: Path) -> doctor.Machine:
    """What the machine allows; NotIsolated when that is less than the settings demand."""
    machine = doctor.examine(scratch)
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


def run(settings: Settings, announce: Announce, stopping: Callable[[], None]) -> None:
    """Run the platform until SIGINT or SIGTERM; a second signal ends the process at once.

    Raises PortTaken and StoreError (the data directory can't be used) before anything was announced.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings, announce, stopping))


async def _run(settings: Settings, announce: Announce, stopping: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in _STOPPING:
        loop.add_signal_handler(number, stop.set)
    async with App(settings) as app:
        announce(app.running)
        await stop.wait()
        stopping()
        for number in _STOPPING:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        # The kernel ends a shutdown that hangs. What was acknowledged is on disk, and boxes die with their server.
        signal.alarm(math.ceil(settings.shutdown_grace_s) + _CLOSING_S)
    signal.alarm(0)


def _explain(settings: Settings, error: OSError) -> str:
    reason = os.strerror(error.errno) if error.errno else str(error)
    return (
        f"cannot listen on {settings.host} port {settings.port}: {reason}. If another Samovar (or LocalStack) runs "
        "there, stop it; or choose another port with --port (0 takes a free one)."
    )
