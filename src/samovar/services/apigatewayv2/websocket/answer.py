"""What a target answers, and what API Gateway says itself (facts/apigateway.md §4, §10).

Owns: `Answer`; the rules for what a function returns; the frames and bodies of errors. Pure.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from samovar.net.message import Response

FORBIDDEN = "Forbidden"
INTERNAL = "Internal server error"
INVALID_BODY = "Invalid request body"
THROTTLED = "Too Many Requests"
TIMED_OUT = "Endpoint request timed out"
UNAUTHORIZED = "Unauthorized"

_ERROR_TYPES = {
    401: "UnauthorizedException",
    403: "ForbiddenException",
    429: "TooManyRequestsException",
}
_MEMBERS = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})


class Answer(msgspec.Struct, frozen=True):
    status: int = 200
    body: bytes = b""
    """For the client, where a route answers at all."""
    headers: Mapping[str, str] = {}
    """Names in lower case."""
    error: str = ""
    """API Gateway's own words, where there is no answer of the target's."""


Done = Callable[[Answer], None]


def failed(status: int = 500, error: str = INTERNAL) -> Answer:
    return Answer(status, error=error)


def of_function(payload: bytes) -> Answer:
    """What a function's result means; 502 for what isn't an answer."""
    try:
        value = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return failed(502)
    if not isinstance(value, dict) or not value or not value.keys() <= _MEMBERS:
        return failed(502)
    status, body, headers = _status(value.get("statusCode", 200)), _body(value), _headers(value)
    if status is None or body is None or headers is None:
        return failed(502)
    return Answer(status, body, headers)


def _status(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) == 3:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599 else None


def _body(value: dict[str, Any]) -> bytes | None:
    body = value.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        return None
    if value.get("isBase64Encoded") is not True:
        return body.encode(errors="replace")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return None


def _headers(value: dict[str, Any]) -> dict[str, str] | None:
    """The last of several values counts: nothing but the protocol is looked for in them."""
    single, multiple = value.get("headers") or {}, value.get("multiValueHeaders") or {}
    if not isinstance(single, dict) or not isinstance(multiple, dict):
        return None
    if not all(isinstance(values, list) for values in multiple.values()):
        return None
    lasts = {name: values[-1] for name, values in multiple.items() if values}
    return {name.lower(): _text(each) for name, each in (lasts | single).items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def frame(error: str, connection_id: str, request_id: str) -> bytes:
    """`{"message": "Forbidden", "connectionId":"…", "requestId":"…"}`, with AWS's blank."""
    ids = msgspec.json.encode({"connectionId": connection_id, "requestId": request_id})
    return b'{"message": ' + msgspec.json.encode(error) + b", " + ids[1:]


def refusal(status: int, error: str, connection_id: str, request_id: str) -> Response:
    """The answer to a handshake that fails in API Gateway's own words."""
    kind = _ERROR_TYPES.get(status, "InternalServerErrorException")
    headers = [("Content-Type", "application/json"), ("x-amzn-RequestId", request_id), ("x-amzn-ErrorType", kind)]
    return Response(status, headers, frame(error, connection_id, request_id))
