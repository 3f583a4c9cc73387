"""An object on its way into a bucket: `aws-chunked` undone, lengths and hashes held to what the headers promised.

Owns: `Payload`, a stream of bytes that raises AwsError where a promise is broken. Source: facts/s3.md §3.1, §3.3.
"""

import hashlib
from collections.abc import AsyncIterator, Mapping

from samovar.core.errors import AwsError
from samovar.net.body import BodyStream, CutShort
from samovar.wire.chunked import Chunks
from samovar.wire.signature import STREAMING

_UNSIGNED = ("", "UNSIGNED-PAYLOAD")


class Payload:
    """An object's bytes on their way in; read once."""

    def __init__(self, stream: BodyStream, headers: Mapping[str, str], chunks: Chunks | None) -> None:
        """`chunks`: takes the body apart, where it came in pieces (see `is_chunked`)."""
        self.trailers: Mapping[str, str] = {}
        """There when it has ended."""
        self._stream = stream
        promised = headers.get("x-amz-content-sha256", "")
        self._chunks = chunks
        self._sha256 = "" if chunks or promised in _UNSIGNED else promised
        self._length = headers.get("x-amz-decoded-content-length" if chunks else "content-length")
        self._framed = "content-length" in headers or "transfer-encoding" in headers
        self.announced = headers.get("x-amz-trailer", "").lower()
        """The trailer that is going to come."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._read()

    async def _read(self) -> AsyncIterator[bytes]:
        if not self._framed:
            raise AwsError("MissingContentLength", "You must provide the Content-Length HTTP header.")
        hashed = hashlib.sha256() if self._sha256 else None
        size = 0
        try:
            async for part in self._stream:
                piece = self._chunks.feed(part) if self._chunks else part
                size += len(piece)
                if hashed is not None:
                    hashed.update(piece)
                yield piece
        except CutShort:
            raise _incomplete() from None
        self._settle(size, hashed.hexdigest() if hashed is not None else "")

    def _settle(self, size: int, sha256: str) -> None:
        if self._chunks is not None:
            self._chunks.end()
            self.trailers = self._chunks.trailers
            if self.announced and self.announced not in self.trailers:
                text = "The request contained trailing data that was not well-formed or did not conform to our "
                raise AwsError("MalformedTrailerError", text + "published schema.")
        if self._length is not None and self._length.isdigit() and int(self._length) != size:
            raise _incomplete()
        if sha256 != self._sha256:
            raise AwsError(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
                ClientComputedContentSHA256=self._sha256,
                S3ComputedContentSHA256=sha256,
            )


def is_chunked(headers: Mapping[str, str]) -> bool:
    """Whether a body is `aws-chunked`."""
    promised = headers.get("x-amz-content-sha256", "")
    return promised.startswith(STREAMING) or "aws-chunked" in headers.get("content-encoding", "")


def _incomplete() -> AwsError:
    text = "You did not provide the number of bytes specified by the Content-Length HTTP header"
    return AwsError("IncompleteBody", text)
