"""`Request.client.unread`: what can be known of a client that is gone, against what it really read."""

import asyncio
import os
import random
import signal
import socket
import time

import pytest
import uvloop

from samovar.net.message import Reply, Request, Response
from samovar.net.server import serve

BODY = b"e" * 500


def reading(port: int, told: int) -> int:
    """A process that asks, reads the whole answer and writes into `told` that it has: it may be killed anywhere."""
    pid = os.fork()
    if pid:
        return pid
    with socket.create_connection(("127.0.0.1", port)) as end:
        end.sendall(b"GET /next HTTP/1.1\r\nHost: h\r\n\r\n")
        read = b""
        while not read.endswith(BODY):
            read += end.recv(1 << 16)
        os.write(told, b"T")
        while True:
            signal.pause()


def kill(pid: int, after_s: float) -> None:
    """Without the loop having a look between that and what the caller does next."""
    time.sleep(after_s)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


@pytest.mark.parametrize("make_loop", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_what_a_killed_client_has_read_is_never_called_unread(make_loop):
    """And what it has not is, but for the moment between reading and saying so; also when its end was noticed."""
    dice = random.Random(2)

    async def one(before: bool, looked: bool) -> tuple[bool, bool]:
        asked: asyncio.Future[tuple[Request, Reply]] = asyncio.get_running_loop().create_future()
        server = await serve(lambda request, reply: asked.set_result((request, reply)), host="127.0.0.1", port=0)
        read, write = os.pipe()
        os.set_blocking(read, False)
        pid = reading(server.address[1], write)
        os.close(write)
        request, reply = await asked
        assert request.client is not None
        if before:
            kill(pid, 0)
            if looked:
                await asyncio.sleep(0.01)
        reply(Response(200, [], BODY))
        if not before:
            kill(pid, dice.choice((0, 0.0002, 0.001, 0.005)))
        at_once = request.client.unread
        await asyncio.sleep(0.01)
        unread = request.client.unread
        assert unread or not at_once
        try:
            taken = bool(os.read(read, 1))
        except BlockingIOError:
            taken = False
        os.close(read)
        await server.close(0)
        return unread, taken

    async def run() -> tuple[int, int]:
        unread = neither = 0
        for turn in range(60):
            said, did = await one(before=turn % 3 == 0, looked=turn % 2 == 0)
            assert not (said and did)
            unread, neither = unread + said, neither + (not said and not did)
        return unread, neither

    with asyncio.Runner(loop_factory=make_loop) as runner:
        unread, neither = runner.run(run())
    assert unread >= 20
    assert neither < 15
