"""Parameter mapping: what an integration changes of a request, and of an answer (facts/apigateway.md §9).

Owns: `append|overwrite|remove` of headers and query parameters, `overwrite:path`, `overwrite:statuscode`. Pure; it is
compiled once. Rule: headers that API Gateway keeps for itself can't be mapped.
"""

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from samovar.net.message import Request, Response
from samovar.services.apigatewayv2.http.exchange import Exchange
from samovar.services.apigatewayv2.http.values import Value, WrongExpression, value
from samovar.web.fields import sendable
from samovar.wire.text import pairs

Lines = list[tuple[str, str]]
Change = Callable[[Lines, str, str | None], Lines]
"""(what there is, name, value) -> what there is then."""

_KEY = re.compile(r"(?P<verb>append|overwrite|remove):(?P<kind>header|querystring)\.(?P<name>[^\s:]+)")
_PATH = "overwrite:path"
_STATUS = "overwrite:statuscode"
_RESERVED = re.compile(
    r"access-control-.*|apigw-.*|authorization|connection|content-encoding|content-length|content-location|forwarded|"
    r"keep-alive|origin|proxy-.*|te|trailers|transfer-encoding|upgrade|x-amz-.*|x-amzn-.*|x-forwarded-(?:for|host|proto)|"
    r"via"
)


class RequestMapping:
    """What becomes of a request; WrongExpression for what can't be mapped."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._path: Value | None = None
        self._headers: list[tuple[Change, str, Value]] = []
        self._query: list[tuple[Change, str, Value]] = []
        for key, text in parameters.items():
            if key == _PATH:
                self._path = value(text)
                continue
            kind, step = _step(key, text)
            (self._headers if kind == "header" else self._query).append(step)

    def applied(self, exchange: Exchange) -> None:
        """Change the request that the target gets."""
        before = exchange.request
        headers = _done(self._headers, list(before.headers.items()), exchange, None)
        query = before.query
        if self._query:
            query = urlencode(_done(self._query, pairs(query), exchange, None))
        path = self._path(exchange, None) if self._path else None
        joined: dict[str, str] = {}
        for name, text in headers:
            joined[name.lower()] = f"{joined[name.lower()]},{text}" if name.lower() in joined else text
        after = Request(before.method, before.path, query, joined, before.body, before.source)
        after.peer, after.http10 = before.peer, before.http10
        exchange.request = after
        if path is not None:
            exchange.routed.path = path if path.startswith("/") else f"/{path}"


class ResponseMapping:
    """What becomes of answers with one status; WrongExpression."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._status: Value | None = None
        self._headers: list[tuple[Change, str, Value]] = []
        for key, text in parameters.items():
            if key == _STATUS:
                self._status = value(text)
                continue
            kind, step = _step(key, text)
            if kind != "header":
                raise WrongExpression(f"Invalid mapping expression specified: {key}")
            self._headers.append(step)

    def applied(self, exchange: Exchange, response: Response) -> Response:
        headers = _done(self._headers, list(response.headers), exchange, response)
        status = self._status(exchange, response) if self._status else None
        valid = status is not None and status.isdecimal() and 200 <= int(status) <= 599
        return Response(int(status) if valid and status else response.status, headers, response.body)


def _step(key: str, text: str) -> tuple[str, tuple[Change, str, Value]]:
    """(header or querystring, what is done)."""
    found = _KEY.fullmatch(key)
    if found is None:
        raise WrongExpression(f"Invalid mapping expression specified: {key}")
    if found["kind"] == "header" and _RESERVED.fullmatch(found["name"].lower()):
        raise WrongExpression(f"Operations on header {found['name']} are restricted")
    reading = value("") if found["verb"] == "remove" else value(text)
    return found["kind"], (_CHANGES[found["verb"]], found["name"], reading)


def _done(
    steps: list[tuple[Change, str, Value]], lines: Lines, exchange: Exchange, response: Response | None
) -> Lines:
    for change, name, read in steps:
        lines = change(lines, name, read(exchange, response))
    return lines


def _append(lines: Lines, name: str, given: str | None) -> Lines:
    return [*lines, (name, given)] if given is not None and sendable(name, given) else lines


def _overwrite(lines: Lines, name: str, given: str | None) -> Lines:
    return _append(_remove(lines, name, None), name, given) if given is not None else lines


def _remove(lines: Lines, name: str, given: str | None) -> Lines:
    return [(each, text) for each, text in lines if each.lower() != name.lower()]


_CHANGES: dict[str, Change] = {"append": _append, "overwrite": _overwrite, "remove": _remove}
