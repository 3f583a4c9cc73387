"""`aws-chunked` bodies: signed piece by piece, or with a checksum behind them (facts/iam.md §7).

Owns: Chunks, which takes such a body apart as it arrives. Rule: what a signed piece says is given out when its
signature was right, what an unsigned one says at once; a body that ends early, or goes on behind its end, is refused.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping

from samovar.core.errors import AwsError
from samovar.core.expressions import expression
from samovar.wire.signature import EMPTY_HASH, Signed

_HEAD_LIMIT = 1024
_TRAILER_LIMIT = 16 * 1024
_CHUNK_LIMIT = 5 * 1024**3
_SIGNED_LIMIT = 16 * 1024 * 1024
"""A signed chunk is held until its signature has been seen to be right; SDKs send 64 KB to 1 MB."""
_HEAD = expression(rb"(?P<size>[0-9a-fA-F]{1,9})(?:;chunk-signature=(?P<signature>[0-9a-f]{64}))?")


class Chunks:
    """`kind`: the request's x-amz-content-sha256. `sign` makes signatures with its key; None: they don't count."""

    def __init__(self, kind: str, signed: Signed | None, sign: Callable[[str], str] | None) -> None:
        self._signed = signed
        self._sign = sign if "UNSIGNED" not in kind else None
        self._has_trailer = kind.endswith("-TRAILER")
        self._previous = signed.signature if signed else ""
        self._waiting = bytearray()
        self._size = -1
        """Of the chunk whose content is awaited; -1 where its head is."""
        self._left = 0
        """What of it has not been given out."""
        self._claimed = ""
        self._ended = False
        self.trailers: dict[str, str] = {}
        """Names in lower case; complete after `end`."""

    def feed(self, data: bytes) -> bytes:
        """What of the content has become certain."""
        self._waiting += data
        out = bytearray()
        while not self._ended:
            if self._size < 0 and not self._read_head():
                break
            if self._size == 0:
                self._check(b"")
                self._ended = True
                break
            if self._sign is None and self._left > 0:
                part = self._waiting[: self._left]
                out += part
                del self._waiting[: len(part)]
                self._left -= len(part)
            if len(self._waiting) < self._left + 2:
                break
            if self._sign is None:
                self._skip_line_end(self._waiting[:2])
                continue
            chunk = bytes(self._waiting[: self._size])
            if self._waiting[self._size : self._size + 2] != b"\r\n":
                raise _broken()
            del self._waiting[: self._size + 2]
            self._check(chunk)
            self._size = -1
            out += chunk
        return bytes(out)

    def _skip_line_end(self, found: bytearray) -> None:
        if found != b"\r\n":
            raise _broken()
        del self._waiting[:2]
        self._size = -1

    def end(self) -> None:
        """The body is over; AwsError when its content isn't."""
        if not self._ended:
            raise _broken()
        lines = bytes(self._waiting)
        if len(lines) > _TRAILER_LIMIT:
            raise _broken()
        signature, covered = "", ""
        for line in lines.decode("latin-1").replace("\r\n", "\n").split("\n"):
            name, colon, value = line.partition(":")
            if not line:
                continue
            if not colon or not self._has_trailer:
                raise _broken()
            if name.lower() == "x-amz-trailer-signature":
                signature = value.strip()
            else:
                self.trailers[name.lower()] = value.strip()
                covered += f"{name.lower()}:{value.strip()}\n"
        if self._has_trailer and self._sign is not None:
            text = self._string("AWS4-HMAC-SHA256-TRAILER", hashlib.sha256(covered.encode("latin-1")).hexdigest())
            self._compare(text, signature)

    def _read_head(self) -> bool:
        end = self._waiting.find(b"\r\n")
        if end < 0:
            if len(self._waiting) > _HEAD_LIMIT:
                raise _broken()
            return False
        head = _HEAD.fullmatch(bytes(self._waiting[:end]))
        if head is None or int(head["size"], 16) > _CHUNK_LIMIT:
            raise _broken()
        del self._waiting[: end + 2]
        self._size = self._left = int(head["size"], 16)
        if self._sign is not None and self._size > _SIGNED_LIMIT:
            raise _broken()
        self._claimed = (head["signature"] or b"").decode()
        return True

    def _check(self, chunk: bytes) -> None:
        if self._sign is not None:
            digest = hashlib.sha256(chunk).hexdigest()
            self._compare(self._string("AWS4-HMAC-SHA256-PAYLOAD", f"{EMPTY_HASH}\n{digest}"), self._claimed)
            self._previous = self._claimed

    def _string(self, algorithm: str, tail: str) -> str:
        assert self._signed is not None
        return f"{algorithm}\n{self._signed.date}\n{self._signed.credential_scope}\n{self._previous}\n{tail}"

    def _compare(self, text: str, claimed: str) -> None:
        assert self._sign is not None
        if not hmac.compare_digest(self._sign(text).encode(), claimed.encode("utf-8", "replace")):
            raise AwsError(
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided. Check your key and "
                "signing method.",
            )


def unsigned(headers: Mapping[str, str]) -> Chunks:
    """For a body whose signatures nobody asks for."""
    return Chunks("-TRAILER" if "x-amz-trailer" in headers else "", None, None)


def _broken() -> AwsError:
    return AwsError("IncompleteBody", "The request body is not a complete aws-chunked body.")
