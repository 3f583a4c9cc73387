"""Boxes without anything around them, at the level that needs no rights."""

import asyncio
from pathlib import Path
from typing import Any

from samovar.sandbox.boxes import LinuxBoxes
from samovar.sandbox.network import Network, Reach
from samovar.sandbox.port import Exit
from samovar.sandbox.spec import Command, Isolation, ZygoteSpec


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


def test_a_program_that_ends_before_its_start_was_heard_of_is_told_as_one_that_ended(tmp_path: Path) -> None:
    async def scenario() -> None:
        spec = ZygoteSpec(None, "", None, [], {}, tmp_path / "cache")
        boxes = LinuxBoxes(
            Isolation.PROCESS, None, tmp_path, None, Network(Reach.HOST), False, 0, lambda kind: spec, Nobody()
        )
        try:
            box, tenant = await boxes.take("programs"), Tenant()
            box.attach(tenant)
            first_word = box._first_word

            async def late(*args: Any) -> int:
                pid = await first_word(*args)
                await asyncio.wait_for(asyncio.shield(tenant.gone), 10)
                return pid

            box._first_word = late
            await box.start(Command([["/bin/sh", "-c", "echo said; exit 3"]], {}, "/", channel=False))
            assert (await tenant.gone).status == 3
            assert tenant.output == b"said\n"
        finally:
            await boxes.close()

    asyncio.run(scenario())
