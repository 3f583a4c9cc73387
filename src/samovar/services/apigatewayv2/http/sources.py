"""Values that a request or its stage has: `$request.header.name`, `$context.name` (facts/apigateway.md §9).

Owns: the selection expressions of identity sources and of parameter mapping. Pure; compiled once.
"""

import re
from collections.abc import Callable

from samovar.services.apigatewayv2.http.context import variable
from samovar.services.apigatewayv2.http.exchange import Exchange
from samovar.wire import text

Read = Callable[[Exchange], str | None]
"""None where the request has no such thing."""

_EXPRESSION = re.compile(
    r"\$(?P<kind>request\.header|request\.querystring|context|stageVariables)\.(?P<name>[^\s{}$]+)"
)


def is_source(given: str) -> bool:
    """Whether it can be an identity source."""
    return _EXPRESSION.fullmatch(given) is not None


def source(given: str) -> Read:
    """Reads an identity source."""
    found = _EXPRESSION.fullmatch(given)
    if found is None:
        return _nothing
    return _READERS[found["kind"]](found["name"])


def header(name: str) -> Read:
    name = name.lower()
    return lambda exchange: exchange.request.headers.get(name)


def querystring(name: str) -> Read:
    def read(exchange: Exchange) -> str | None:
        values = [value for each, value in text.pairs(exchange.request.query) if each == name]
        return ",".join(values) if values else None

    return read


def of_context(name: str) -> Read:
    return lambda exchange: variable(exchange, name)


def stage_variable(name: str) -> Read:
    return lambda exchange: exchange.routed.variables.get(name)


def _nothing(exchange: Exchange) -> None:
    return None


_READERS: dict[str, Callable[[str], Read]] = {
    "request.header": header,
    "request.querystring": querystring,
    "context": of_context,
    "stageVariables": stage_variable,
}
