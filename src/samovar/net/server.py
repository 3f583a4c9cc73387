"""The HTTP/1.1 server: where connections come from and how they end.

Owns: listeners (a TCP address, and sockets that others opened, say inside a network namespace), the sweep that ages all
connections, the drain at the end. Refuses: anything about single requests, which is `net/connection`'s.

Rule: one timer for the whole server. A timer per call would cost 1 us each and save nothing.
"""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable, Mapping
from functools import partial

from samovar.core.clock import Clock, SystemClock
from samovar.net.connection import Connection, Site
from samovar.net.head import HeadWriter
from samovar.net.message import Admit, Handler, Limits
from samovar.net.tls import Contexts, Doorway

_log = logging.getLogger(__name__)

_ACCEPTS_PER_WAKEUP = 64


class Server:
    """Made by `serve` (with an address) or `Server(...)` and `listen` (with sockets); closed with `close`."""

    def __init__(
        self,
        handler: Handler,
        *,
        admit: Admit | None = None,
        limits: Limits | None = None,
        clock: Clock | None = None,
        tls: Contexts | None = None,
    ) -> None:
        """`tls`: clients may speak TLS as well, on the same ports."""
        limits = limits or Limits()
        self._loop = asyncio.get_running_loop()
        self._heads = HeadWriter(clock or SystemClock())
        self._site = Site(handler, admit or partial(_flat_limit, limits.body_bytes), limits, self._heads)
        self._door: Callable[[Site, object], asyncio.Protocol] = partial(Doorway, tls) if tls else Connection
        self._public: asyncio.Server | None = None
        self._listening: dict[socket.socket, object] = {}
        self._starved: list[socket.socket] = []
        self._accepting: set[asyncio.Task[object]] = set()
        self._timer = self._loop.call_later(limits.sweep_s, self._tick)

    @property
    def address(self) -> tuple[str, int]:
        """(host, port) of the public listener."""
        if self._public is None or not self._public.sockets:
            raise RuntimeError("this server has no public address")
        host, port = self._public.sockets[0].getsockname()[:2]
        return host, port

    @property
    def connections(self) -> int:
        return len(self._site.connections)

    async def bind(self, host: str, port: int) -> None:
        """Listen on a TCP address; OSError when it is taken."""
        opening = partial(self._loop.create_server, lambda: self._door(self._site, None), backlog=1024)
        if _is_address(host):
            self._public = await opening(sock=_bound(host, port))
        else:
            self._public = await opening(host, port, reuse_address=True)

    def listen(self, listener: socket.socket, source: object) -> None:
        """Accept from a listening socket; its requests carry `source`. The socket stays the caller's to close."""
        listener.setblocking(False)
        self._listening[listener] = source
        self._loop.add_reader(listener.fileno(), self._accept, listener)

    def unlisten(self, listener: socket.socket) -> None:
        """Accept no more from this socket and drop what is connected through it now."""
        if listener not in self._listening:
            return
        source = self._listening.pop(listener)
        self._loop.remove_reader(listener.fileno())
        for connection in list(self._site.connections):
            if connection.source is source:
                connection.abort()

    async def close(self, grace_s: float) -> None:
        """Stop accepting, let running requests finish within `grace_s`, then cut whatever is left."""
        site = self._site
        site.draining = True
        if self._public is not None:
            self._public.close()
        for listener in self._listening:
            self._loop.remove_reader(listener.fileno())
        self._listening.clear()
        for task in list(self._accepting):
            task.cancel()
        for connection in list(site.connections):
            connection.drain()
        await self._emptied(grace_s)
        for connection in list(site.connections):
            connection.abort()
        await self._emptied(1.0)
        self._timer.cancel()

    async def _emptied(self, within_s: float) -> None:
        if self._site.connections:
            self._site.emptied = self._loop.create_future()
            await asyncio.wait([self._site.emptied], timeout=within_s)

    def _accept(self, listener: socket.socket) -> None:
        source = self._listening[listener]
        if self._full(source):
            self._rest(listener)
            return
        for _ in range(_ACCEPTS_PER_WAKEUP):
            try:
                client, _ = listener.accept()
            except (BlockingIOError, ConnectionAbortedError, InterruptedError):
                return
            except OSError as error:
                _log.error("cannot accept a connection: %s", error)  # out of descriptors or memory
                self._rest(listener)
                return
            task: asyncio.Task[object] = self._loop.create_task(
                self._loop.connect_accepted_socket(partial(self._door, self._site, source), client)
            )
            self._accepting.add(task)
            task.add_done_callback(self._accepted)

    def _rest(self, listener: socket.socket) -> None:
        """Until the next sweep: it stays readable all the time."""
        self._loop.remove_reader(listener.fileno())
        self._starved.append(listener)

    def _full(self, source: object) -> bool:
        most = self._site.limits.of_one_listener
        return bool(most) and sum(each.source is source for each in self._site.connections) >= most

    def _accepted(self, task: asyncio.Task[object]) -> None:
        self._accepting.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.debug("a client was gone before it was accepted", exc_info=task.exception())

    def sweep(self, seconds: float) -> None:
        """Let `seconds` pass for every connection; the timer does it by itself."""
        self._heads.tick()
        for connection in list(self._site.connections):
            connection.sweep(seconds)
        starved, self._starved = self._starved, []
        for listener in starved:
            if listener in self._listening:
                self._loop.add_reader(listener.fileno(), self._accept, listener)

    def _tick(self) -> None:
        seconds = self._site.limits.sweep_s
        self._timer = self._loop.call_later(seconds, self._tick)
        self.sweep(seconds)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _bound(host: str, port: int) -> socket.socket:
    """A socket at an address. The loop would take that for a name, and import Unicode's rules for names: 6 ms."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if bound.family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


async def serve(
    handler: Handler,
    *,
    host: str,
    port: int,
    admit: Admit | None = None,
    limits: Limits | None = None,
    clock: Clock | None = None,
    tls: Contexts | None = None,
) -> Server:
    """A server listening on a TCP address; port 0 picks a free one (see `Server.address`)."""
    server = Server(handler, admit=admit, limits=limits, clock=clock, tls=tls)
    try:
        await server.bind(host, port)
    except OSError:
        await server.close(0)
        raise
    return server


def _flat_limit(limit: int, method: str, path: str, headers: Mapping[str, str]) -> int:
    return limit
