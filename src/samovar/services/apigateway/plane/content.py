"""Bytes and text: binary media types, conversions, compression (facts/apigateway.md §5, contentHandling). Pure."""

import base64
import binascii
import gzip
import zlib
from collections.abc import Iterable

LARGEST = 10_485_760
"""Bytes of a request or an answer."""


class NotBase64(Exception):
    """CONVERT_TO_BINARY of what isn't base64."""


class Media:
    """The binary media types of an API."""

    def __init__(self, types: Iterable[str]) -> None:
        self._types = frozenset(each.lower() for each in types)
        self._any = "*/*" in self._types
        self._families = tuple(each[:-1] for each in self._types if each.endswith("/*") and each != "*/*")

    def is_binary(self, header: str) -> bool:
        """Of a Content-Type, or of an Accept, whose first type counts."""
        if self._any:
            return True
        if not self._types:
            return False
        wanted = media_type(header)
        return wanted in self._types or wanted.startswith(self._families)


def media_type(header: str) -> str:
    """The first type of a Content-Type or Accept, without parameters."""
    return header.partition(",")[0].partition(";")[0].strip().lower()


def request_body(body: bytes, binary: bool, handling: str) -> tuple[bytes, bool]:
    """(what the integration gets, whether it is binary)."""
    if handling == "CONVERT_TO_TEXT":
        return (base64.b64encode(body) if binary else body), False
    if binary:
        return body, True
    return (decode(body), True) if handling == "CONVERT_TO_BINARY" else (body, False)


def response_body(body: bytes, payload_is_binary: bool, client_wants_binary: bool, handling: str) -> bytes:
    if handling == "CONVERT_TO_BINARY":
        return body if payload_is_binary else decode(body)
    if payload_is_binary and (handling == "CONVERT_TO_TEXT" or not client_wants_binary):
        return base64.b64encode(body)
    return body


def decode(body: bytes) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise NotBase64 from None


def compress(body: bytes, accepted: str) -> tuple[bytes, str] | None:
    """(the body, its Content-Encoding) as the client's Accept-Encoding has it; None: it takes none of ours."""
    codings = [each.partition(";")[0].strip().lower() for each in accepted.split(",")]
    for coding in codings:
        if coding in ("gzip", "*"):
            return gzip.compress(body, 6, mtime=0), "gzip"
        if coding == "deflate":
            return zlib.compress(body, 6), "deflate"
    return None


def decompress(body: bytes, coding: str) -> bytes | None:
    """The body out of its Content-Encoding; None when it isn't in it, or would be too large."""
    bits = {"gzip": 31, "deflate": 15}.get(coding.strip().lower())
    if bits is None:
        return body
    opened = zlib.decompressobj(bits)
    try:
        found = opened.decompress(body, LARGEST + 1)
    except zlib.error:
        return None
    return found if opened.eof and len(found) <= LARGEST else None
