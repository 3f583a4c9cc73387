"""The services that are built when they are first needed: imported, opened, started.

Owns: how each is built, out of what, and which of them share something. Refuses: when (`core/services`; `used` at a
start). Rule: what is opened here is closed with the stack that it was given: `below` after everything that delivers,
`above` before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from samovar.app.named import Named
from samovar.core.clock import SystemClock
from samovar.core.context import Acting, Context, Params
from samovar.core.later import later
from samovar.core.meter import Meter
from samovar.core.service import Service
from samovar.delivery.journal import Journal
from samovar.delivery.outbox import Outbox
from samovar.delivery.targets import Targets
from samovar.engine.invoke import Engine
from samovar.gateway.authority import Authority
from samovar.gateway.identity import DEFAULT_ACCOUNT
from samovar.net.message import Reply, Request, Response
from samovar.net.tls import Contexts
from samovar.settings import Settings
from samovar.store.blobs import Blobs
from samovar.store.bodies import Bodies
from samovar.store.queue import Queues
from samovar.store.sqlite import Store
from samovar.store.vault import Vault
from samovar.web.front import Front
from samovar.web.functions import Functions
from samovar.web.service_requests import Forward
from samovar.wire.model import Models

if TYPE_CHECKING:
    from samovar.app import apis
    from samovar.services import (
        apigateway,
        apigatewaymanagementapi,
        apigatewayv2,
        application_autoscaling,
        ecr,
        elbv2,
        events,
        s3,
        scheduler,
        sns,
        sqs,
    )
else:
    apis = later("samovar.app.apis")
    apigateway = later("samovar.services.apigateway")
    apigatewaymanagementapi = later("samovar.services.apigatewaymanagementapi")
    apigatewayv2 = later("samovar.services.apigatewayv2")
    application_autoscaling = later("samovar.services.application_autoscaling")
    ecr = later("samovar.services.ecr")
    elbv2 = later("samovar.services.elbv2")
    events = later("samovar.services.events")
    s3 = later("samovar.services.s3")
    scheduler = later("samovar.services.scheduler")
    sns = later("samovar.services.sns")
    sqs = later("samovar.services.sqs")


class Ground(msgspec.Struct, frozen=True):
    """What they stand on."""

    settings: Settings
    clock: SystemClock
    data: Path
    acting: Acting
    meter: Meter
    models: Models
    tls: Contexts | None
    named: Named
    forward: Forward
    store: Store
    queues: Queues
    vault: Vault
    journal: Journal
    outbox: Outbox
    targets: Targets
    authority: Authority
    engine: Engine
    functions: Functions
    front: Front
    open: Callable[[str], Awaitable[Service]]
    """Another service, for one that needs more of it than its operations."""


class OnDemand:
    """`builders` are the services' by name; their doors may be used once they are built."""

    def __init__(self, ground: Ground, below: AsyncExitStack, above: AsyncExitStack) -> None:
        self._ground = ground
        self._below = below
        self._above = above
        self._apis: apis.Apis | None = None
        self._opening_apis = asyncio.Lock()
        self._answering = False
        self._balancers: elbv2.Balancers | None = None
        self.builders: Mapping[str, Callable[[], Awaitable[Service]]] = {
            "sqs": self._open_sqs,
            "sns": self._open_sns,
            "s3": self._open_s3,
            "ecr": self._open_registry,
            "events": self._open_events,
            "scheduler": self._open_scheduler,
            "application-autoscaling": self._open_scaling,
            "apigateway": self._open_rest,
            "apigatewayv2": self._open_v2,
            "apigatewaymanagementapi": self._open_connections,
            "elbv2": self._open_balancers,
        }

    async def start(self) -> None:
        """The platform answers: load balancers listen on their own ports, and check their targets."""
        self._answering = True
        if self._balancers is not None:
            await self._balancers.start()

    async def stop_listening(self) -> None:
        self._answering = False
        if self._balancers is not None:
            await self._balancers.stop_listening()

    async def open_apis(self) -> "apis.Apis":
        """What APIs share. SettingsError when the settings name keys that can't be used."""
        on = self._ground
        async with self._opening_apis:
            if self._apis is None:
                self._apis = await apis.Apis.open(
                    on.settings, on.store, on.clock, on.front, on.tls, on.named, self._above
                )
        return self._apis

    # --- doors

    def serve_balancer(self, request: Request, ctx: Context, reply: Reply) -> None:
        assert self._balancers is not None
        self._balancers.serve(request, ctx, reply)

    def serve_registry(self, request: Request, ctx: Context, reply: Reply) -> Coroutine[Any, Any, Response]:
        return self._registry.serve(request, ctx, reply)

    # --- services

    async def _open_sqs(self) -> Service:
        on = self._ground
        bodies = await open_bodies(self._below, on.data / "sqs")
        return self._kept(await sqs.build(on.store, on.clock, bodies, on.meter), self._below)

    async def _open_sns(self) -> Service:
        on = self._ground
        service, self.sns_certificate, self.sns_mail = await sns.build(
            on.store, on.queues, on.acting, on.targets, on.journal, on.data / "sns", on.clock, on.settings.smtp
        )
        return self._kept(service, self._above)

    async def _open_s3(self) -> Service:
        on = self._ground
        service, self.browsers = await s3.build(
            on.store, on.data / "objects", on.clock, on.outbox, on.acting, on.authority.admit_form
        )
        return self._kept(service, self._above)

    async def _open_registry(self) -> Service:
        on = self._ground
        service, self._registry, self.image_bytes = await ecr.build(
            on.store,
            on.data / "images",
            on.clock,
            on.outbox,
            on.acting,
            on.vault,
            self._admit_image,
            (DEFAULT_ACCOUNT, on.settings.region),
            locked=on.settings.auth_mode == "on",
        )
        return self._kept(service, self._above)

    def _admit_image(self, ctx: Context, operation: str, params: Params) -> Context:
        """A step of a push or a pull needs what the same step needs in ECR's API."""
        authority = self._ground.authority
        return authority.admit(ctx, "ecr", operation, params) if authority.enforces else ctx

    async def _open_events(self) -> Service:
        on = self._ground
        service, self.call_destination = await events.build(on.store, on.clock, on.outbox, on.journal, on.vault)
        return self._kept(service, self._above)

    async def _open_scheduler(self) -> Service:
        on = self._ground
        return self._kept(await scheduler.build(on.store, on.clock, on.outbox), self._above)

    async def _open_scaling(self) -> Service:
        on = self._ground
        service = await application_autoscaling.build(on.store, on.clock, on.acting, on.engine.provisioned_use)
        return self._kept(service, self._above)

    async def _open_rest(self) -> Service:
        on, shared = self._ground, await self.open_apis()
        service, self._api_keys = await apigateway.build(
            on.store,
            on.clock,
            on.acting,
            on.front,
            shared.domains,
            on.functions,
            on.forward,
            shared.urls,
            shared.keyring,
            on.authority,
            on.meter,
            shared.rate,
            on.vault,
        )
        return self._kept(service, self._above)

    async def _open_v2(self) -> Service:
        on, shared = self._ground, await self.open_apis()
        await on.open("apigateway")  # whose API keys WebSocket APIs ask for
        service = await apigatewayv2.build(
            on.store,
            on.clock,
            on.acting,
            on.front,
            shared.domains,
            on.functions,
            shared.connections,
            shared.urls,
            on.models,
            on.authority,
            on.forward,
            shared.keyring,
            on.meter,
            self._api_keys,
            shared.rate,
        )
        return self._kept(service, self._above)

    async def _open_connections(self) -> Service:
        return apigatewaymanagementapi.build((await self.open_apis()).connections)

    async def _open_balancers(self) -> Service:
        on = self._ground
        service, balancers = await elbv2.build(
            on.store,
            on.clock,
            on.acting,
            on.functions,
            on.meter,
            host=on.settings.host,
            own_port=on.settings.port,
            opening=on.settings.listener_ports,
            tls=on.tls,
        )
        self._kept(service, self._above)
        self._balancers = balancers
        if self._answering:
            await balancers.start()
        return service

    @staticmethod
    def _kept(service: Service, stack: AsyncExitStack) -> Service:
        if service.close is not None:
            stack.push_async_callback(service.close)
        return service


async def open_bodies(rooms: AsyncExitStack, folder: Path) -> Bodies:
    blobs = await Blobs.open(folder)
    rooms.push_async_callback(blobs.close)
    return Bodies(blobs)
