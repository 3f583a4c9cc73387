"""What a request and a response are, and what a server is given.

Owns: Request, Response, Limits, the shapes of handlers. Refuses: meaning (routes, errors, protocols are the handler's).
"""

from collections.abc import AsyncIterator, Callable, Mapping

import msgspec


class Request:
    """One request, complete. Plain and slotted: one is made per call on the hot path."""

    __slots__ = ("body", "headers", "http10", "keep_alive", "method", "path", "query", "source")

    def __init__(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes, source: object = None
    ) -> None:
        self.method = method
        self.path = path
        """As sent: percent-encoded, without the query."""
        self.query = query
        """As sent, without the question mark."""
        self.headers = headers
        """Names in lower case; duplicates joined with a comma; values as latin-1."""
        self.body = body
        self.source = source
        """The tag of the listener it came through; None for the public door."""
        self.http10 = False
        self.keep_alive = True


class Response(msgspec.Struct, frozen=True):
    """An answer. The server adds Date, Connection and the framing (Content-Length or chunks) itself."""

    status: int
    headers: list[tuple[str, str]] = []
    body: bytes | AsyncIterator[bytes] = b""


Reply = Callable[[Response], None]
"""Takes the one answer to a request, at once or later. Ignored when the client has gone or was already answered."""

Handler = Callable[[Request, Reply], None]
"""Called synchronously as soon as a request is complete. Must not raise."""

Admit = Callable[[str, str, Mapping[str, str]], "int | Response"]
"""(method, path, headers) -> the largest body in bytes, or a refusal; called when the headers are complete.

A chunked body that outgrows its limit is put to Admit again, with the length that it has reached as `content-length`.
"""


class Limits(msgspec.Struct, frozen=True):
    """What a connection may cost. Times are kept in steps of `sweep_s`."""

    head_bytes: int = 1024 * 1024
    """Request line and headers together: Lambda's 1 MB (facts/lambda-limits.md §1)."""
    body_bytes: int = 6 * 1024 * 1024
    """Largest body where no Admit is given."""
    head_s: float = 20.0
    """From the first byte of a request to the end of its headers."""
    body_s: float = 30.0
    """A body must end or move another 16 KB within this time."""
    idle_s: float = 120.0
    """A kept-alive connection without a request."""
    stall_s: float = 60.0
    """A client that doesn't read its answer."""
    linger_s: float = 10.0
    """How long the rest of a refused request is read and dropped, so that the client gets to see the refusal."""
    sweep_s: float = 1.0
