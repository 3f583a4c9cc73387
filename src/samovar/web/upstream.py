"""Requests to somebody else's HTTP server, on the way of a request to us: HTTP integrations, load balancers' targets.

Owns: `Upstream` and its pool of kept connections. Refuses: redirects, cookies, retries of what may not be done twice:
they are the client's or the caller's.

Rule: a kept connection may have been closed by the server just now. A request that found it so, before a byte came
back, is sent once more on a new one if its method may be repeated (RFC 9110 §9.2.2) and its body is at hand.
"""

import asyncio
from collections import deque

from samovar.web.calls import Answer, Broken, Call, Server, Unreachable
from samovar.web.upstream_connection import Connection, Stale

_KEPT = 64
"""Connections of one server."""
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})


class Upstream:
    """Made inside an event loop; closed with `close`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._kept: dict[Server, deque[Connection]] = {}
        self._open: set[Connection] = set()

    async def send(self, call: Call) -> Answer:
        """The head of the answer, whose body streams; UpstreamError when there is none."""
        connection = self._take(call)
        if connection is not None:
            try:
                return await connection.exchange(call)
            except Stale:
                if call.method not in _REPEATABLE or not isinstance(call.body, bytes):
                    raise Broken("the server closed a kept connection") from None
        connection = await self._connect(call)
        try:
            return await connection.exchange(call)
        except Stale:
            raise Broken("the server hung up without an answer") from None

    async def close(self) -> None:
        """Cut whatever is open."""
        for connection in list(self._open):
            connection.abort()
        self._kept.clear()

    def _take(self, call: Call) -> Connection | None:
        kept = self._kept.get(call.server)
        while kept:
            connection = kept.pop()
            if not kept:
                del self._kept[call.server]
            if connection.taken():
                return connection
        return None

    async def _connect(self, call: Call) -> Connection:
        def made() -> Connection:
            return Connection(self, call.server)

        try:
            async with asyncio.timeout(call.connect_s):
                name = (call.server_name or None) if call.tls is not None else None
                return (
                    await self._loop.create_connection(
                        made, call.host, call.port, ssl=call.tls, server_hostname=name
                    )
                )[1]
        except TimeoutError:
            raise Unreachable(f"no connection within {call.connect_s:g} s") from None
        except (OSError, ValueError) as error:
            raise Unreachable(str(error) or type(error).__name__) from error

    def opened(self, connection: Connection) -> None:
        self._open.add(connection)

    def lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        kept = self._kept.get(connection.server)
        if kept is not None and connection in kept:
            kept.remove(connection)
            if not kept:
                del self._kept[connection.server]

    def keep(self, connection: Connection) -> bool:
        kept = self._kept.setdefault(connection.server, deque())
        if len(kept) >= _KEPT:
            return False
        kept.append(connection)
        return True
