"""TLS on a port that speaks plain HTTP as well: a client's first byte says which it means.

Owns: Doorway (what a connection is until that byte), Tls (the transport of a secured one). Refuses: certificates, which
`Contexts` hands in.

Rules:
- A TLS connection begins with a handshake record (22, RFC 8446 §5.1); no HTTP request does. A plain connection costs
  one look at its first byte, and nothing after that.
- Handshakes have a deadline, which the server's sweep keeps, as it keeps all others.
- Nothing is renegotiated, and a client that breaks the protocol is told by an alert and cut off.
- Who wants a name whose clients must show certificates (`Asking`) gets a handshake that asks for one. Which name it is
  shows only once the handshake has begun, and OpenSSL changes what it shows then, but not what it asks for: so the
  handshake begins anew, with the same bytes.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

from samovar.net.connection import Connection, Site
from samovar.net.message import Shown

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_log = logging.getLogger(__name__)

HANDSHAKE = 0x16
_RECORD = 16 * 1024
"""The most that one read gives: a record's content (RFC 8446 §5.1)."""

Contexts = Callable[[str], ssl.SSLContext]
"""The local address that a client has connected to -> what it is shown."""


class Asking(ssl.SSLContext):
    """A context whose clients must show a certificate. One is made for each domain."""

    domain = ""


class Doorway(asyncio.Protocol):
    """A connection that hasn't said anything yet."""

    def __init__(self, contexts: Contexts, site: Site, source: object) -> None:
        self.source = source
        self._contexts = contexts
        self._site = site
        self._age = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._site.connections.add(self)
        if self._site.draining:
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._site.left(self)

    def data_received(self, data: bytes) -> None:
        """Make room for who goes on from here."""
        transport, connection = self._transport, Connection(self._site, self.source)
        follower: asyncio.Protocol = connection
        if data[0] == HANDSHAKE:
            name = transport.get_extra_info("sockname")
            follower = Tls(self._contexts(name[0] if isinstance(name, tuple) else ""), connection, self._site)
        transport.set_protocol(follower)
        follower.connection_made(transport)
        self._site.left(self)
        follower.data_received(data)

    def sweep(self, seconds: float) -> None:
        self._age += seconds
        if self._age > self._site.limits.idle_s:
            self._transport.abort()

    def drain(self) -> None:
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()


class Tls(asyncio.Transport, asyncio.Protocol):
    """Between a socket's transport and a connection, to which it is the transport."""

    def __init__(self, context: ssl.SSLContext, connection: Connection, site: Site) -> None:
        super().__init__()
        self.source = connection.source
        self._connection: asyncio.Protocol = connection
        self._site = site
        self._socket: asyncio.Transport
        self._hello = b""
        """What a client has sent so far that hasn't been answered at all."""
        self._begin(context)
        self._age = 0.0
        self._established = self._ended = self._closed = False

    # --- called by the socket's transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket = cast(asyncio.Transport, transport)
        self._site.connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._closed = True
        self._site.left(self)
        if self._established:
            self._connection.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        if self._ended or self._closed:
            return
        self._incoming.write(data)
        try:
            if not self._established:
                self._shake_hands(data)
                self._establish()
            self._read()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError as error:
            _log.debug("a client's TLS is broken: %s", error)
            self._flush()  # the alert
            self._closed = True
            self._socket.close()

    def eof_received(self) -> bool:
        return self._end() if self._established else False

    def pause_writing(self) -> None:
        if self._established:
            self._connection.pause_writing()

    def resume_writing(self) -> None:
        if self._established:
            self._connection.resume_writing()

    # --- called by the server, until the handshake is done

    def sweep(self, seconds: float) -> None:
        self._age += seconds
        if self._age > self._site.limits.handshake_s:
            self._socket.abort()

    def drain(self) -> None:
        self._socket.close()

    # --- the transport of the connection

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "ssl_object":
            return self._object
        if name == "shown":
            return self._shown()
        return self._socket.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._connection = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._connection

    def is_closing(self) -> bool:
        return self._closed or self._socket.is_closing()

    def is_reading(self) -> bool:
        return self._socket.is_reading()

    def pause_reading(self) -> None:
        self._socket.pause_reading()

    def resume_reading(self) -> None:
        self._socket.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._socket.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return self._socket.get_write_buffer_size()

    def write(self, data: "ReadableBuffer") -> None:
        self.writelines((data,))

    def writelines(self, list_of_data: "Iterable[ReadableBuffer]") -> None:
        if self._closed:
            return
        try:
            for data in list_of_data:
                left = memoryview(data)
                while left:
                    left = left[self._object.write(left) :]
        except ssl.SSLError as error:
            _log.debug("a client's TLS is broken: %s", error)
            self.abort()
        else:
            self._flush()

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """Nothing more from this side; what the client still sends is read by nobody."""
        if not self._closed:
            self._say_goodbye()
            self._ended = True
            self._socket.write_eof()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._say_goodbye()
            self._socket.close()

    def abort(self) -> None:
        self._closed = True
        self._socket.abort()

    # --- pieces

    def _begin(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def _shake_hands(self, data: bytes) -> None:
        """Go on with the handshake; SSLWantReadError when the client has to."""
        self._hello += data
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            wanted = self._object.context
            if isinstance(wanted, Asking) and wanted is not self._context:
                self._begin(wanted)
                self._incoming.write(self._hello)
                self._object.do_handshake()
            if self._outgoing.pending:
                self._hello = b""
            raise

    def _shown(self) -> Shown | None:
        if not isinstance(self._context, Asking):
            return None
        content = self._object.getpeercert(binary_form=True)
        return Shown(self._context.domain, content) if content else None

    def _establish(self) -> None:
        self._established = True
        self._flush()
        self._connection.connection_made(self)
        self._site.left(self)

    def _read(self) -> None:
        """Hand on what has come, until the end of it (SSLWantReadError) or of the connection."""
        parts: list[bytes] = []
        try:
            while True:
                part = self._object.read(_RECORD)
                if not part:
                    raise ssl.SSLZeroReturnError
                parts.append(part)
        except ssl.SSLZeroReturnError:
            self._deliver(parts)
            if not self._end():
                self.close()
        except ssl.SSLError:
            self._deliver(parts)
            raise

    def _deliver(self, parts: list[bytes]) -> None:
        if parts and not self._closed:
            self._connection.data_received(parts[0] if len(parts) == 1 else b"".join(parts))

    def _end(self) -> bool:
        """The client sends nothing more: whether there is something to be sent to it."""
        if not self._ended:
            self._ended = True
            self._stays = bool(self._connection.eof_received())
        return self._stays

    _stays = False

    def _say_goodbye(self) -> None:
        try:
            self._object.unwrap()
        except ssl.SSLError:
            pass  # the client's own goodbye isn't waited for (RFC 8446 §6.1)
        self._flush()

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self._socket.write(data)
