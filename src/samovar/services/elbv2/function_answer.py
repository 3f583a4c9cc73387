"""What a function's result means as an answer of a load balancer (facts/apigateway.md §13).

Pure. Rules: `statusCode` is needed; headers are read from `headers`, or from `multiValueHeaders` where the target group
has these enabled, never from the other; headers that frame an answer are the server's own. Whatever can't be sent is
`Malformed`, a 502.
"""

import base64
import binascii
from typing import Any

import msgspec

from samovar.net.message import Response
from samovar.services.elbv2.answers import SERVER
from samovar.web.balancers import LARGEST
from samovar.web.fields import all_sendable

_FOR_ONE_CONNECTION = frozenset(
    {
        "connection", "content-length", "keep-alive", "proxy-authenticate", "te", "trailer", "transfer-encoding",
        "upgrade",
    }
)  # fmt: skip


class Malformed(Exception):
    """The result is no answer."""


def read(payload: bytes, multi_value: bool) -> Response:
    if len(payload) > LARGEST:
        raise Malformed
    try:
        value = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed from None
    if not isinstance(value, dict):
        raise Malformed
    headers = _headers(value, multi_value)
    names = {name.lower() for name, _ in headers}
    body = _body(value)
    if "content-type" not in names and body:
        headers.append(("Content-Type", "application/octet-stream"))
    if "server" not in names:
        headers.insert(0, SERVER)
    return Response(_status(value), headers, body)


def _status(value: dict[str, Any]) -> int:
    status = value.get("statusCode")
    if isinstance(status, str) and status.isascii() and status.isdecimal() and len(status) == 3:
        status = int(status)
    described = value.get("statusDescription")
    if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 599:
        raise Malformed
    if described is not None and not isinstance(described, str):
        raise Malformed
    return status


def _headers(value: dict[str, Any], multi_value: bool) -> list[tuple[str, str]]:
    given = value.get("multiValueHeaders" if multi_value else "headers") or {}
    if not isinstance(given, dict):
        raise Malformed
    found: list[tuple[str, str]] = []
    for name, content in given.items():
        if multi_value and not isinstance(content, list):
            raise Malformed
        for each in content if multi_value else [content]:
            found.append((name, _text(each)))
    if not all_sendable(found):
        raise Malformed
    return [line for line in found if line[0].lower() not in _FOR_ONE_CONNECTION]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return msgspec.json.encode(value).decode()
    raise Malformed


def _body(value: dict[str, Any]) -> bytes:
    body, encoded = value.get("body"), value.get("isBase64Encoded")
    if not isinstance(body, str | None) or not isinstance(encoded, bool | None):
        raise Malformed
    if not encoded:
        return (body or "").encode(errors="replace")  # JSON may hold half a surrogate pair
    try:
        return base64.b64decode(body or "", validate=True)
    except (binascii.Error, ValueError):
        raise Malformed from None
