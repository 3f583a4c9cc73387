"""Boxes without anything around them, at the level that needs no rights."""

import asyncio
import ctypes
import os
import select
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from samovar.sandbox import occupant
from samovar.sandbox.boxes import LinuxBoxes
from samovar.sandbox.network import Network, Reach
from samovar.sandbox.port import Exit, SandboxDied
from samovar.sandbox.spec import Assignment, BoxLimits, Command, Interpreter, Isolation, ZygoteSpec

_PIDFD_GETFD = 438
ANYBODYS = Assignment([], BoxLimits(128, None, 512))


class Tenant:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.output = b""
        self.gone: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()

    def on_output(self, data: bytes) -> None:
        self.output += data

    def on_exit(self, how: Exit) -> None:
        self.gone.set_result(how)

    def on_frame(self, kind: int, content: memoryview) -> None:
        raise AssertionError("a program speaks no frames")


class Nobody:
    """Listens at no box."""

    def opened(self, *args: Any) -> None: ...
    def closed(self, *args: Any) -> None: ...


def test_a_program_that_ends_before_its_start_was_heard_of_is_told_as_one_that_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        spec = ZygoteSpec(None, "", None, [], {}, tmp_path / "cache")
        boxes = LinuxBoxes(
            Isolation.PROCESS, None, tmp_path, None, Network(Reach.HOST), False, 0, lambda kind: spec, Nobody()
        )
        try:
            box, tenant = await boxes.take("programs", ANYBODYS), Tenant()
            box.attach(tenant)
            first_word = occupant.first_word

            async def late(*args: Any) -> int:
                pid = await first_word(*args)
                await asyncio.wait_for(asyncio.shield(tenant.gone), 10)
                return pid

            monkeypatch.setattr(occupant, "first_word", late)
            await box.start(Command([["/bin/sh", "-c", "echo said; exit 3"]], {}, "/", channel=False))
            assert (await tenant.gone).status == 3
            assert tenant.output == b"said\n"
        finally:
            await boxes.close()

    asyncio.run(scenario())


def test_who_asks_again_after_a_zygote_died_at_its_start_gets_another_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        programs = ZygoteSpec(None, "", None, [], {}, tmp_path / "cache")
        broken = msgspec.structs.replace(
            programs, interpreter=Interpreter("python3.0", Path("/bin/false"), Path("/usr")), module="none"
        )
        described = [broken, programs]
        boxes = LinuxBoxes(
            Isolation.PROCESS, None, tmp_path, None, Network(Reach.HOST), False, 0,
            lambda kind: described.pop(0), Nobody(),
        )  # fmt: skip
        try:
            with pytest.raises(SandboxDied, match="died at its start"):
                await boxes.take("programs", ANYBODYS)
            assert not (await boxes.take("programs", ANYBODYS)).dead
        finally:
            await boxes.close()

    asyncio.run(scenario())


def test_boxes_that_wait_for_programs_go_with_their_zygote(tmp_path: Path) -> None:
    """Nothing runs in them that could tell of its end."""

    async def scenario() -> None:
        spec = ZygoteSpec(None, "", None, [], {}, tmp_path / "cache")
        boxes = LinuxBoxes(
            Isolation.PROCESS, None, tmp_path, None, Network(Reach.HOST), False, 2, lambda kind: spec, Nobody()
        )
        try:
            await boxes.warm("programs")
            zygote = boxes._zygotes["programs"]
            await until(lambda: len(zygote.shelf) == 2)
            signal.pidfd_send_signal(zygote.pidfd, signal.SIGKILL)
            await until(lambda: not boxes.living)
        finally:
            await boxes.close()

    asyncio.run(scenario())


def test_who_asks_right_after_the_end_of_a_guardian_gets_what_has_come_after_it(tmp_path: Path) -> None:
    """The keeper ends a moment later than its guardian, and so does every box."""

    async def scenario() -> None:
        spec = ZygoteSpec(None, "", None, [], {}, tmp_path / "cache")
        boxes = LinuxBoxes(
            Isolation.PROCESS, None, tmp_path, None, Network(Reach.HOST), False, 0, lambda kind: spec, Nobody()
        )
        try:
            box, guardian = await boxes.take("programs", ANYBODYS), boxes._guardians[0].pid
            assert box.sound()
            os.kill(guardian, signal.SIGKILL)
            os.waitid(os.P_PID, guardian, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - the loop is not to hear of it
            assert not box.sound()
            assert (await boxes.take("programs", ANYBODYS)).sound()
        finally:
            await boxes.close()

    asyncio.run(scenario())


def test_who_asks_when_all_ends_is_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        spec = ZygoteSpec(None, "", None, [], {}, tmp_path / "cache")
        boxes = LinuxBoxes(
            Isolation.PROCESS, None, tmp_path, None, Network(Reach.HOST), False, 0, lambda kind: spec, Nobody()
        )
        await boxes.close()
        with pytest.raises(SandboxDied, match="the keeper has gone"):
            await boxes.take("programs", ANYBODYS)

    asyncio.run(scenario())


def test_who_asks_right_after_the_end_of_a_zygote_that_was_forking_gets_another_one(tmp_path: Path) -> None:
    """A child that it has just forked holds the link still; here it's this test that does."""

    async def scenario() -> None:
        spec = ZygoteSpec(None, "", None, [], {}, tmp_path / "cache")
        boxes = LinuxBoxes(
            Isolation.PROCESS, None, tmp_path, None, Network(Reach.HOST), False, 0, lambda kind: spec, Nobody()
        )
        try:
            box, zygote = await boxes.take("programs", ANYBODYS), boxes._zygotes["programs"]
            assert box.sound()
            held = ctypes.CDLL(None, use_errno=True).syscall(_PIDFD_GETFD, zygote.pidfd, 3, 0)
            assert held >= 0, os.strerror(ctypes.get_errno())
            killed = os.dup(zygote.pidfd)
            signal.pidfd_send_signal(killed, signal.SIGKILL)
            select.select([killed], [], [])
            assert not box.sound()
            assert (await boxes.take("programs", ANYBODYS)).sound()
            os.close(held)
            os.close(killed)
        finally:
            await boxes.close()

    asyncio.run(scenario())


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - nobody would tell
            await asyncio.sleep(0.005)
