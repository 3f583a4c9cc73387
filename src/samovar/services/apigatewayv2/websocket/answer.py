"""What a target answers, and what API Gateway says itself (facts/apigateway.md §4, §10).

Owns: `Answer`; the frames and bodies of errors. Pure.
"""

from collections.abc import Callable, Mapping

import msgspec

from samovar.net.message import Response
from samovar.web import answer_v1

EXHAUSTED = "Limit Exceeded"
FORBIDDEN = "Forbidden"
INTERNAL = "Internal server error"
INVALID_BODY = "Invalid request body"
MISSING_TOKEN = "Missing Authentication Token"
THROTTLED = "Too Many Requests"
TIMED_OUT = "Endpoint request timed out"
UNAUTHORIZED = "Unauthorized"

_ERROR_TYPES = {
    401: "UnauthorizedException",
    403: "ForbiddenException",
    429: "TooManyRequestsException",
}


class Answer(msgspec.Struct, frozen=True):
    status: int = 200
    body: bytes = b""
    """For the client, where a route answers at all."""
    headers: Mapping[str, str] = {}
    """Names in lower case."""
    error: str = ""
    """API Gateway's own words, where there is no answer of the target's."""
    details: str = ""
    """Why a message doesn't fit its model."""


Done = Callable[[Answer], None]


def failed(status: int = 500, error: str = INTERNAL, details: str = "") -> Answer:
    return Answer(status, error=error, details=details)


def of_function(payload: bytes) -> Answer:
    """What a function's result means; 502 for what isn't an answer."""
    try:
        read = answer_v1.read(payload)
        return Answer(read.status, read.decoded(), {name.lower(): value for name, value in read.headers})
    except answer_v1.Malformed:
        return failed(502)


def frame(error: str, connection_id: str, request_id: str) -> bytes:
    """`{"message": "Forbidden", "connectionId":"…", "requestId":"…"}`, with AWS's blank."""
    ids = msgspec.json.encode({"connectionId": connection_id, "requestId": request_id})
    return b'{"message": ' + msgspec.json.encode(error) + b", " + ids[1:]


def refusal(status: int, error: str, connection_id: str, request_id: str) -> Response:
    """The answer to a handshake that fails in API Gateway's own words."""
    kind = _ERROR_TYPES.get(status, "InternalServerErrorException")
    headers = [("Content-Type", "application/json"), ("x-amzn-RequestId", request_id), ("x-amzn-ErrorType", kind)]
    return Response(status, headers, frame(error, connection_id, request_id))
