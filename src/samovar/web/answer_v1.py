"""What a function's result means as an answer: the contract of payload format 1.0 (facts/apigateway.md §4).

Owns: what a result may hold, and how its headers come together. Pure. Rule: whatever a function returns, there is an
answer or `Malformed`, which a REST API answers with 502 and an HTTP API with 500.
"""

import base64
import binascii
from typing import Any

import msgspec

from samovar.web.fields import all_sendable

Headers = list[tuple[str, str]]

_MEMBERS = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})
_OF_A_HEAD = frozenset({"statusCode", "headers", "multiValueHeaders", "cookies"})
"""What may begin a streamed response (facts/apigateway.md §4)."""


class Malformed(Exception):
    """The result is no answer; the message says why, for a log."""


class Answered(msgspec.Struct, frozen=True):
    status: int
    headers: Headers
    body: str
    is_base64: bool

    def decoded(self) -> bytes:
        """The body's bytes, out of base64 where it says so; Malformed."""
        if not self.is_base64:
            return self.encoded()
        try:
            return base64.b64decode(self.body, validate=True)
        except (binascii.Error, ValueError):
            raise Malformed("The body isn't base64") from None

    def encoded(self) -> bytes:
        """The body's bytes as the text that it is."""
        return self.body.encode(errors="replace")  # JSON may hold half a surrogate pair


def read(payload: bytes) -> Answered:
    """The answer that a result means; Malformed."""
    try:
        value = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed("Malformed Lambda proxy response: not JSON") from None
    if not isinstance(value, dict) or not value or not _MEMBERS.issuperset(value):
        raise Malformed("Malformed Lambda proxy response")
    body, encoded = value.get("body"), value.get("isBase64Encoded")
    if not isinstance(body, str | None) or not isinstance(encoded, bool | None):
        raise Malformed("Malformed Lambda proxy response: body isn't a string, or isBase64Encoded no boolean")
    return Answered(_status(value.get("statusCode")), _headers(value), body or "", bool(encoded))


def read_head(head: bytes) -> tuple[int, Headers]:
    """Status and headers that begin a streamed response, which may set cookies as well; Malformed."""
    try:
        value = msgspec.json.decode(head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed("Malformed Lambda proxy response: the head is not JSON") from None
    if not isinstance(value, dict) or not _OF_A_HEAD.issuperset(value):
        raise Malformed("Malformed Lambda proxy response: the head")
    cookies = value.get("cookies") or []
    if not isinstance(cookies, list):
        raise Malformed("Malformed Lambda proxy response: cookies are no list")
    lines = [*_headers(value), *(("Set-Cookie", _text("Set-Cookie", each)) for each in cookies)]
    if not all_sendable(lines):
        raise Malformed("Malformed Lambda proxy response: a cookie that HTTP has no form for")
    return _status(value.get("statusCode")), lines


def _status(value: Any) -> int:
    if value is None:
        return 200
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) == 3:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 200 <= value <= 599:
        raise Malformed(f"Malformed Lambda proxy response: statusCode {value!r:.100}")
    return value


def _headers(value: dict[str, Any]) -> Headers:
    """Those of both members; where they share a name in any case, multiValueHeaders spells it and goes first."""
    given, many = value.get("headers"), value.get("multiValueHeaders")
    given, many = {} if given is None else given, {} if many is None else many
    if not isinstance(given, dict) or not isinstance(many, dict):
        raise Malformed("Malformed Lambda proxy response: headers are no object")
    if many:
        given = _merged(given, many)
        headers = [(name, each) for name, values in given.items() for each in values]
    else:
        headers = [(name, _text(name, each)) for name, each in given.items()]
    if not any(name.lower() == "content-type" for name in given):
        headers.insert(0, ("Content-Type", "application/json"))
    if not all_sendable(headers):
        raise Malformed("Malformed Lambda proxy response: a header that HTTP has no form for")
    return headers


def _merged(given: dict[str, Any], many: dict[str, Any]) -> dict[str, list[str]]:
    """The values of each name, in the spelling that counts."""
    found: dict[str, tuple[str, list[str]]] = {}
    for name, values in many.items():
        if not isinstance(values, list):
            raise Malformed(f"Malformed Lambda proxy response: multiValueHeaders[{name!r}] is no list")
        found.setdefault(name.lower(), (name, []))[1].extend(_text(name, each) for each in values)
    for name, each in given.items():
        found.setdefault(name.lower(), (name, []))[1].append(_text(name, each))
    return dict(found.values())


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, bool):
        raise Malformed(f"Malformed Lambda proxy response: header {name!r:.100}")
    return "true" if value else "false"
