"""What the routes of a WebSocket API lead to, made ready once for a deployment (facts/apigateway.md §4, §10).

Owns: which kind an integration is, the limit of its time. Rules: whatever can be read from the configuration is read
here, not per message; a function is run without a task and without an await.
"""

from collections.abc import Callable

from samovar.core.context import Acting
from samovar.services.apigatewayv2.integrations import filled, function_arn
from samovar.services.apigatewayv2.ports import Authority
from samovar.services.apigatewayv2.records import Integration, IntegrationResponse, Route, Stage
from samovar.services.apigatewayv2.state import ApiKey
from samovar.services.apigatewayv2.websocket import answer, event
from samovar.services.apigatewayv2.websocket.answer import TIMED_OUT, Answer, Done, failed
from samovar.services.apigatewayv2.websocket.backends import (
    Caller,
    FunctionCall,
    HttpCall,
    Invoke,
    Mapped,
    Mock,
    ServiceCall,
    Tasks,
)
from samovar.services.apigatewayv2.websocket.event import Occurrence
from samovar.services.apigatewayv2.websocket.mapping import ResponseMapping
from samovar.web.deadlines import Deadlines, Line
from samovar.web.functions import PRINCIPAL, Functions, Ran
from samovar.web.service_requests import Forward, place
from samovar.web.urls import Urls

Target = Callable[[Occurrence, Done], None]
"""Takes what happened to its integration; `Done` hears once, now or later."""


class Targets:
    """Makes targets."""

    def __init__(
        self,
        acting: Acting,
        functions: Functions,
        deadlines: Deadlines,
        urls: Urls,
        tasks: Tasks,
        forward: Forward,
        authority: Authority,
    ) -> None:
        self._acting = acting
        self._functions = functions
        self._deadlines = deadlines
        self._urls = urls
        self._tasks = tasks
        self._forward = forward
        self._authority = authority

    def target(
        self,
        key: ApiKey,
        stage: Stage,
        route: Route,
        integration: Integration | None,
        responses: list[IntegrationResponse],
    ) -> Target:
        """`responses`: those of the integration."""
        if integration is None:
            return nowhere
        role = filled(integration.credentials_arn or "", stage.stage_variables)
        if role and not self._authority.trusts(role, PRINCIPAL):
            return nowhere
        kind = integration.integration_type
        function = function_arn(integration.integration_uri or "", stage.stage_variables)
        if kind == "AWS_PROXY":
            return self._proxy(key, stage, route, integration, function) if function else nowhere
        mapped = Mapped(integration, ResponseMapping(responses))
        if kind == "MOCK":
            return Mock(mapped).run
        if kind in ("HTTP", "HTTP_PROXY"):
            return HttpCall(mapped, self._urls, self._tasks).run
        if function:
            return FunctionCall(mapped, self._invoke(key, stage, route, integration, function)).run
        where = place(integration.integration_uri or "")
        if where is None:
            return nowhere
        return ServiceCall(mapped, where, self._caller(key, stage, route, integration), self._forward, self._tasks).run

    def _caller(self, key: ApiKey, stage: Stage, route: Route, integration: Integration) -> Caller:
        account, region, _ = key
        source = source_arn(key, stage, route)
        role = filled(integration.credentials_arn or PRINCIPAL, stage.stage_variables)
        return lambda happened: self._acting(account, region, role, source)

    def _proxy(self, key: ApiKey, stage: Stage, route: Route, integration: Integration, function: str) -> Target:
        invoke = self._invoke(key, stage, route, integration, function)

        def run(happened: Occurrence, done: Done) -> None:
            invoke(happened, event.written(happened), lambda ran: done(_of(ran)))

        return run

    def _invoke(self, key: ApiKey, stage: Stage, route: Route, integration: Integration, function: str) -> Invoke:
        caller = self._caller(key, stage, route, integration)
        functions, line = self._functions, self._deadlines.line(integration.timeout_in_millis / 1000)

        def run(happened: Occurrence, payload: bytes, done: Callable[[Ran], None]) -> None:
            waiting = _Waiting(done, line)
            functions.run(caller(happened), function, payload, waiting)

        return run


def source_arn(key: ApiKey, stage: Stage, route: Route) -> str:
    """A route as the permissions of functions know it."""
    account, region, api = key
    return f"arn:aws:execute-api:{region}:{account}:{api}/{stage.stage_name}/{route.route_key}"


def nowhere(occurrence: Occurrence, done: Done) -> None:
    """A route without a target, or with one that isn't there."""
    done(failed())


def _of(ran: Ran) -> Answer:
    """A function that wasn't run is our fault, one that failed its own."""
    if ran.refused:
        return failed(504, TIMED_OUT) if ran.error == TIMED_OUT else failed(500)
    return failed(502) if ran.error else answer.of_function(ran.payload)


class _Waiting:
    """A function that is waited for so long and no longer."""

    __slots__ = ("_done", "_line")

    def __init__(self, done: Callable[[Ran], None], line: Line) -> None:
        self._done: Callable[[Ran], None] | None = done
        self._line = line
        line.begin(self)

    def __call__(self, ran: Ran) -> None:
        done, self._done = self._done, None
        if done is not None:
            self._line.end(self)
            done(ran)

    def expire(self) -> None:
        self(Ran(b"", TIMED_OUT, True, TIMED_OUT))
