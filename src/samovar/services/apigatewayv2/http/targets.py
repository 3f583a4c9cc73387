"""What routes lead to: each integration made ready once for a deployment (facts/apigateway.md §9).

Owns: which kind of target an integration is, its timeout, and the tasks of targets that need some. Rule: whatever can
be read from the configuration is read here, not per request.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from samovar.core.context import Acting
from samovar.net.message import Response
from samovar.services.apigatewayv2.http.exchange import Exchange
from samovar.services.apigatewayv2.http.functions import FunctionTarget
from samovar.services.apigatewayv2.http.mapping import RequestMapping, ResponseMapping
from samovar.services.apigatewayv2.http.services import SUBTYPES, ServiceTarget
from samovar.services.apigatewayv2.http.upstreams import Private, UpstreamTarget, Web
from samovar.services.apigatewayv2.http.values import WrongExpression
from samovar.services.apigatewayv2.integrations import filled, function_arn, source_arn
from samovar.services.apigatewayv2.ports import Authority
from samovar.services.apigatewayv2.records import Integration, Route, Stage
from samovar.services.apigatewayv2.state import ApiKey
from samovar.web.deadlines import Deadlines, Line
from samovar.web.functions import PRINCIPAL, Functions
from samovar.web.urls import Urls
from samovar.wire.model import Models

Handler = Callable[[Exchange], None]

log = logging.getLogger("samovar.apigateway")


class Targets:
    def __init__(
        self,
        acting: Acting,
        functions: Functions,
        urls: Urls,
        models: Models,
        deadlines: Deadlines,
        authority: Authority,
    ) -> None:
        self._authority = authority
        self._acting = acting
        self._functions = functions
        self._urls = urls
        self._models = models
        self._deadlines = deadlines
        self._tasks: set[asyncio.Task[None]] = set()

    def handler(self, key: ApiKey, stage: Stage, route: Route, integration: Integration | None) -> Handler:
        """What answers the requests of a route."""
        if integration is None:
            return _Broken("The route has no integration").handle
        try:
            handle = self._mapped(integration, self._handler(key, stage, route, integration))
        except WrongExpression as wrong:
            return _Broken(str(wrong)).handle
        return _InTime(handle, self._deadlines.line(integration.timeout_in_millis / 1000)).handle

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _handler(self, key: ApiKey, stage: Stage, route: Route, integration: Integration) -> Handler:
        role = filled(integration.credentials_arn or "", stage.stage_variables)
        if role and not self._authority.trusts(role, PRINCIPAL):
            return _Broken(f"The role {role} can't be assumed by {PRINCIPAL}").handle
        if integration.integration_type == "HTTP_PROXY":
            is_private = integration.connection_type == "VPC_LINK"
            where = Private(self._acting, key, integration) if is_private else Web(stage, integration)
            return UpstreamTarget(self._urls, self._spawn, where, integration).handle
        if integration.integration_subtype in SUBTYPES:
            return ServiceTarget(self._acting, self._models, self._spawn, key, stage, integration).handle
        arn = function_arn(integration.integration_uri or "", stage.stage_variables)
        if arn is None:
            return _Broken(f"{integration.integration_uri} names no function").handle
        source = source_arn(key, stage, route)
        return FunctionTarget(
            self._functions, self._acting, key, arn, role or PRINCIPAL, source, integration.payload_format_version
        ).handle

    @staticmethod
    def _mapped(integration: Integration, handle: Handler) -> Handler:
        """With the changes that the integration makes to requests and to answers."""
        after = {int(code): ResponseMapping(each) for code, each in (integration.response_parameters or {}).items()}
        given = integration.request_parameters if not integration.integration_subtype else None
        before = RequestMapping(given) if given else None
        return _Mapped(handle, before, after).handle if before or after else handle

    def _spawn(self, exchange: Exchange, work: Coroutine[Any, Any, None]) -> None:
        """Run what a target needs to wait for; it ends with the exchange."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, exchange))
        exchange.work = task

    def _ended(self, exchange: Exchange, task: asyncio.Task[None]) -> None:
        """The root of these tasks: a bug is logged here and answered."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("the integration of %s failed", exchange.routed.route_key, exc_info=error)
            exchange.refuse(500)


class _InTime:
    """A target that must answer within its timeout."""

    def __init__(self, handle: Handler, line: Line) -> None:
        self._handle = handle
        self._line = line

    def handle(self, exchange: Exchange) -> None:
        exchange.begin_integration(self._line)
        self._handle(exchange)


class _Mapped:
    """A target behind a mapping of parameters."""

    def __init__(self, handle: Handler, before: RequestMapping | None, after: dict[int, ResponseMapping]) -> None:
        self._handle = handle
        self._before = before
        self._after = after

    def handle(self, exchange: Exchange) -> None:
        if self._before is not None:
            self._before.applied(exchange)
        exchange.mapped = self._answered
        self._handle(exchange)

    def _answered(self, exchange: Exchange, response: Response) -> Response:
        mapping = self._after.get(response.status)
        return mapping.applied(exchange, response) if mapping is not None else response


class _Broken:
    """An integration that can't answer."""

    def __init__(self, why: str) -> None:
        self._why = why

    def handle(self, exchange: Exchange) -> None:
        exchange.refuse(500, why=self._why)
