"""The event of payload format 1.0: REST APIs, HTTP APIs that ask for it, and REQUEST authorizers (facts/apigateway.md
§4).

Owns: the members, their order, what is null. Pure. Rules:

1. `headers` has the last value of a name, in the client's case, `multiValueHeaders` has all; a comma splits nothing.
2. The query is decoded; the path stays as it was sent.
3. Members without content are null, never absent.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from samovar.wire import text

Lines = Sequence[tuple[str, str]]

_NEVER = frozenset(
    {
        "connection", "content-length", "content-md5", "expect", "keep-alive", "max-forwards", "proxy-authenticate",
        "proxy-connection", "server", "te", "trailer", "transfer-encoding", "upgrade", "www-authenticate",
    }
)  # fmt: skip
"""Headers that no function gets to see (facts/apigateway.md §4, header treatment)."""
_REPLACED = _NEVER | {"x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"}
"""These, and those that are written here."""


class Told(msgspec.Struct, frozen=True):
    """What the API has made of a request."""

    resource: str
    """`/pets/{id}`."""
    path: str
    """As sent, without the stage."""
    method: str
    lines: list[tuple[str, str]]
    """The headers, line by line; see `forwarded`."""
    query: str
    parameters: Mapping[str, str]
    """Of the path."""
    variables: Mapping[str, str]
    """Of the stage."""
    context: Mapping[str, Any]
    """`requestContext`."""


def event(told: Told, *, version: bool = False) -> dict[str, Any]:
    """Everything but the body. `version`: HTTP APIs say which format it is."""
    headers, many_headers = pair(told.lines)
    query, many_query = pair(text.pairs(told.query)) if told.query else (None, None)
    found: dict[str, Any] = {"version": "1.0"} if version else {}
    return found | {
        "resource": told.resource,
        "path": told.path,
        "httpMethod": told.method,
        "headers": headers,
        "multiValueHeaders": many_headers,
        "queryStringParameters": query,
        "multiValueQueryStringParameters": many_query,
        "pathParameters": told.parameters or None,
        "stageVariables": told.variables or None,
        "requestContext": told.context,
    }


def written(told: Told, body: bytes, is_binary: bool, *, version: bool = False) -> bytes:
    """The event of an integration as JSON. `is_binary`: the body goes as base64."""
    found = event(told, version=version)
    if not body:
        found["body"] = None
    else:
        found["body"] = base64.b64encode(body).decode() if is_binary else body.decode(errors="replace")
    found["isBase64Encoded"] = bool(body) and is_binary
    return msgspec.json.encode(found)


def pair(lines: Lines) -> tuple[dict[str, str] | None, dict[str, list[str]] | None]:
    """(the last value of each name, all values of each name); (None, None) without any. Case tells names apart."""
    last = dict(lines)
    if len(last) == len(lines):
        alone = map(list, zip(last.values(), strict=True))  # [value] of each, in one go: an event has many headers
        return (last, dict(zip(last, alone, strict=True))) if last else (None, None)
    every: dict[str, list[str]] = {}
    for name, value in lines:
        every.setdefault(name, []).append(value)
    return last, every


def forwarded(
    lines: Lines, headers: Mapping[str, str], trace: str, peer: str, port: str, proto: str = "http"
) -> list[tuple[str, str]]:
    """The lines that a function gets: without those between connections, and with the way that the request has come.

    `headers`: the same by their names in lower case.
    """
    if not _REPLACED.isdisjoint(headers):
        lines = [line for line in lines if line[0].lower() not in _REPLACED]
    before = headers.get("x-forwarded-for")
    return [
        *lines,
        ("X-Amzn-Trace-Id", trace.partition(";")[0]),
        ("X-Forwarded-For", f"{before}, {peer}" if before is not None else peer),
        ("X-Forwarded-Port", port),
        ("X-Forwarded-Proto", proto),
    ]
