"""What an execution log tells of a request, in AWS's words and order (facts/apigateway.md §2; API Gateway guide, "Set
up CloudWatch logging for REST APIs").

Owns: the lines of a request's beginning, of its integration and of its end; what goes wrong between is told where it
does. The same for a stage's log and for TestInvokeMethod. Rules: bodies, headers and parameters are only told where
somebody wants them (`Exchange.shows`); where no log is kept nothing is made.
"""

import asyncio
from collections.abc import Iterable, Sequence

from samovar.net.message import Response
from samovar.services.apigateway.plane.exchange import Exchange


def authorizing(exchange: Exchange, authorizer: str, identity: Sequence[str]) -> None:
    if exchange.log is not None:
        exchange.say(f"Starting authorizer: {authorizer} for request: {exchange.ctx.request_id}")
        exchange.say(f"Incoming identity: {', '.join(map(_masked, identity))}")


def authorized(exchange: Exchange, principal: str) -> None:
    if exchange.log is not None:
        exchange.say(f"Using valid authorizer policy for principal: {_masked(principal)}")
        exchange.say("Successfully completed authorizer execution")


def key_claimed(exchange: Exchange, value: str) -> None:
    """The API key was looked at: `value`, or none was asked for."""
    if exchange.log is None:
        return
    where = f"API Stage {exchange.api.id}/{exchange.staged.name}"
    exchange.say(f"Verifying Usage Plan for request: {exchange.ctx.request_id}. API Key: {_masked(value)} {where}")
    if not exchange.settled.api_key_required:
        exchange.say(
            f"API Key {_masked(value)} authorized because method '{exchange.http_method} {exchange.resource}' does not "
            "require API Key. Request will not contribute to throttle or quota limits"
        )
    exchange.say(f"Usage Plan check succeeded for API Key {_masked(value)} and {where}")


def _masked(value: str) -> str:
    """The last characters, and never more than half."""
    shown = min(6, len(value) // 2)
    return "*" * (len(value) - shown) + value[len(value) - shown :]


def begun(exchange: Exchange) -> None:
    """The caller was let in."""
    if exchange.log is None:
        return
    say, show = exchange.say, exchange.show
    say(f"Starting execution for request: {exchange.ctx.request_id}")
    say(f"HTTP Method: {exchange.http_method}, Resource Path: {exchange.path}")
    show("Method request path", as_map(exchange.parameters.items()))
    show("Method request query string", as_map(exchange.query))
    show("Method request headers", as_map(exchange.lines))
    show("Method request body before transformations", exchange.body)


def sending(exchange: Exchange, url: str, body: bytes) -> None:
    """The request to the integration is made."""
    if exchange.log is None:
        return
    exchange.show("Endpoint request URI", url.encode(errors="replace"))
    exchange.show("Endpoint request body after transformations", body)
    exchange.say(f"Sending request to {url}")
    exchange.asked = asyncio.get_running_loop().time()


def invoking(exchange: Exchange, function: str, body: bytes) -> None:
    """The same of a function, by its ARN."""
    if exchange.log is not None:
        region = function.split(":")[3] if function.count(":") > 3 else exchange.api.region
        path = f"2015-03-31/functions/{function}/invocations"
        sending(exchange, f"https://lambda.{region}.amazonaws.com/{path}", body)


def received(exchange: Exchange, status: int, headers: Sequence[tuple[str, str]] = ()) -> None:
    """The integration has answered."""
    if exchange.log is None:
        return
    took = round((asyncio.get_running_loop().time() - exchange.asked) * 1000)
    exchange.say(f"Received response. Status: {status}, Integration latency: {took} ms")
    if headers:
        exchange.show("Endpoint response headers", as_map(headers))


def completed(exchange: Exchange, response: Response) -> None:
    """The client is answered."""
    if exchange.log is None:
        return
    if exchange.method is not None:
        body = response.body if isinstance(response.body, bytes) else b""
        exchange.show("Method response body after transformations", body)
        exchange.show("Method response headers", as_map(response.headers))
        if exchange.refusal is None:
            exchange.say("Successfully completed execution")
    exchange.say(f"Method completed with status: {response.status}")


def as_map(pairs: Iterable[tuple[str, str]]) -> bytes:
    """As Java prints a map."""
    return ("{" + ", ".join(f"{name}={value}" for name, value in pairs) + "}").encode(errors="replace")
