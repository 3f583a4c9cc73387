"""The events of WebSocket APIs, as functions and templates see them (facts/apigateway.md §10).

Owns: the members and their order. `$connect` has the handshake's headers and query; messages have a body instead; the
end has a code and a reason. Pure: the times are arguments.
"""

from typing import Any
from urllib.parse import parse_qsl

import msgspec

from samovar.net.message import Request
from samovar.web.connections import Connection
from samovar.web.stamp import clf_time

CONNECT, MESSAGE, DISCONNECT = "CONNECT", "MESSAGE", "DISCONNECT"

Members = dict[str, Any]


class Handshake(msgspec.Struct, frozen=True):
    """What expressions may ask of the request that a connection began with."""

    headers: dict[str, str]
    """Names in lower case."""
    query: dict[str, str]


class Occurrence:
    """Something that happened on a connection, on its way to its target. Made once per message, slotted."""

    __slots__ = (
        "asked",
        "authorizer",
        "body",
        "caller",
        "connection",
        "domain",
        "end",
        "handshake",
        "kind",
        "message_id",
        "now",
        "request_id",
        "route_key",
        "shaken",
        "started",
        "usage_key",
        "variables",
    )

    def __init__(
        self,
        kind: str,
        connection: Connection,
        handshake: Handshake,
        domain: str,
        variables: dict[str, str],
        request_id: str,
        now: float,
        started: float,
    ) -> None:
        """`now` is the platform's time, `started` measures how long it takes."""
        self.kind = kind
        self.connection = connection
        self.handshake = handshake
        self.domain = domain
        self.variables = variables
        """Of the stage."""
        self.request_id = request_id
        self.now = now
        self.started = started
        self.asked = 0.0
        """When its target was asked, as `started`; 0 where it wasn't."""
        self.route_key = ""
        self.authorizer: Members | None = None
        self.caller: Members = {}
        """Who signed the handshake, and whose API key it showed."""
        self.usage_key = ""
        """The API key that the authorizer names for the caller."""
        self.message_id = ""
        self.body: str | None = None
        self.shaken: Members = {}
        """Headers and query of the handshake, as members of the event."""
        self.end: tuple[int, str] | None = None
        """(code, reason) of a connection's end."""


def written(occurrence: Occurrence) -> bytes:
    """The event as JSON."""
    event: Members = {**occurrence.shaken, "requestContext": context(occurrence)}
    if occurrence.variables:
        event["stageVariables"] = occurrence.variables
    if occurrence.body is not None:
        event["body"] = occurrence.body
    event["isBase64Encoded"] = False
    return msgspec.json.encode(event)


def context(occurrence: Occurrence) -> Members:
    """`requestContext`, which is also `$context` of templates."""
    connection = occurrence.connection
    found: Members = {"routeKey": occurrence.route_key}
    if occurrence.authorizer is not None:
        found["authorizer"] = occurrence.authorizer
    if occurrence.message_id:
        found["messageId"] = occurrence.message_id
    if occurrence.end is not None:
        found["disconnectStatusCode"] = occurrence.end[0]
    found["eventType"] = occurrence.kind
    found["extendedRequestId"] = occurrence.request_id
    found["requestTime"] = clf_time(occurrence.now)
    found["messageDirection"] = "IN"
    if occurrence.end is not None:
        found["disconnectReason"] = occurrence.end[1]
    identity = {**occurrence.caller, "sourceIp": connection.source_ip}
    if connection.user_agent:
        identity["userAgent"] = connection.user_agent
    return found | {
        "stage": connection.stage,
        "connectedAt": int(connection.connected_at * 1000),
        "requestTimeEpoch": int(occurrence.now * 1000),
        "identity": identity,
        "requestId": occurrence.request_id,
        "domainName": occurrence.domain,
        "connectionId": connection.id,
        "apiId": connection.key[2],
    }


def handshake(request: Request, source_ip: str, trace: str) -> Members:
    """The headers and the query of a handshake, single and multiple; no query, no members for it."""
    named: dict[str, list[str]] = {}
    for name, value in request.lines():
        if name.lower() not in _OF_THE_CONNECTION:
            named.setdefault(name, []).append(value)
    named |= {
        "X-Amzn-Trace-Id": [trace],
        "X-Forwarded-For": [source_ip],
        "X-Forwarded-Port": [port_of(request)],
        "X-Forwarded-Proto": ["https" if request.tls else "http"],
    }
    members: Members = {"headers": {n: values[-1] for n, values in named.items()}, "multiValueHeaders": named}
    asked: dict[str, list[str]] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        asked.setdefault(name, []).append(value)
    if asked:
        members["queryStringParameters"] = {n: values[-1] for n, values in asked.items()}
        members["multiValueQueryStringParameters"] = asked
    return members


def farewell(domain: str, source_ip: str) -> Members:
    """The headers of a connection's end: there is no request behind it (recorded in AWS's examples)."""
    headers = {"Host": domain, "x-api-key": "", "X-Forwarded-For": source_ip, "x-restapi": ""}
    return {"headers": headers, "multiValueHeaders": {name: [value] for name, value in headers.items()}}


_OF_THE_CONNECTION = frozenset({"connection", "upgrade", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"})


def port_of(request: Request) -> str:
    _, _, port = request.headers.get("host", "").rpartition(":")
    return port if port.isdecimal() else "443" if request.tls else "80"
