"""What a request and a response are, and what a server is given.

Owns: Request, Incoming, Response, Limits, the shapes of handlers. Refuses: meaning (routes, errors, protocols are the
handler's).
"""

from collections.abc import AsyncIterator, Callable, Mapping
from operator import methodcaller
from typing import Protocol, runtime_checkable

import msgspec


class Incoming:
    """A body that is handed over as it arrives. `take` it before the request's handler returns, or it is dropped."""

    def __init__(self) -> None:
        self.pause: Callable[[bool], None] = lambda paused: None
        """Stop or go on reading the client; whatever was read already still comes."""
        self._parts: list[bytes] = []
        self._on_part: Callable[[bytes], object] = self._parts.append
        self._on_end: Callable[[Mapping[str, str] | None], None] = self._keep_end
        self._ended = False
        self._trailers: Mapping[str, str] | None = None

    def take(self, on_part: Callable[[bytes], object], on_end: Callable[[Mapping[str, str] | None], None]) -> None:
        """Give each part to `on_part`, and the trailers (names in lower case) to `on_end`; None: it ended early."""
        parts, self._parts = self._parts, []
        self._on_part, self._on_end = on_part, on_end
        for part in parts:
            self._on_part(part)
        if self._ended:
            self._on_end(self._trailers)

    def drop(self) -> None:
        """Take in what is left of it, for nobody."""
        self.take(lambda part: None, lambda trailers: None)
        self.pause(False)

    def part(self, data: bytes) -> None:
        """The connection's side: more of it."""
        self._on_part(data)

    def end(self, trailers: Mapping[str, str] | None) -> None:
        """The connection's side: the end, once."""
        if not self._ended:
            self._ended = True
            self._trailers = trailers
            self._on_end(trailers)

    def _keep_end(self, trailers: Mapping[str, str] | None) -> None:
        """`take` tells it."""


class Shown(msgspec.Struct, frozen=True):
    """A certificate of a client's that it has proved to be its own in the handshake."""

    domain: str
    """What it was asked for (`net/tls.Asking`)."""
    content: bytes
    """DER."""


class Client(Protocol):
    """Whom a request comes from."""

    @property
    def shown(self) -> Shown | None:
        """The certificate of a client that was asked for one."""
        ...

    @property
    def unread(self) -> bool:
        """Whether it has gone, and had certainly not read all that it was sent."""
        ...


_text: Callable[[bytes], str] = methodcaller("decode", "latin-1")
_trimmed: Callable[[str], str] = methodcaller("rstrip", " \t")


class Request(msgspec.Struct, eq=False):
    """One request, complete but for an `incoming` body. One is made per call on the hot path."""

    method: str
    path: str
    """As sent: percent-encoded, without the query."""
    query: str
    """As sent, without the question mark."""
    headers: dict[str, str]
    """Names in lower case; duplicates joined with a comma; values as latin-1."""
    body: bytes
    """Empty where there is an `incoming`."""
    source: object = None
    """The tag of the listener it came through; None for the public door."""
    fields: list[tuple[bytes, bytes]] = []
    """The lines of the head as sent, one each; empty where a request was made by hand. See `lines`."""
    peer: str = ""
    """The client's address."""
    tls: tuple[str, str] | None = None
    """(version, cipher suite) of a client that speaks TLS: `("TLSv1.3", "TLS_AES_256_GCM_SHA384")`."""
    http10: bool = False
    keep_alive: bool = True
    incoming: Incoming | None = None
    """The body, where Admit wanted it `Streamed`."""
    client: Client | None = None
    """Where it came over a connection."""

    def lines(self) -> list[tuple[str, str]]:
        """(name, value) of each header line in the client's own case and order, duplicates apart."""
        if not self.fields:
            return list(self.headers.items())
        names, values = zip(*self.fields, strict=True)
        return list(zip(map(_text, names), map(_trimmed, map(_text, values)), strict=True))


class Response(msgspec.Struct, frozen=True):
    """An answer. The server adds Date, Connection and the framing (Content-Length or chunks) itself."""

    status: int
    headers: list[tuple[str, str]] = []
    body: bytes | AsyncIterator[bytes] = b""
    """An iterator that is `Closable` is closed when it has been read or will not be."""


@runtime_checkable
class Closable(Protocol):
    def close(self) -> None:
        """Nobody reads on, or ever did."""


class BrokenOff(Exception):
    """Raised by a body that can't come to its end: the client is cut off, so that it notices."""


Reply = Callable[[Response], None]
"""Takes the one answer to a request, at once or later. Ignored when the client has gone or was already answered."""

Handler = Callable[[Request, Reply], None]
"""Called synchronously as soon as a request is complete. Must not raise."""


class Streamed(msgspec.Struct, frozen=True):
    """Call the handler at once, with the body `incoming`. With a protocol upgrade, which changes how bodies are read,
    it is read whole nevertheless, up to `limit` bytes."""

    limit: int


Admit = Callable[[str, str, Mapping[str, str]], "int | Streamed | Response"]
"""(method, path, headers) -> the largest body in bytes, or that it is to be streamed, or a refusal; called when the
headers are complete.

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
    handshake_s: float = 10.0
    """From a connection's first byte to the end of its TLS handshake."""
    body_s: float = 30.0
    """A body must end or move another 16 KB within this time."""
    idle_s: float = 120.0
    """A kept-alive connection without a request."""
    stall_s: float = 60.0
    """A client that doesn't read its answer."""
    linger_s: float = 10.0
    """How long the rest of a refused request is read and dropped, so that the client gets to see the refusal."""
    of_one_listener: int = 0
    """Connections by one of the sockets that others opened; those beyond wait until a sweep finds room. 0: any
    number. A few more may come at once."""
    sweep_s: float = 1.0
