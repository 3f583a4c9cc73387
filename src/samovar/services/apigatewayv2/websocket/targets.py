"""What the routes of a WebSocket API lead to, made ready once for a deployment (facts/apigateway.md §4, §10).

Owns: which kind an integration is, the limit of its time. Rules: whatever can be read from the configuration is read
here, not per message; a function is run without a task and without an await.
"""

from collections.abc import Callable

from samovar.core.context import Acting
from samovar.services.apigatewayv2.integrations import function_arn
from samovar.services.apigatewayv2.records import Integration, Route, Stage
from samovar.services.apigatewayv2.state import ApiKey
from samovar.services.apigatewayv2.websocket import answer, event
from samovar.services.apigatewayv2.websocket.answer import TIMED_OUT, Answer, Done, failed
from samovar.services.apigatewayv2.websocket.event import Occurrence
from samovar.web.deadlines import Deadlines
from samovar.web.functions import PRINCIPAL, Functions, Ran

Target = Callable[[Occurrence, Done], None]
"""Takes what happened to its integration; `Done` hears once, now or later."""


class Targets:
    """Makes targets."""

    def __init__(self, acting: Acting, functions: Functions, deadlines: Deadlines) -> None:
        self._acting = acting
        self._functions = functions
        self._deadlines = deadlines

    def target(self, key: ApiKey, stage: Stage, route: Route, integration: Integration | None) -> Target:
        if integration is None:
            return nowhere
        if integration.integration_type == "AWS_PROXY":
            function = function_arn(integration.integration_uri or "", stage.stage_variables)
            if function is not None:
                return self._function(key, stage, route, integration, function)
        return nowhere

    def _function(self, key: ApiKey, stage: Stage, route: Route, integration: Integration, function: str) -> Target:
        account, region, api = key
        source = f"arn:aws:execute-api:{region}:{account}:{api}/{stage.stage_name}/{route.route_key}"
        principal = integration.credentials_arn or PRINCIPAL
        timeout_s = integration.timeout_in_millis / 1000
        acting, functions, deadlines = self._acting, self._functions, self._deadlines

        def run(occurrence: Occurrence, done: Done) -> None:
            waiting = _Waiting(done, deadlines, timeout_s)
            ctx = acting(account, region, principal, source)
            functions.run(ctx, function, event.written(occurrence), lambda ran: waiting(_of(ran)))

        return run


def nowhere(occurrence: Occurrence, done: Done) -> None:
    """A route without a target, or with one that isn't there."""
    done(failed())


def _of(ran: Ran) -> Answer:
    """A function that wasn't run is our fault, one that failed its own."""
    if ran.refused:
        return failed(500)
    return failed(502) if ran.error else answer.of_function(ran.payload)


class _Waiting:
    """An answer that is waited for so long and no longer."""

    __slots__ = ("_deadlines", "_done", "_seconds")

    def __init__(self, done: Done, deadlines: Deadlines, seconds: float) -> None:
        self._done: Done | None = done
        self._deadlines = deadlines
        self._seconds = seconds
        deadlines.begin(self, seconds)

    def __call__(self, answer: Answer) -> None:
        done, self._done = self._done, None
        if done is not None:
            self._deadlines.end(self, self._seconds)
            done(answer)

    def expire(self) -> None:
        self(failed(504, TIMED_OUT))
