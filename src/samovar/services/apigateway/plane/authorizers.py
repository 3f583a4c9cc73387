"""Lambda authorizers of REST APIs: TOKEN and REQUEST (facts/apigateway.md §7).

Owns: what identifies a caller, and the event that the function gets. What its answer means is
`web/lambda_authorizer`'s.
"""

import asyncio
from collections.abc import Callable
from functools import partial

import msgspec

from samovar.services.apigateway import expressions
from samovar.services.apigateway.plane import execution_log
from samovar.services.apigateway.plane.exchange import Exchange
from samovar.services.apigateway.plane.ports import Ports, filled
from samovar.services.apigateway.plane.proxy import told
from samovar.services.apigateway.plane.refusals import Refusal
from samovar.services.apigateway.state import Shape
from samovar.web import event_v1, service_requests
from samovar.web.lambda_authorizer import Failure, Grant, Question, read_policy
from samovar.web.patterns import Pattern

Then = Callable[[Refusal | None], None]

_REFUSALS = {
    Failure.UNAUTHORIZED: "UNAUTHORIZED",
    Failure.FAILED: "AUTHORIZER_FAILURE",
    Failure.MALFORMED: "AUTHORIZER_CONFIGURATION_ERROR",
}


class FunctionAuthorizer:
    def __init__(self, shape: Shape, ports: Ports) -> None:
        self.id: str = shape["id"]
        self._ports = ports
        self._is_token = shape["type"] == "TOKEN"
        place = service_requests.place(shape["authorizerUri"])
        self._function = place.function if place else ""
        self._credentials: str = shape.get("authorizerCredentials") or ""
        self._ttl_s: int = shape["authorizerResultTtlInSeconds"]
        given = [each for each in (shape.get("identitySource") or "").split(",") if each.strip()]
        self._sources = [source for each in given if (source := expressions.identity_source(each))]
        expression = shape.get("identityValidationExpression")
        self._pattern = Pattern(expression) if expression else None

    def ask(self, exchange: Exchange, then: Then) -> None:
        """`then` hears None when the function has answered; what it lets the caller do is then `exchange.grant`."""
        identity = self.identity(exchange)
        self.ask_as(exchange, identity, self._ttl_s, then)

    def identity(self, exchange: Exchange) -> list[str]:
        """What the caller shows; raises Refusal where something is missing, without the function being asked."""
        values = [exchange.identity_value(source) for source in self._sources]
        if not all(values) or (self._pattern and not self._pattern.matches(values[0] or "")):
            raise Refusal("UNAUTHORIZED")
        return [value or "" for value in values]

    def ask_as(self, exchange: Exchange, identity: list[str], ttl_s: int, then: Then) -> None:
        api, started = exchange.api, asyncio.get_running_loop().time()
        execution_log.authorizing(exchange, self.id, identity)
        source = f"arn:aws:execute-api:{api.region}:{api.account}:{api.id}/authorizers/{self.id}"
        question = Question(
            exchange.acting(self._ports.principal(exchange, self._credentials), source),
            filled(self._function, exchange.variables),
            partial(self._event, exchange, identity),
            read_policy,
            (api.id, exchange.staged.name, exchange.staged.deployment, self.id, *identity) if identity else None,
            ttl_s,
        )
        self._ports.authorizers.ask(question, partial(_heard, exchange, started, then), exchange.say)

    def _event(self, exchange: Exchange, identity: list[str]) -> bytes:
        head = {"type": "TOKEN" if self._is_token else "REQUEST", "methodArn": exchange.execution_arn}
        token = {"authorizationToken": identity[0] if identity else ""}
        event = msgspec.json.encode({**head, **(token if self._is_token else event_v1.event(told(exchange)))})
        execution_log.invoking(exchange, filled(self._function, exchange.variables), event)
        return event


def _heard(exchange: Exchange, started: float, then: Then, said: Grant | Failure) -> None:
    if isinstance(said, Failure):
        then(Refusal(_REFUSALS[said]))
        return
    exchange.grant = said
    exchange.usage_key = said.usage_key
    took = round((asyncio.get_running_loop().time() - started) * 1000)
    execution_log.authorized(exchange, said.principal)
    exchange.authorizer = {"principalId": said.principal, **said.context, "integrationLatency": took}
    then(None)
