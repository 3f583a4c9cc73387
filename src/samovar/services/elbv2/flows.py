"""Connections that are passed on as they are: TCP listeners of network load balancers, at their own ports.

Owns: the way of a connection to a target and back. Rules:
- A connection stays with the target that it was given; nobody gets it when there is none, and it is reset.
- One that moves nothing for as long as AWS waits (350 s) is reset; an end of one side is passed on as such.
"""

import asyncio

from samovar.services.elbv2.balancing import Balancing
from samovar.services.elbv2.records import Target, target_groups
from samovar.services.elbv2.state import State, place

_CONNECT_S = 10.0
_IDLE_S = 350.0
_CHUNK = 64 * 1024


class Flows:
    def __init__(self, state: State, balancing: Balancing) -> None:
        self._state = state
        self._balancing = balancing

    async def listen(self, host: str, port: int) -> "FlowServer":
        """OSError when the address is taken."""
        served = FlowServer(self, port)
        served.server = await asyncio.start_server(served.take, host, port, backlog=1024, limit=_CHUNK)
        return served

    def target(self, port: int) -> Target | None:
        """Whom the next connection to a port is for."""
        found = [each for _, each in self._state.listeners.items() if each.port == port and each.protocol == "TCP"]
        for listener in found[:1]:
            chosen = next(iter(target_groups(listener.actions)))
            group = self._state.groups.get((*place(chosen), chosen))
            return self._balancing.target(group, {}) if group is not None else None
        return None


class FlowServer:
    server: asyncio.Server

    def __init__(self, flows: Flows, port: int) -> None:
        self._flows = flows
        self._port = port
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._pass_on(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self, grace_s: float) -> None:
        """Take no more; what runs has `grace_s` to end."""
        self.server.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        transports = [writer.transport]
        try:
            target = self._flows.target(self._port)
            if target is None:
                return
            async with asyncio.timeout(_CONNECT_S):
                back, forth = await asyncio.open_connection(target.id, target.port, limit=_CHUNK)
            transports.append(forth.transport)
            async with asyncio.timeout(_IDLE_S) as idle, asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, forth, idle))
                both.create_task(_pump(back, writer, idle))
            for each in (writer, forth):
                each.close()
            transports.clear()
        except* (OSError, TimeoutError):
            pass  # told to both sides by the reset
        finally:
            for transport in transports:
                transport.abort()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, idle: asyncio.Timeout) -> None:
    while data := await source.read(_CHUNK):
        idle.reschedule(asyncio.get_running_loop().time() + _IDLE_S)
        sink.write(data)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()
