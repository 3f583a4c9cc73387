"""`sandbox/channel.py`: what can be known of a far side that is gone, against what it really did."""

import asyncio
import os
import random
import signal
import socket
import time

import pytest
import uvloop

from samovar.sandbox.channel import Channel

EVENT = (65).to_bytes(4, "little") + b"N" + bytes(64)
"""One frame."""


def far_side(end: socket.socket, told: int, size: int) -> int:
    """A process that reads `size` bytes and writes into `told` that it has: it may be killed anywhere."""
    pid = os.fork()
    if pid:
        return pid
    read = 0
    while read < size:
        read += len(end.recv(1 << 16))
    os.write(told, b"T")
    while True:
        signal.pause()


def kill(pid: int, after_s: float) -> None:
    """Without the loop having a look between that and what the caller does next."""
    time.sleep(after_s)
    os.kill(pid, signal.SIGKILL)


def buried(pid: int) -> None:
    os.waitpid(pid, 0)


async def one(event: bytes, kill_after_s: float, before: bool) -> tuple[bool, bool]:
    """(whether the channel says that it was not read, whether the far side has certainly taken it)."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    read, write = os.pipe()
    os.set_blocking(read, False)
    pid = far_side(theirs, write, len(event))
    theirs.close()
    os.close(write)
    channel = Channel()
    await asyncio.get_running_loop().create_connection(lambda: channel, sock=ours)
    if before:
        kill(pid, kill_after_s)
        channel.write(event)
    else:
        channel.write(event)
        kill(pid, kill_after_s)
    buried(pid)
    at_once = channel.unread
    await channel.gone(5)
    unread = channel.unread
    assert unread or not at_once
    channel.close()
    try:
        taken = bool(os.read(read, 1))
    except BlockingIOError:
        taken = False
    os.close(read)
    return unread, taken


@pytest.mark.parametrize("make_loop", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_what_a_killed_process_has_taken_is_never_called_unread(make_loop):
    """And what it has not is, but for the moment between reading and saying so."""
    dice = random.Random(1)

    async def run() -> tuple[int, int]:
        unread = neither = 0
        for turn in range(120):
            event = EVENT if turn % 3 else bytes(1 << 20)
            said, did = await one(event, dice.choice((0, 0.0002, 0.0005, 0.003)), before=turn % 4 == 0)
            assert not (said and did)
            unread, neither = unread + said, neither + (not said and not did)
        return unread, neither

    with asyncio.Runner(loop_factory=make_loop) as runner:
        unread, neither = runner.run(run())
    assert unread > 20
    assert neither < 20


@pytest.mark.parametrize("make_loop", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_what_is_written_after_the_end_is_unread(make_loop):
    async def run() -> None:
        for noticed in (False, True):
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            channel = Channel()
            await asyncio.get_running_loop().create_connection(lambda made=channel: made, sock=ours)
            theirs.close()
            if noticed:
                await channel.gone(5)
            assert not channel.unread
            channel.write(EVENT)
            await channel.gone(5)
            assert channel.unread

    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(run())


def test_a_far_side_that_lives_has_left_nothing_unread():
    async def run() -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        channel = Channel()
        await asyncio.get_running_loop().create_connection(lambda: channel, sock=ours)
        channel.write(EVENT)
        await channel.gone(0.01)
        assert not channel.unread
        theirs.recv(1000)
        theirs.close()
        await channel.gone(5)
        assert not channel.unread
        channel.close()

    asyncio.run(run())
