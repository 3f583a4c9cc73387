"""From a function's result to the answer of its URL, and the answers that a URL gives itself (facts/lambda-api.md §9).

Owns: the response mapping of payload format 2.0, CORS, the bodies of refusals. Pure. Rule: whatever a function returns
there is an answer; what can't be sent is a 502, as on AWS.
"""

import base64
import binascii
import re
from typing import Any

import msgspec

from samovar.core.errors import AwsError
from samovar.engine.model import Outcome, Result
from samovar.net.message import Request, Response
from samovar.services.lambda_.urls import Cors
from samovar.web.hints import hint

Headers = list[tuple[str, str]]

FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)
_SERVERS_OWN = frozenset({"connection", "content-length", "date", "keep-alive", "transfer-encoding", "upgrade"})
"""Headers that frame the answer: the server writes them, whatever the function returns."""
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
"""What a header may hold (RFC 9110 §5): anything else would break the answer apart."""


class Unusable(Exception):
    """The result asks for an answer that HTTP doesn't have."""


def answer(result: Result, cors: Cors | None, request: Request, request_id: str) -> Response:
    """The answer that a function's result means."""
    try:
        if result.outcome is not Outcome.OK:
            raise Unusable
        status, headers, body = _mapped(result.payload)
    except Unusable:
        return unusable(cors, request, request_id)
    return Response(status, [("x-amzn-RequestId", request_id), *configured(headers, cors, request)], body)


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
    return _status(value.get("statusCode", 200)), _headers(value)


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
    return [(name, value) for name, value in headers if _VALUE.fullmatch(value)]


def _mapped(payload: bytes) -> tuple[int, Headers, bytes]:
    """(status, headers, body) of a result."""
    try:
        value = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unusable from None
    if isinstance(value, dict) and "statusCode" in value:
        return _status(value["statusCode"]), _headers(value), _body(value)
    body = _utf8(value) if isinstance(value, str) else payload
    return 200, [("Content-Type", "application/json")], body


def sendable(headers: Headers) -> Headers:
    """Those that HTTP has a form for."""
    return [(name, text) for name, text in headers if _NAME.fullmatch(name) and _VALUE.fullmatch(text)]


def _status(value: Any) -> int:
    """AWS documents 100 to 599; below 200 HTTP would go on waiting for an answer."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) == 3:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 200 <= value <= 599:
        raise Unusable
    return value


def _headers(value: dict[str, Any]) -> Headers:
    given, cookies = value.get("headers") or {}, value.get("cookies") or []
    if not isinstance(given, dict) or not isinstance(cookies, list):
        raise Unusable
    headers = [(name, _text(each)) for name, each in given.items() if name.lower() not in _SERVERS_OWN]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    headers += [("set-cookie", _text(cookie)) for cookie in cookies]
    if len(sendable(headers)) < len(headers):
        raise Unusable
    return headers


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, dict | list):
        raise Unusable
    return msgspec.json.encode(value).decode()


def _body(value: dict[str, Any]) -> bytes:
    body = value.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        return msgspec.json.encode(body)
    if value.get("isBase64Encoded") is not True:
        return _utf8(body)
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise Unusable from None


def _utf8(text: str) -> bytes:
    return text.encode(errors="replace")  # JSON may hold half a surrogate pair


def _head(request_id: str, content_type: str) -> Headers:
    return [("Content-Type", content_type), ("x-amzn-RequestId", request_id)]


def _refused(status: int, code: str, content: dict[str, object], request_id: str) -> Response:
    headers = [*_head(request_id, "application/json"), ("x-amzn-ErrorType", code)]
    return Response(status, headers, msgspec.json.encode(content))
