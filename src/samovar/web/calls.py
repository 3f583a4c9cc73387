"""What somebody else's HTTP server is asked, and what comes back: the shapes of `web/upstream`.

Owns: which headers are for one connection only, how a request's head is written, why there is no answer.
"""

import ssl
from collections.abc import AsyncIterator, Iterable
from typing import Protocol

import msgspec

Lines = list[tuple[str, str]]

_FOR_ONE_CONNECTION = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    }
)  # fmt: skip

Server = tuple[str, int, ssl.SSLContext | None, str]
"""What a kept connection is good for: (host, port, TLS, the name that the certificate must say)."""


class UpstreamError(Exception):
    """No answer; the message is the reason, for a log."""


class Unreachable(UpstreamError):
    """It couldn't be connected with."""


class TimedOut(UpstreamError):
    """Nothing came or went for too long."""


class Broken(UpstreamError):
    """It hung up before the end, or what it says isn't HTTP."""


class Call(msgspec.Struct, frozen=True):
    host: str
    """A name or an address."""
    port: int
    method: str
    target: str
    """Path and query, as they are to be sent."""
    headers: Lines
    """With `Host`; framing and `Connection` are added."""
    body: bytes | AsyncIterator[bytes] = b""
    length: int | None = None
    """Of a body that streams, if it is known."""
    tls: ssl.SSLContext | None = None
    connect_s: float = 10.0
    idle_s: float = 60.0
    """How long nothing may come or go."""
    server_name: str = ""
    """What the certificate must say, where that isn't the host."""

    @property
    def server(self) -> "Server":
        return self.host, self.port, self.tls, self.server_name


class Body(Protocol):
    """The body of an answer, as it arrives: `async for part in body`. Closing it early hangs up."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def __anext__(self) -> bytes: ...

    async def read(self, limit: int) -> bytes | None:
        """The whole of it; None when it is longer than `limit` bytes."""
        ...

    def close(self) -> None:
        """Nobody reads on."""
        ...


class Answer:
    """What came back. `body` is read once, to its end, or closed."""

    def __init__(self, status: int, headers: Lines, body: Body) -> None:
        self.status = status
        self.headers = headers
        """As sent: names in the server's case, duplicates apart."""
        self.body = body


def end_to_end(headers: Iterable[tuple[str, str]]) -> Lines:
    """The headers without those that were meant for the connection they came by (RFC 9110 §7.6.1)."""
    lines = list(headers)
    named = {part.strip().lower() for name, value in lines if name.lower() == "connection" for part in value.split(",")}
    return [(name, value) for name, value in lines if name.lower() not in _FOR_ONE_CONNECTION | named]


def length_of_unsent(headers: Iterable[tuple[str, str]], body: bytes) -> Lines:
    """The `Content-Length` of an answer to HEAD: what its server says of the body that it doesn't send
    (RFC 9110 §9.3.2)."""
    if body:
        return []
    return [("Content-Length", value) for name, value in headers if name.lower() == "content-length"][:1]


def written_head(call: Call) -> bytes:
    """Request line and headers; Broken where one of them would become two."""
    lines = [f"{call.method} {call.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in call.headers if name.lower() != "content-length"]
    body = call.body
    if not isinstance(body, bytes):
        lines.append("Transfer-Encoding: chunked" if call.length is None else f"Content-Length: {call.length}")
    elif body or call.method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines)
    if head.count("\n") >= len(lines) or head.count("\r") >= len(lines) or "\0" in head or call.target.count(" "):
        raise Broken("the request can't be written in HTTP")
    return (head + "\r\n\r\n").encode("latin-1", "replace")
