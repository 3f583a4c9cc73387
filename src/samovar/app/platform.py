"""The platform in one process: the rooms, and the server in front of them.

Rule: the server opens last and closes first, so that nobody is answered before everything is there, nor after anything
has gone.
"""

import asyncio
import errno
import os
import socket
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from samovar import __version__
from samovar.app.premises import Premises
from samovar.app.rooms import Rooms
from samovar.app.running import NoCertificate, PortTaken, Running
from samovar.core import links
from samovar.core.context import Acting, Context
from samovar.core.later import later
from samovar.delivery.journal import FILTERS
from samovar.gateway import keys
from samovar.gateway.dispatch import Gateway
from samovar.gateway.doors import Aside, BadView, Doors, Site
from samovar.gateway.identity import DEFAULT_ACCOUNT
from samovar.net.message import Limits, Request, Response
from samovar.net.names import Names
from samovar.net.server import Server, serve
from samovar.net.tls import Contexts
from samovar.services import lambda_
from samovar.settings import Settings, certificate_names
from samovar.web import balancers, registry
from samovar.wire.model import Models

if TYPE_CHECKING:
    from samovar.gateway import certificates
else:
    certificates = later("samovar.gateway.certificates")

_SECURED_OF_A_BOX = 256
"""Connections by https: one that doesn't finish its handshake takes 70 KB, and a function could begin very many."""


class App:
    """The platform in one process. `async with App(settings) as app` is up inside and gone after."""

    def __init__(self, settings: Settings, premises: Premises | None = None) -> None:
        """`premises`: what it stands on, where that is open already; else it opens them."""
        self._settings = settings
        self._premises = premises
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> "App":
        self.acting = Acting()
        async with AsyncExitStack() as opened:
            premises = self._premises
            if premises is None:
                premises = await opened.enter_async_context(Premises(self._settings))
            self._clock = premises.clock
            self._tls = await self._contexts()
            self._models = Models()
            rooms = self._rooms = Rooms(self._settings, premises, self.acting, self._tls, self._forward, self._models)
            await rooms.open(opened)
            self.services = rooms.services
            self.server = await self._open_server(opened)
            self.acting.attach(self._gateway, self._endpoint())
            self._open_inside(opened)
            await rooms.on_demand.start()
            rooms.execution.warm_up()
            self._opened = opened.pop_all()
        root_key = await self._first_key()
        took = self._clock.monotonic() - premises.since
        trust = None
        if self._settings.secured and not self._settings.tls_cert:
            trust = self._settings.ca_file
        self.running = Running(
            self._endpoint(), self._rooms.execution.in_words(), took, self._settings.auth_mode, trust, root_key
        )
        return self

    async def _first_key(self) -> tuple[str, str] | None:
        """Where signatures count, somebody must be able to sign."""
        if self._settings.auth_mode == "off" or any(not key.user for key in self._rooms.keys.all()):
            return None
        return await self._rooms.keys.make_root(DEFAULT_ACCOUNT)

    async def __aexit__(self, *error: object) -> None:
        await self._opened.aclose()

    def _endpoint(self) -> str:
        host, port = self.server.address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def _forward(self, ctx: Context, host: str, request: Request) -> Response:
        """What integrations of APIs ask of other services goes the gateway's way."""
        return await self._gateway.forward(ctx, host, request)

    async def _open_server(self, opened: AsyncExitStack) -> Server:
        settings, rooms = self._settings, self._rooms
        doors = self._doors = Doors(
            rooms.services,
            facts=self._facts,
            reset=rooms.reset,
            allow_reset=settings.allow_reset,
            clock=self._clock,
            allow_clock=settings.allow_clock,
            listen_host=settings.host,
            downloads={lambda_.LINK_PATH: rooms.download_code, links.SNS_CERTIFICATES: self._sns_certificate},
            views={"/_samovar/events": self._show_events, links.SNS_MAIL: self._sns_mail},
            asides=[
                Aside(
                    "s3",
                    "PutObject",
                    lambda request: rooms.on_demand.browsers.claims(request),
                    lambda request, ctx, body: rooms.on_demand.browsers.answer(request, ctx, body),
                    lambda request: rooms.on_demand.browsers.shared(request),
                )
            ],
            sites=[
                Site(rooms.urls.claims, rooms.urls.serve),
                Site(
                    rooms.front.claims,
                    rooms.front.serve,
                    services=("apigateway", "apigatewayv2"),
                    owns=rooms.front.owns,
                    admit=rooms.front.admit,
                ),
                Site(
                    balancers.claims,
                    rooms.on_demand.serve_balancer,
                    streams=True,
                    services=("elbv2",),
                    admit=balancers.admit,
                ),
                Site(
                    registry.claims,
                    rooms.on_demand.serve_registry,
                    streams=True,
                    private=True,
                    services=("ecr",),
                    admit=registry.admit,
                ),
            ],
            rooms={keys.PATH: keys.KeysDoor(rooms.authority, rooms.keys).open},
            guard=rooms.authority.authenticate_operator if settings.auth_mode == "on" else None,
        )
        gateway = self._gateway = Gateway(
            self._models, rooms.services, doors=doors, region=settings.region, authority=rooms.authority
        )
        opened.push_async_callback(gateway.close)
        try:
            server = await serve(
                gateway.handle, host=settings.host, port=settings.port, admit=doors.admit, tls=self._tls
            )
        except OSError as error:
            raise PortTaken(_explain(settings, error)) from error
        opened.push_async_callback(server.close, settings.shutdown_grace_s)
        opened.push_async_callback(rooms.on_demand.stop_listening)
        opened.push_async_callback(rooms.engine.debugger.close)  # who stands at a breakpoint needs no grace
        return server

    def _open_inside(self, opened: AsyncExitStack) -> None:
        """Let functions in: at the platform's endpoint, and under the names that its APIs have."""
        named = self._rooms.named
        secured = Server(
            self._gateway.handle,
            admit=self._doors.admit,
            limits=Limits(of_one_listener=_SECURED_OF_A_BOX),
            clock=self._clock,
            tls=named.context,
        )
        opened.push_async_callback(secured.close, self._settings.shutdown_grace_s)
        names = Names(named.resolves)
        opened.callback(names.close)
        self._rooms.execution.attach(self.server, secured, names)

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

    async def _sns_certificate(self, path: str, query: str) -> bytes | None:
        return await (await self._rooms.open_door("sns")).sns_certificate(path, query)

    async def _sns_mail(self, query: Mapping[str, str]) -> object:
        return await (await self._rooms.open_door("sns")).sns_mail(query)

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
        return {"events": await self._rooms.journal.find(wanted, after, limit)}

    def _facts(self) -> dict[str, object]:
        return {
            "version": __version__,
            "isolation": self._rooms.execution.isolation.value,
            "ephemeral": self._settings.ephemeral,
        }


def _explain(settings: Settings, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"cannot listen on {settings.host}: no address is known by that name; choose another --host"
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno == errno.EADDRINUSE:
        reason += ". If another Samovar (or LocalStack) runs there, stop it"
    elif error.errno == errno.EACCES:
        reason += ". Low ports are for root: start the server as root"
    elif error.errno == errno.EADDRNOTAVAIL:
        return f"cannot listen on {settings.host}: no interface of this machine has that address; choose another --host"
    where = f"{settings.host} port {settings.port}"
    return f"cannot listen on {where}: {reason}; or choose another port with --port (0 takes a free one)"
