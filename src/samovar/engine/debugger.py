"""From an editor on this machine to a debugger in an environment: a port of the loopback for each debugged function.

Owns: the listening ports, the connections that are attached, and the order of a debugged function's invocations: it has
one environment, so that a breakpoint is met where the editor is attached, and whoever comes meanwhile waits. As long as
somebody is attached, or is waited for, no timeout counts.

Rule: nobody at a breakpoint holds a stop of the server. Editors are detached when it begins: what they held goes on, as
a debugger lets go when its editor has gone; what only waits, for its turn or for an editor, doesn't begin any more.
"""

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from samovar.engine.debug import Debug
from samovar.engine.environment import Environment
from samovar.engine.lifecycle import OCCUPIED, Event, State

log = logging.getLogger("samovar.engine")

HOST = "127.0.0.1"
_TRY_AGAIN_S = 0.05
_TRY_FOR_S = 60.0
_CHUNK = 1 << 16


class _Debugged:
    """A function version that is debugged."""

    def __init__(self, debug: Debug) -> None:
        self.debug = debug
        self.environment: Environment | None = None
        self.attached = 0
        self.waiting: deque[Callable[[], None]] = deque()
        self.retired = False


class Debugger:
    def __init__(self, extend: Callable[[Environment], None]) -> None:
        """`extend` gives an environment its whole time again: when nobody is attached any more."""
        self._extend = extend
        self._versions: dict[str, _Debugged] = {}
        self._servers: dict[int, asyncio.Server] = {}
        self._owners: dict[int, str] = {}
        """Port -> the version key that it leads to."""
        self._ports: set[int] = set()
        """Those that listen, or are about to."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def admit(self, version_key: str, debug: Debug, start: Callable[[], None]) -> None:
        """Start an invocation of a debugged version, now or when the ones before it have ended; `start` raises
        nothing, and refuses it where `refuses` says so."""
        debugged = self._versions.get(version_key)
        if debugged is None:
            debugged = self._versions[version_key] = _Debugged(debug)
        self._owners[debug.port] = version_key  # of several that name a port, it leads to the last that was invoked
        if debug.port not in self._ports and not self._closed:
            self._ports.add(debug.port)
            self._spawn(self._listen(debug.port))
        if not self._closed and (self._busy(debugged) or debugged.waiting):
            debugged.waiting.append(start)
        else:
            start()

    def lives(self, environment: Environment) -> None:
        """The one environment of its version has begun."""
        debugged = self._versions.get(environment.version_key)
        if debugged is not None:
            debugged.environment = environment

    def freed(self, environment: Environment) -> None:
        """It has no invocation any more, or is gone."""
        debugged = self._versions.get(environment.version_key)
        if debugged is None:
            return
        if environment.state is State.DEAD and debugged.environment is environment:
            debugged.environment = None
        if debugged.waiting:
            asyncio.get_running_loop().call_soon(self._next, debugged)
        elif debugged.retired:
            self.forget(environment.version_key)

    def forget(self, version_key: str) -> None:
        """The version is let go. Whoever runs or waits for it has his turn still, and his editor."""
        debugged = self._versions.get(version_key)
        if debugged is None:
            return
        debugged.retired = True
        if debugged.waiting or self._busy(debugged):
            return
        del self._versions[version_key]
        port = debugged.debug.port
        if self._owners.get(port) == version_key:
            del self._owners[port]
            self._close(port)

    def knows(self, environment: Environment) -> bool:
        return environment.version_key in self._versions

    def spent(self, environment: Environment) -> bool:
        """Whether the next invocation gets a new one in its place: a reset would start the debugger, which takes its
        time, within the function's timeout."""
        return self.knows(environment) and environment.state in (State.RESETTING, State.EMPTY)

    def holds(self, environment: Environment) -> bool:
        """Whether no timeout counts for it now."""
        debugged = self._versions.get(environment.version_key)
        return debugged is not None and (_awaits(debugged, environment) or debugged.attached > 0)

    def refuses(self, version_key: str) -> bool:
        """Whether no invocation of the version may begin any more."""
        return self._closed and version_key in self._versions

    async def close(self) -> None:
        """Let go of everything, see the rule; the server stops."""
        self._closed = True
        for port in list(self._ports):
            self._close(port)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for debugged in list(self._versions.values()):
            while debugged.waiting:
                debugged.waiting.popleft()()
            if debugged.environment is not None and _awaits(debugged, debugged.environment):
                debugged.environment.event(Event.LOST)  # its handler can't have begun

    # --- invocations ------------------------------------------------------------------------------------------------

    @staticmethod
    def _busy(debugged: _Debugged) -> bool:
        return debugged.environment is not None and debugged.environment.state in OCCUPIED

    def _next(self, debugged: _Debugged) -> None:
        while debugged.waiting and not self._busy(debugged):
            debugged.waiting.popleft()()  # one that is refused leaves the environment to the next

    # --- connections ------------------------------------------------------------------------------------------------

    async def _listen(self, port: int) -> None:
        try:
            self._servers[port] = await asyncio.start_server(
                lambda reader, writer: self._connected(port, reader, writer), HOST, port
            )
        except OSError as error:
            log.error("no debugger can attach at %s:%d: %s", HOST, port, error.strerror)
            self._ports.discard(port)  # tried again with the next invocation
            return
        if port not in self._owners:
            self._close(port)  # let go meanwhile

    def _close(self, port: int) -> None:
        server = self._servers.pop(port, None)
        if server is not None:
            server.close()
            self._ports.discard(port)

    async def _connected(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            debugged = self._versions.get(self._owners.get(port, ""))
            if debugged is not None:
                await self._serve(debugged, reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # one of the two has gone, or the server goes
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(
        self, debugged: _Debugged, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        debugged.attached += 1
        try:
            inside = await self._dial(debugged)
            if inside is None:
                return
            inner_reader, inner_writer = await asyncio.open_connection(sock=inside)
            copying = [
                asyncio.ensure_future(_copy(reader, inner_writer)),
                asyncio.ensure_future(_copy(inner_reader, writer)),
            ]
            try:
                await asyncio.wait(copying, return_when=asyncio.FIRST_COMPLETED)
            finally:
                inner_writer.close()
                for each in copying:
                    each.cancel()
            await asyncio.gather(*copying, return_exceptions=True)
        finally:
            debugged.attached -= 1
            if debugged.attached == 0 and debugged.environment is not None:
                self._extend(debugged.environment)

    @staticmethod
    async def _dial(debugged: _Debugged) -> socket.socket | None:
        """A connection to the debugger inside, as soon as it listens; None when it doesn't in time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _TRY_FOR_S
        while loop.time() < deadline:
            end = await debugged.environment.dial() if debugged.environment is not None else None
            if end is not None:
                end.setblocking(False)
                try:
                    await loop.sock_connect(end, (HOST, debugged.debug.port))
                    return end
                except OSError:
                    end.close()  # it doesn't listen yet
            await asyncio.sleep(_TRY_AGAIN_S)
        return None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _awaits(debugged: _Debugged, environment: Environment) -> bool:
    """Whether the environment may be waiting for its editor."""
    return debugged.debug.wait and environment.state in (State.INIT, State.REINIT)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(_CHUNK):
        target.write(data)
        await target.drain()
