"""What a function's result means as an answer: the rules of payload format 2.0, of HTTP APIs and function URLs.

Owns: the inferred form (any JSON is the body of a 200) and the form with `statusCode`. Pure. Rule: whatever a function
returns there is an answer, or `Malformed`.
"""

import base64
import binascii
import re
from typing import Any

import msgspec

from samovar.net.message import Response

Headers = list[tuple[str, str]]

TEXT = "text/plain;charset=UTF-8"
_SERVERS_OWN = frozenset({"connection", "content-length", "date", "keep-alive", "transfer-encoding", "upgrade"})
"""Headers that frame the answer: the server writes them, whatever the function returns."""
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
"""What a header may hold (RFC 9110 §5): anything else would break the answer apart."""


class Malformed(Exception):
    """The result asks for an answer that HTTP doesn't have."""


def answer(payload: bytes, content_type: str = TEXT) -> Response:
    """The answer that a result means; Malformed. `content_type`: where a `statusCode` comes without one."""
    try:
        value = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed from None
    if isinstance(value, dict) and "statusCode" in value:
        return Response(*head(value, content_type), _body(value))
    body = utf8(value) if isinstance(value, str) else payload
    return Response(200, [("Content-Type", "application/json")], body)


def head(value: dict[str, Any], content_type: str) -> tuple[int, Headers]:
    """Status and headers of the form with `statusCode`; Malformed."""
    return _status(value.get("statusCode", 200)), _headers(value, content_type)


def sendable(name: str, value: str) -> bool:
    """Whether HTTP has a form for a header."""
    return _NAME.fullmatch(name) is not None and _VALUE.fullmatch(value) is not None


def utf8(text: str) -> bytes:
    return text.encode(errors="replace")  # JSON may hold half a surrogate pair


def _status(value: Any) -> int:
    """AWS documents 100 to 599; below 200 HTTP would go on waiting for an answer."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) == 3:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 200 <= value <= 599:
        raise Malformed
    return value


def _headers(value: dict[str, Any], content_type: str) -> Headers:
    given, cookies = value.get("headers") or {}, value.get("cookies") or []
    if not isinstance(given, dict) or not isinstance(cookies, list):
        raise Malformed
    headers = [(name, _text(each)) for name, each in given.items() if name.lower() not in _SERVERS_OWN]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", content_type))
    headers += [("set-cookie", _text(cookie)) for cookie in cookies]
    names, values = zip(*headers, strict=True)
    if not (all(names) and sendable("".join(names), "".join(values))):  # one look at all of them
        raise Malformed
    return headers


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, dict | list):
        raise Malformed
    return msgspec.json.encode(value).decode()


def _body(value: dict[str, Any]) -> bytes:
    body = value.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        return msgspec.json.encode(body)
    if value.get("isBase64Encoded") is not True:
        return utf8(body)
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed from None
