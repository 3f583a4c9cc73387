"""From a function's result to the answer of its URL, and the answers that a URL gives itself (facts/lambda-api.md §9).

Owns: CORS, the bodies of refusals; a result is read by `web/answer_v2`. Pure. Rule: whatever a function returns
there is an answer; what can't be sent is a 502, as on AWS.
"""

import msgspec

from samovar.core.errors import AwsError
from samovar.engine.model import Outcome, Result
from samovar.net.message import Request, Response
from samovar.services.lambda_.urls import Cors
from samovar.web import answer_v2, fields
from samovar.web.hints import hint

Headers = list[tuple[str, str]]

FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)
_JSON = "application/json"
"""The type of an answer that names none."""

Unusable = answer_v2.Malformed
"""The result asks for an answer that HTTP doesn't have."""


def answer(result: Result, cors: Cors | None, request: Request, request_id: str) -> Response:
    """The answer that a function's result means."""
    try:
        if result.outcome is not Outcome.OK:
            raise Unusable
        mapped = answer_v2.answer(result.payload, _JSON)
    except Unusable:
        return unusable(cors, request, request_id)
    headers = configured(mapped.headers, cors, request)
    return Response(mapped.status, [("x-amzn-RequestId", request_id), *headers], mapped.body)


def unusable(cors: Cors | None, request: Request, request_id: str) -> Response:
    """The function failed, or asks for an answer that can't be sent."""
    allowed = cors_headers(cors, request) if cors else []
    return Response(502, [*_head(request_id, "text/plain"), *allowed], b"Internal Server Error")


def configured(headers: Headers, cors: Cors | None, request: Request) -> Headers:
    """A function's headers with those that the URL's configuration puts in their place."""
    allowed = cors_headers(cors, request) if cors else []
    names = {name.lower() for name, _ in allowed}
    return [*((name, value) for name, value in headers if name.lower() not in names), *allowed]


def head(prelude: bytes) -> tuple[int, Headers]:
    """Status and headers of the prelude of a streamed response; Unusable when it is none."""
    try:
        value = msgspec.json.decode(prelude)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unusable from None
    if not isinstance(value, dict):
        raise Unusable
    return answer_v2.head(value, _JSON)


def forbidden(request_id: str, why: str) -> Response:
    refused = _refused(403, "AccessDeniedException", {"Message": FORBIDDEN}, request_id)
    return Response(refused.status, [*refused.headers, hint(why)], refused.body)


def too_large(limit: int, request_id: str) -> Response:
    message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
    return _refused(413, "RequestEntityTooLargeException", {"message": message}, request_id)


def refused(error: AwsError, request_id: str) -> Response:
    """The function wasn't run: throttled, or not in a state to be invoked."""
    if error.code == "TooManyRequestsException":
        content = {"Reason": error.members.get("Reason"), "Type": "User", "message": error.message}
        return _refused(429, error.code, content, request_id)
    return Response(502, [*_head(request_id, "text/plain"), ("x-amzn-ErrorType", error.code)], b"Internal Server Error")


def is_preflight(request: Request) -> bool:
    return request.method == "OPTIONS" and {"origin", "access-control-request-method"} <= request.headers.keys()


def preflight(cors: Cors, request: Request, request_id: str) -> Response:
    """What a browser asks before it sends a request; the function doesn't hear of it."""
    headers = cors_headers(cors, request)
    if headers:
        if cors.allow_methods:
            headers.append(("Access-Control-Allow-Methods", ",".join(cors.allow_methods)))
        if cors.allow_headers:
            headers.append(("Access-Control-Allow-Headers", ",".join(cors.allow_headers)))
        if cors.max_age is not None:
            headers.append(("Access-Control-Max-Age", str(cors.max_age)))
    return Response(200, [("x-amzn-RequestId", request_id), *headers])


def cors_headers(cors: Cors, request: Request) -> Headers:
    """The headers that let a page of the request's origin read the answer; none for an origin that isn't allowed."""
    origin = request.headers.get("origin")
    origins = cors.allow_origins or []
    if origin is None or not ("*" in origins or origin in origins):
        return []
    anybody = "*" in origins and not cors.allow_credentials
    headers = [("Access-Control-Allow-Origin", "*" if anybody else origin)]
    if not anybody:
        headers.append(("Vary", "Origin"))
    if cors.allow_credentials:
        headers.append(("Access-Control-Allow-Credentials", "true"))
    if cors.expose_headers:
        headers.append(("Access-Control-Expose-Headers", ",".join(cors.expose_headers)))
    return sendable(headers)


def sendable(headers: Headers) -> Headers:
    """Those that HTTP has a form for."""
    return [(name, text) for name, text in headers if fields.sendable(name, text)]


def _head(request_id: str, content_type: str) -> Headers:
    return [("Content-Type", content_type), ("x-amzn-RequestId", request_id)]


def _refused(status: int, code: str, content: dict[str, object], request_id: str) -> Response:
    headers = [*_head(request_id, "application/json"), ("x-amzn-ErrorType", code)]
    return Response(status, headers, msgspec.json.encode(content))
