"""Mapping expressions: `integration.request.header.X <- method.request.querystring.y` (facts/apigateway.md §4).

Owns: their grammar, for requests, for responses and for gateway responses. Each is compiled once, when a deployment is
first used, into a Source and a Target; `mapping` runs them. Pure.
"""

import re
from collections.abc import Mapping

import msgspec

from samovar.services.apigateway.state import bad

_STATIC = re.compile(r"'(.*)'", re.DOTALL)
_REQUEST_SOURCE = re.compile(
    r"method\.request\.(?P<part>header|multivalueheader|querystring|multivaluequerystring|path)\.(?P<name>.+)"
    r"|(?P<body>method\.request\.body)(?:\.(?P<path>.+))?"
    r"|(?P<variables>stageVariables)\.(?P<variable>.+)|(?P<context>context)\.(?P<key>.+)"
)
_RESPONSE_SOURCE = re.compile(
    r"integration\.response\.(?P<part>header|multivalueheader)\.(?P<name>.+)"
    r"|(?P<body>integration\.response\.body)(?:\.(?P<path>.+))?"
    r"|(?P<variables>stageVariables)\.(?P<variable>.+)|(?P<context>context)\.(?P<key>.+)"
)
_REQUEST_TARGET = re.compile(r"integration\.request\.(?P<part>header|querystring|path)\.(?P<name>.+)")
_RESPONSE_TARGET = re.compile(r"method\.response\.(?P<part>header)\.(?P<name>.+)")
_GATEWAY_TARGET = re.compile(r"gatewayresponse\.(?P<part>header)\.(?P<name>.+)")


class Source(msgspec.Struct, frozen=True):
    kind: str
    """`static`, `header`, `multivalueheader`, `querystring`, `multivaluequerystring`, `path`, `body`, `stageVariables`
    or `context`."""
    name: str = ""
    """The text of a static one, the JSONPath of a body; empty for the whole body."""


class Mapped(msgspec.Struct, frozen=True):
    """One mapping, compiled."""

    part: str
    name: str
    source: Source


def _source(text: str, grammar: re.Pattern[str]) -> Source | None:
    static = _STATIC.fullmatch(text)
    if static:
        return Source("static", static[1])
    found = grammar.fullmatch(text)
    if found is None:
        return None
    if found["part"]:
        return Source(found["part"], found["name"])
    if found["body"]:
        return Source("body", found["path"] or "")
    if found["variables"]:
        return Source("stageVariables", found["variable"])
    return Source("context", found["key"])


def _compile(
    parameters: Mapping[str, str], targets: re.Pattern[str], sources: re.Pattern[str]
) -> tuple[list[Mapped], str | None]:
    """(mappings, the first expression that is none; None when all are)."""
    found: list[Mapped] = []
    for name, expression in parameters.items():
        target, source = targets.fullmatch(name), _source(expression, sources)
        if target is None or source is None:
            return found, name if target is None else expression
        found.append(Mapped(target["part"], target["name"], source))
    return found, None


def requests(parameters: Mapping[str, str]) -> list[Mapped]:
    return _compile(parameters, _REQUEST_TARGET, _REQUEST_SOURCE)[0]


def responses(parameters: Mapping[str, str]) -> list[Mapped]:
    return _compile(parameters, _RESPONSE_TARGET, _RESPONSE_SOURCE)[0]


def gateway(parameters: Mapping[str, str]) -> list[Mapped]:
    return _compile(parameters, _GATEWAY_TARGET, _REQUEST_SOURCE)[0]


def check_request(parameters: Mapping[str, str]) -> None:
    _refuse(_compile(parameters, _REQUEST_TARGET, _REQUEST_SOURCE)[1])


def check_response(parameters: Mapping[str, str]) -> None:
    _refuse(_compile(parameters, _RESPONSE_TARGET, _RESPONSE_SOURCE)[1])


def check_gateway(parameters: Mapping[str, str]) -> None:
    _refuse(_compile(parameters, _GATEWAY_TARGET, _REQUEST_SOURCE)[1])


def _refuse(wrong: str | None) -> None:
    if wrong is not None:
        raise bad(
            "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping "
            f"expression specified: {wrong}]"
        )


def identity_source(text: str) -> Source | None:
    """Of an authorizer: `method.request.header.Authorization`, `context.httpMethod`."""
    found = _source(text.strip(), _REQUEST_SOURCE)
    return found if found and found.kind != "static" else None
