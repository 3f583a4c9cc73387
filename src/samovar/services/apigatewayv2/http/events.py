"""What functions are told of a request to an HTTP API, in either payload format (facts/apigateway.md §4, §9).

Owns: `requestContext` of format 1.0, and the events of authorizers. Pure.
"""

from typing import Any

import msgspec

from samovar.services.apigatewayv2.http.exchange import Exchange
from samovar.services.apigatewayv2.route_key import DEFAULT
from samovar.web import event_v1, event_v2
from samovar.web.event_v1 import Told
from samovar.web.event_v2 import port_of, proto_of, source_ip

_NOBODY = dict.fromkeys(
    (
        "accessKey", "accountId", "caller", "cognitoAuthenticationProvider", "cognitoAuthenticationType",
        "cognitoIdentityId", "cognitoIdentityPoolId", "principalOrgId", "sourceIp", "user", "userAgent", "userArn",
    )
)  # fmt: skip


def version_1(exchange: Exchange) -> bytes:
    """The event of payload format 1.0."""
    text, encoded = event_v2.as_text(exchange.request) if exchange.request.body else ("", False)
    event = event_v1.event(_told(exchange), version=True)
    event["body"] = text if exchange.request.body else None
    event["isBase64Encoded"] = encoded
    return msgspec.json.encode(event)


def version_2(exchange: Exchange) -> bytes:
    """The event of payload format 2.0."""
    return event_v2.written(exchange.routed, exchange.request)


def authorizer_1(exchange: Exchange, arn: str, sources: list[str]) -> bytes:
    identity = ",".join(sources)
    event = event_v1.event(_told(exchange), version=True)
    head = {
        "version": "1.0", "type": "REQUEST", "methodArn": arn, "identitySource": identity,
        "authorizationToken": identity,
    }  # fmt: skip
    return msgspec.json.encode({**head, **event})


class Asking(event_v2.Described, rename="camel", omit_defaults=True, kw_only=True):
    """The event of an authorizer, in format 2.0."""

    type: str
    route_arn: str
    identity_source: list[str] | None


def authorizer_2(exchange: Exchange, arn: str, sources: list[str]) -> bytes:
    own = {"type": "REQUEST", "route_arn": arn, "identity_source": sources or None}
    return msgspec.json.encode(event_v2.described(Asking, exchange.routed, exchange.request, **own))


def _told(exchange: Exchange) -> Told:
    request, routed = exchange.request, exchange.routed
    way = (routed.trace, source_ip(request), port_of(request), proto_of(request))
    return Told(
        _resource(exchange),
        routed.path,
        request.method,
        event_v1.forwarded(request.lines(), request.headers, *way),
        request.query,
        routed.parameters,
        routed.variables,
        _context(exchange),
    )


def _resource(exchange: Exchange) -> str:
    key = exchange.routed.route_key
    return key if key == DEFAULT else key.partition(" ")[2]


def _context(exchange: Exchange) -> dict[str, Any]:
    request, routed = exchange.request, exchange.routed
    given = routed.authorizer or {}
    iam = given.get("iam") or {}
    identity = {
        **_NOBODY,
        "accessKey": iam.get("accessKey"),
        "accountId": iam.get("accountId"),
        "caller": iam.get("callerId"),
        "sourceIp": source_ip(request),
        "user": iam.get("userId"),
        "userAgent": request.headers.get("user-agent"),
        "userArn": iam.get("userArn"),
    }
    if routed.authentication is not None:
        identity |= routed.authentication
    return {
        "accountId": routed.account,
        "apiId": routed.api,
        "authorizer": given.get("jwt") or given.get("lambda") or {"claims": None, "scopes": None},
        "domainName": routed.domain,
        "domainPrefix": routed.domain.partition(".")[0],
        "extendedRequestId": routed.request_id,
        "httpMethod": request.method,
        "identity": identity,
        "path": routed.path,
        "protocol": "HTTP/1.0" if request.http10 else "HTTP/1.1",
        "requestId": routed.request_id,
        "requestTime": routed.time,
        "requestTimeEpoch": int(routed.now * 1000),
        "resourceId": None,
        "resourcePath": _resource(exchange),
        "stage": routed.stage,
    }
