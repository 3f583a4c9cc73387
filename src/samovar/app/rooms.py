"""Every room but the server: built from the ground up, each handed what it needs.

Owns: in which order, and who knows whom. Rule: whatever is opened is closed in reverse, also when opening fails
half-way.
"""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from samovar.app.execution import Execution
from samovar.core.clock import SystemClock
from samovar.core.context import Acting, Context, Params
from samovar.core.meter import Meter
from samovar.core.service import Service
from samovar.delivery.invocations import Invocations
from samovar.delivery.journal import Journal
from samovar.delivery.outbox import Outbox
from samovar.delivery.pollers.sqs import SqsPollers
from samovar.delivery.targets import Targets
from samovar.engine.credentials import Keys
from samovar.engine.model import Version
from samovar.gateway import certificates
from samovar.gateway.authority import OPERATOR, Authority
from samovar.gateway.identity import DEFAULT_ACCOUNT, Identities
from samovar.net.tls import Contexts
from samovar.services import (
    apigateway,
    apigatewaymanagementapi,
    apigatewayv2,
    application_autoscaling,
    cloudwatch,
    ecr,
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
from samovar.settings import Settings, SettingsError, issuers
from samovar.store.blobs import Blobs
from samovar.store.bodies import Bodies
from samovar.store.queue import Queues
from samovar.store.sqlite import Store, open_store
from samovar.store.vault import Vault
from samovar.web.account_rate import AccountRate
from samovar.web.connections import Connections
from samovar.web.domains import Domains
from samovar.web.front import Front
from samovar.web.functions import Functions
from samovar.web.jwt import Key, Keyring, key_set
from samovar.web.service_requests import Forward
from samovar.web.upstream import Upstream
from samovar.web.urls import Urls
from samovar.wire.model import Models


class Rooms:
    """What the platform is made of; the attributes are there once `open` has returned."""

    def __init__(
        self, settings: Settings, clock: SystemClock, acting: Acting, tls: Contexts | None, forward: Forward
    ) -> None:
        """`forward`: the gateway's way, which is there later."""
        self._settings = settings
        self._clock = clock
        self._tls = tls
        self._forward = forward
        self.acting = acting
        self.meter = Meter(clock)

    async def open(self, rooms: AsyncExitStack, data: Path) -> None:
        """Open everything; what `rooms` has is closed in reverse."""
        settings, clock = self._settings, self._clock
        store = await open_store(None if settings.ephemeral else data)
        rooms.push_async_callback(store.close)
        metrics = await cloudwatch.build(store, clock, self.meter)
        self._close_with(rooms, metrics)
        identity_services = await self._open_identity(store, data)
        logs_service, sink = await logs.build(store, clock, self.meter)
        self._close_with(rooms, logs_service)
        self.execution = Execution(settings, clock, data, sink, self.meter, self._issue)
        engine = self.engine = self.execution.engine
        rooms.push_async_callback(engine.close)
        await self.execution.open_way()
        sqs_service = await sqs.build(store, clock, await self._bodies(rooms, data / "sqs"), self.meter)
        self._close_with(rooms, sqs_service)
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
        )
        self._close_with(rooms, lambda_service)
        web_services = await self._open_web(rooms, store, functions)
        events_service = await events.build(store, clock, self.outbox, self.journal, self.targets, self._vault)
        self._close_with(rooms, events_service)
        scheduler_service = await scheduler.build(store, clock, self.outbox)
        self._close_with(rooms, scheduler_service)
        await self.outbox.queue.start()
        scaling = await application_autoscaling.build(store, clock, self.acting, engine.provisioned_use)
        self._close_with(rooms, scaling)
        s3_service, self.browsers = await s3.build(
            store, data / "objects", clock, self.outbox, self.acting, self.authority.admit_form
        )
        self._close_with(rooms, s3_service)
        registry = await self._open_registry(rooms, store, data)
        sns_service, self.sns_certificate, self.sns_mail = await sns.build(
            store, self._queues, self.acting, self.targets, self.journal, data / "sns", clock, settings.smtp
        )
        self._close_with(rooms, sns_service)
        self.services = [
            lambda_service,
            logs_service,
            sqs_service,
            sns_service,
            s3_service,
            registry,
            events_service,
            scheduler_service,
            scaling,
            metrics,
            *web_services,
            *identity_services,
        ]

    async def _open_registry(self, rooms: AsyncExitStack, store: Store, data: Path) -> Service:
        service, self.registry, self.image_bytes = await ecr.build(
            store,
            data / "images",
            self._clock,
            self.outbox,
            self.acting,
            self._vault,
            self._admit_image,
            (DEFAULT_ACCOUNT, self._settings.region),
            locked=self._settings.auth_mode == "on",
        )
        self._close_with(rooms, service)
        return service

    def _admit_image(self, ctx: Context, operation: str, params: Params) -> Context:
        """A step of a push or a pull needs what the same step needs in ECR's API."""
        return self.authority.admit(ctx, "ecr", operation, params) if self.authority.enforces else ctx

    async def _open_web(self, rooms: AsyncExitStack, store: Store, functions: Functions) -> list[Service]:
        """The services whose resources web requests are for, behind one door."""
        front = self.front = Front()
        domains = front.domains = await Domains.open(store)
        connections = Connections(self._clock)
        rooms.callback(connections.close)
        upstream = Upstream()
        rooms.push_async_callback(upstream.close)
        urls = Urls(upstream)
        issuers = await asyncio.to_thread(_keys_of_issuers, self._settings)
        keyring = Keyring(self._clock, urls.document, issuers)
        rooms.push_async_callback(keyring.close)
        rate = AccountRate(self._settings.api_request_rate)
        rest, api_keys = await apigateway.build(
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
            rate,
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
            api_keys,
            rate,
        )
        self._close_with(rooms, v2)
        if isinstance(self._tls, certificates.Issued):
            self._tls.owns = domains.known
        balancers = await self._open_balancers(rooms, store, functions)
        return [rest, v2, apigatewaymanagementapi.build(connections), balancers]

    async def _open_balancers(self, rooms: AsyncExitStack, store: Store, functions: Functions) -> Service:
        settings = self._settings
        service, self.balancers = await elbv2.build(
            store,
            self._clock,
            self.acting,
            functions,
            self.meter,
            host=settings.host,
            own_port=settings.port,
            opening=settings.listener_ports,
            tls=self._tls,
        )
        self._close_with(rooms, service)
        return service

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

    async def reset(self) -> None:
        """What a reset empties beyond the services."""
        for queue in (self.invocations.queue, self.outbox.queue):
            await queue.reset()
        await self.journal.reset()
        await self.engine.reset()


def _keys_of_issuers(settings: Settings) -> dict[str, list[Key]]:
    """What the files say that `issuers` names."""
    found = {}
    for issuer, path in issuers(settings).items():
        try:
            found[issuer] = key_set(path.read_bytes())
        except (OSError, ValueError) as error:
            raise SettingsError(f"issuers: the keys in {path} can't be used: {error}") from None
    return found
