"""The values of parameter mapping: selection expressions in texts (facts/apigateway.md §9).

Owns: `$request.header.name`, `${context.requestId}` and their kin, alone or within a text. Pure; compiled once. Rules:
a value that the request doesn't have is empty; a text without expressions is itself; of a body, 100 KB are read.
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import msgspec

from samovar.net.message import Response
from samovar.services.apigatewayv2.http import sources
from samovar.services.apigatewayv2.http.exchange import Exchange
from samovar.web import jsonpath

BODY_LIMIT = 100 * 1024

Value = Callable[[Exchange, Response | None], str | None]
"""Of a request, or of an answer to it."""

_NAME = r"[A-Za-z0-9_.$\[\]'\"*:@-]+"
_EXPRESSION = re.compile(
    rf"\$\{{(?P<braced>(?:request|response|context|stageVariables)\.{_NAME})\}}"
    rf"|\$(?P<bare>(?:request|response|context|stageVariables)\.{_NAME})"
)


class WrongExpression(Exception):
    """The message names it."""


def value(text: str) -> Value:
    """The value that a text means; WrongExpression."""
    pieces: list[str | Value] = []
    at = 0
    for found in _EXPRESSION.finditer(text):
        if found.start() > at:
            pieces.append(text[at : found.start()])
        pieces.append(_reader(found["braced"] or found["bare"]))
        at = found.end()
    if at < len(text):
        pieces.append(text[at:])
    if len(pieces) == 1 and not isinstance(pieces[0], str):
        return pieces[0]
    if all(isinstance(piece, str) for piece in pieces):
        return lambda exchange, response: text
    return lambda exchange, response: "".join(
        piece if isinstance(piece, str) else piece(exchange, response) or "" for piece in pieces
    )


def _reader(expression: str) -> Value:
    root, _, rest = expression.partition(".")
    if root == "context":
        return _of_request(sources.of_context(rest))
    if root == "stageVariables":
        return _of_request(sources.stage_variable(rest))
    kind, _, name = rest.partition(".")
    make = (_REQUEST if root == "request" else _RESPONSE).get(kind)
    if make is None:
        raise WrongExpression(f"Invalid mapping expression specified: ${expression}")
    return make(name)


def _of_request(read: sources.Read) -> Value:
    return lambda exchange, response: read(exchange)


def _path(name: str) -> Value:
    if name:
        return lambda exchange, response: exchange.routed.parameters.get(name)
    return lambda exchange, response: unquote(exchange.path)


def _body(name: str) -> Value:
    dug = _dug(name)
    return lambda exchange, response: dug(exchange.request.body)


def _answers_body(name: str) -> Value:
    dug = _dug(name)
    return lambda exchange, response: dug(response.body if response and isinstance(response.body, bytes) else b"")


def _answers_header(name: str) -> Value:
    name = name.lower()

    def read(exchange: Exchange, response: Response | None) -> str | None:
        found = [value for each, value in response.headers if each.lower() == name] if response else []
        return ",".join(found) if found else None

    return read


def _dug(path: str) -> Callable[[bytes], str | None]:
    """Reads what a path means of a body in JSON; the whole body without one."""
    if not path:
        return lambda body: body[:BODY_LIMIT].decode(errors="replace")
    try:
        compiled = jsonpath.compile(path)
    except jsonpath.JsonPathError as error:
        raise WrongExpression(f"Invalid mapping expression specified: {path}: {error}") from None

    def read(body: bytes) -> str | None:
        try:
            found: Any = compiled.read(msgspec.json.decode(body[:BODY_LIMIT]))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, jsonpath.JsonPathError):
            return None
        if found is jsonpath.MISSING or found is None:
            return None
        return found if isinstance(found, str) else msgspec.json.encode(found).decode()

    return read


_REQUEST: dict[str, Callable[[str], Value]] = {
    "header": lambda name: _of_request(sources.header(name)),
    "querystring": lambda name: _of_request(sources.querystring(name)),
    "path": _path,
    "body": _body,
}
_RESPONSE: dict[str, Callable[[str], Value]] = {"header": _answers_header, "body": _answers_body}
