"""How long a connection of a WebSocket API may live, and who closes it (facts/apigateway.md §10)."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from samovar.core.clock import FakeClock
from samovar.web.connections import Connection, Connections

KEY = ("123456789012", "us-east-1", "abcdefghij")


class Socket:
    """What `net` gives, noted."""

    def __init__(self, connections: Connections, connection: Connection) -> None:
        self.ends: list[tuple[int, str]] = []
        self._gone = lambda: connections.remove(connection)

    def send(self, data: bytes, text: bool) -> bool:
        return text

    def close(self, code: int, reason: str) -> None:
        self.ends.append((code, reason))
        self._gone()


class Hall:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.connections = Connections(self.clock)

    def enter(self, key: tuple[str, str, str] = KEY, stage: str = "dev") -> tuple[Connection, Socket]:
        connection = Connection(key, stage, "127.0.0.1", "", self.clock.now())
        socket = Socket(self.connections, connection)
        connection.socket = socket  # type: ignore[assignment]
        self.connections.add(connection)
        return connection, socket

    async def pass_(self, seconds: float) -> None:
        self.clock.advance(seconds)
        for _ in range(5):
            await asyncio.sleep(0)


def run(test: Callable[[Hall], Coroutine[Any, Any, None]]) -> None:
    async def body() -> None:
        hall = Hall()
        await test(hall)
        hall.connections.close()

    asyncio.run(body())


def test_an_idle_connection_is_closed_after_ten_minutes_and_one_that_speaks_is_not():
    async def test(hall: Hall) -> None:
        (_, idle), (speaking, busy) = hall.enter(), hall.enter()
        await hall.pass_(500)
        hall.connections.touch(speaking)
        await hall.pass_(101)
        assert (idle.ends, busy.ends) == ([(1001, "Going away")], [])
        assert hall.connections.find(speaking.id) is speaking
        await hall.pass_(500)
        assert busy.ends == [(1001, "Going away")]
        assert len(hall.connections) == 0

    run(test)


def test_no_connection_lives_longer_than_two_hours():
    async def test(hall: Hall) -> None:
        connection, socket = hall.enter()
        for _ in range(14):
            await hall.pass_(500)
            hall.connections.touch(connection)
        assert socket.ends == []
        await hall.pass_(201)
        assert socket.ends == [(1001, "Going away")]

    run(test)


def test_what_goes_takes_its_connections_along_and_no_others():
    async def test(hall: Hall) -> None:
        other = (*KEY[:2], "zzzzzzzzzz")
        (_, dev), (_, prod), (_, elsewhere) = hall.enter(), hall.enter(stage="prod"), hall.enter(other)
        hall.connections.hang_up(KEY, "dev")
        assert [len(socket.ends) for socket in (dev, prod, elsewhere)] == [1, 0, 0]
        hall.connections.hang_up(KEY)
        assert [len(socket.ends) for socket in (dev, prod, elsewhere)] == [1, 1, 0]
        hall.connections.hang_up()
        assert len(elsewhere.ends) == 1

    run(test)


def test_nothing_is_sent_before_the_handshake_is_done():
    connection = Connection(KEY, "dev", "127.0.0.1", "", 0.0)
    connection.close()
    assert not connection.send(b"hello")
