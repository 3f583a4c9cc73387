"""Listeners on their own ports, as clients of AWS expect them.

Owns: one server for each port that any listener names, on the platform's address; load balancers share it by host name,
but for network ones, of which one has a port (`flows`).

Rules:
- `auto` opens ports from 1024 up that are free; a port that isn't is told in the log, and the load balancer answers at
  the platform's port all the same. `always` opens all, and a listener whose port can't be opened isn't made.
- A port of an HTTPS listener is opened only where the server has certificates (`--tls`).
"""

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Callable
from functools import partial
from typing import Literal

from samovar.core.clock import Clock
from samovar.net.message import Reply, Request
from samovar.net.server import Server, serve
from samovar.net.tls import Contexts
from samovar.services.elbv2.flows import Flows, FlowServer
from samovar.services.elbv2.records import Listener
from samovar.services.elbv2.state import State
from samovar.web.balancers import admit

_log = logging.getLogger(__name__)

_UNPRIVILEGED = 1024
_ORDER = ("HTTPS", "HTTP", "TCP", "")
"""Who gets a port that listeners of several protocols name."""
_GRACE_S = 1.0
Serve = Callable[[int, Request, Reply], None]
Opening = Literal["auto", "always", "never"]


class ListenerPorts:
    """`follow` listens on what is named now; `close` ends all."""

    def __init__(
        self,
        state: State,
        host: str,
        opening: Opening,
        own_port: int,
        clock: Clock,
        tls: Contexts | None,
        flows: Flows,
    ) -> None:
        self._flows = flows
        self._state = state
        self._host = host
        self._opening = opening
        self._own_port = own_port
        self._clock = clock
        self._tls = tls
        self._servers: dict[int, tuple[str, Server | FlowServer]] = {}
        """Port -> (the protocol, who listens)."""
        self._lock = asyncio.Lock()
        self.serve: Serve | None = None
        """Who answers; until it is there, nothing is opened."""

    async def follow(self) -> None:
        async with self._lock:
            wanted: dict[int, str] = {}
            for _, each in self._state.listeners.items():
                if self._is_wanted(each):  # HTTPS speaks HTTP as well, and TCP neither
                    wanted[each.port] = min(wanted.get(each.port, ""), each.protocol, key=_ORDER.index)
            for port, (protocol, server) in list(self._servers.items()):
                if wanted.get(port) != protocol:
                    del self._servers[port]
                    await server.close(_GRACE_S)
            for port in sorted(wanted.keys() - self._servers.keys()):
                await self._listen(port, wanted[port])

    def refusal(self, listener: Listener) -> str:
        if self._opening != "always" or listener.port in self._servers:
            return ""
        try:
            with socket.create_server((self._host, listener.port)):
                return ""
        except OSError as error:
            return f"port {listener.port} can't be opened here: {os.strerror(error.errno or errno.EADDRNOTAVAIL)}"

    async def close(self) -> None:
        async with self._lock:
            while self._servers:
                _, (_, server) = self._servers.popitem()
                await server.close(_GRACE_S)

    def _is_wanted(self, listener: Listener) -> bool:
        if self.serve is None or self._opening == "never" or listener.port == self._own_port:
            return False
        if listener.protocol == "HTTPS" and self._tls is None:
            return False
        return self._opening == "always" or listener.port >= _UNPRIVILEGED

    async def _listen(self, port: int, protocol: str) -> None:
        assert self.serve is not None
        handler = partial(self._answer, port)
        try:
            if protocol == "TCP":
                self._servers[port] = (protocol, await self._flows.listen(self._host, port))
                return
            server = await serve(
                handler,
                host=self._host,
                port=port,
                admit=admit,
                clock=self._clock,
                tls=self._tls if protocol == "HTTPS" else None,
            )
            self._servers[port] = (protocol, server)
        except OSError as error:
            _log.warning("a listener's port %d can't be opened: %s", port, error)

    def _answer(self, port: int, request: Request, reply: Reply) -> None:
        assert self.serve is not None
        self.serve(port, request, reply)
