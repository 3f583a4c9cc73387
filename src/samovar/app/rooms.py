"""Every room but the server: built from the ground up, each handed what it needs.

Owns: in which order, who knows whom, and which services are there from the start: those that any invocation needs. The
others are built when they are first called (`on_demand`), or at the start when they were ever used (`used`). Rule:
whatever is opened is closed in reverse, also when opening fails half-way.
"""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import BinaryIO, Final

from samovar.app.execution import IMAGE_TREES, Execution
from samovar.app.named import Named
from samovar.app.on_demand import Ground, OnDemand, open_bodies
from samovar.app.premises import Premises
from samovar.app.used import Used
from samovar.core.context import Acting
from samovar.core.meter import Meter
from samovar.core.service import Service
from samovar.core.services import Build, Services
from samovar.delivery.invocations import Invocations
from samovar.delivery.journal import Journal
from samovar.delivery.outbox import Outbox
from samovar.delivery.pollers.sqs import SqsPollers
from samovar.delivery.targets import Parcel, Targets
from samovar.engine.credentials import Keys
from samovar.engine.model import Version
from samovar.gateway.authority import Authority
from samovar.gateway.identity import Identities
from samovar.gateway.signatures import OPERATOR
from samovar.net.tls import Contexts
from samovar.services import cloudwatch, iam, lambda_, logs, sts
from samovar.settings import Settings, issuers
from samovar.store.blobs import Blobs
from samovar.store.queue import Queues
from samovar.store.sqlite import Store
from samovar.store.vault import Vault
from samovar.web.front import Front
from samovar.web.functions import Functions
from samovar.web.service_requests import Forward
from samovar.wire.model import Models

_SERVICES: Final = (
    "lambda", "logs", "sqs", "sns", "s3", "ecr", "events", "scheduler", "application-autoscaling", "cloudwatch",
    "apigateway", "apigatewayv2", "apigatewaymanagementapi", "elbv2", "iam", "sts",
)  # fmt: skip
"""In the order in which requests that don't say which one they mean are offered to them."""


