"""What a function's result means as an answer: the rules of payload format 2.0, of HTTP APIs and function URLs.

Owns: the inferred form (any JSON is the body of a 200) and the form with `statusCode`. Pure. Rule: whatever a function
returns there is an answer, or `Malformed`.
"""

import base64
import binascii
from typing import Any

import msgspec

from samovar.net.message import Response
from samovar.web.fields import SERVERS_OWN, all_sendable

Headers = list[tuple[str, str]]

TEXT = "text/plain;charset=UTF-8"


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
    headers, typed = [], False
    for name, each in given.items():
        folded = name.lower()
        if folded not in SERVERS_OWN:
            headers.append((name, each if isinstance(each, str) else _text(each)))
            typed = typed or folded == "content-type"
    if not typed:
        headers.append(("Content-Type", content_type))
    if cookies:
        headers += [("set-cookie", _text(cookie)) for cookie in cookies]
    if not all_sendable(headers):
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