class Rooms:
    """What the platform is made of; the attributes are there once `open` has returned."""

    def __init__(
        self,
        settings: Settings,
        premises: Premises,
        acting: Acting,
        tls: Contexts | None,
        forward: Forward,
        models: Models,
    ) -> None:
        """`forward`: the gateway's way, which is there later."""
        self._premises = premises
        self._settings = settings
        self._clock = clock = premises.clock
        self._tls = tls
        self._forward = forward
        self._models = models
        self.acting = acting
        self.meter = Meter(clock)
        self.front = Front()
        self._services_there = asyncio.Event()

    async def open(self, rooms: AsyncExitStack) -> None:
        """Open everything that any call may need, and whatever was used before; `rooms` closes it in reverse."""
        settings, premises, clock = self._settings, self._premises, self._clock
        store, data = premises.store, premises.data
        self._used = await Used.open(store, _SERVICES)
        metrics = await cloudwatch.build(store, clock, self.meter)
        self._close_with(rooms, metrics)
        identity_services = await self._open_identity(store, data)
        logs_service, sink = await logs.build(store, clock, self.meter)
        self._close_with(rooms, logs_service)
        self.execution = Execution(settings, premises, sink, self.meter, self._issue)
        engine = self.engine = self.execution.engine
        self.named = Named(self.front, premises.authority, premises.trust, settings.region, clock, engine.outdate)
        rooms.push_async_callback(engine.close)
        await premises.settle()
        below = await rooms.enter_async_context(AsyncExitStack())
        blobs = await Blobs.open(data / "code")
        rooms.push_async_callback(blobs.close)
        await self._open_delivery(rooms, store, data)
        lambda_service, self.download_code, self.urls, functions = await lambda_.build(
            store,
            blobs,
            data / "trees",
            engine,
            clock,
            self.acting,
            invocations=self.invocations,
            pollers={"sqs": self._queue_pollers},
            hot_reload=settings.hot_reload,
            call_rates=settings.api_rate_limits,
            runtimes=lambda_.TABLE.unblocked() if settings.allow_deprecated_runtimes else lambda_.TABLE,
            authority=self.authority,
            images=lambda_.ImageStore(self._open_layer, data / IMAGE_TREES, clock, lambda_.KEPT_S),
            on_url=self.named.open,
        )
        self.named.is_url = self.urls.is_url
        self._close_with(rooms, lambda_service)
        above = await rooms.enter_async_context(AsyncExitStack())
        self.on_demand = OnDemand(self._ground(store, data, functions), below, above)
        here = {service.name: service for service in (lambda_service, logs_service, metrics, *identity_services)}
        for service in here.values():
            self.authority.attach(service)
        self.services = Services({name: here.get(name) or self._on_demand(name) for name in _SERVICES})
        rooms.push_async_callback(self.services.close)
        self._services_there.set()
        await self._open_used()
        store.at_once = False
        await self.outbox.queue.start()

    async def _open_used(self) -> None:
        """What an earlier server has left goes on, whether or not anybody calls."""
        await self.services.open_all(name for name in _SERVICES if name in self._used)
        if issuers(self._settings):
            await self.on_demand.open_apis()  # says whether their keys can be used

    def _on_demand(self, name: str) -> Build:
        async def build() -> Service:
            await self._used.note(name)
            service = await self.on_demand.builders[name]()
            self.authority.attach(service)
            return service

        return build

    def _ground(self, store: Store, data: Path, functions: Functions) -> Ground:
        return Ground(
            self._settings,
            self._clock,
            data,
            self.acting,
            self.meter,
            self._models,
            self._tls,
            self.named,
            self._forward,
            store,
            self._queues,
            self._vault,
            self.journal,
            self.outbox,
            self.targets,
            self.authority,
            self.engine,
            functions,
            self.front,
            lambda name: self.services.open(name),
        )

    async def open_door(self, service: str) -> OnDemand:
        """What a service opens beside its operations, once the service is there."""
        await self.services.open(service)
        return self.on_demand

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
        self.keys, self._directory, self._sessions = access_keys, directory, sessions
        self.authority = Authority(
            self._settings.auth_mode, Identities(access_keys, sessions), directory, self._clock, vault.derive(OPERATOR)
        )
        return [iam_service, sts_service]

    async def _open_delivery(self, rooms: AsyncExitStack, store: Store, data: Path) -> None:
        clock = self._clock
        self._queues = queues = await Queues.open(store, clock, await open_bodies(rooms, data / "queues"))
        self.journal = await Journal.open(store, clock, self.meter)
        self.targets = Targets(self.acting, self._call_destination)
        self.outbox = Outbox(queues, self.targets, self.journal, clock)
        self.invocations = Invocations(queues, self.engine, self.outbox, self.journal, clock)
        for queue in (self.outbox.queue, self.invocations.queue):
            rooms.push_async_callback(queue.close)
        self._queue_pollers = SqsPollers(self.acting, self.engine, self.journal, clock)
        rooms.push_async_callback(self._queue_pollers.close)

    async def _call_destination(self, parcel: Parcel) -> None:
        await (await self.open_door("events")).call_destination(parcel)

    async def _open_layer(self, account: str, region: str, repository: str, digest: str) -> BinaryIO | None:
        """A layer of an image; functions whose image wasn't unpacked yet ask while everything is being opened."""
        await self._services_there.wait()
        return await (await self.open_door("ecr")).image_bytes.open(account, region, repository, digest)

    @staticmethod
    def _close_with(rooms: AsyncExitStack, service: Service) -> None:
        if service.close is not None:
            rooms.push_async_callback(service.close)

    async def reset(self) -> None:
        """What a reset empties beyond the services."""
        for queue in (self.invocations.queue, self.outbox.queue):
            await queue.reset()
        await self.journal.reset()
        await self.engine.reset()
