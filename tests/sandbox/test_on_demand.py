"""Boxes of which nothing was there when they were asked for: made for their function, and entered as they are made."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

# What waits in the first box's pid namespace ends before the rest of the box is there.
FIRST_INIT_ENDS = """
import os, signal
from samovar.cli import main
from samovar.sandbox.shell import Shell

furnish, spared = Shell.furnish, []

async def furnish_none(shell, *given):
    if not spared:
        spared.append(shell)
        signal.pidfd_send_signal(shell.init, signal.SIGKILL)
    return await furnish(shell, *given)

Shell.furnish = furnish_none
main()
"""
LOOKING = """
    import os
    def handler(event, context):
        room = os.statvfs("/tmp")
        return {
            "code": os.listdir("/var/task"),
            "tmp_mb": room.f_blocks * room.f_frsize >> 20,
            "processes": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()),
            "me": os.getpid(),
            "interfaces": sorted(os.listdir("/proc/sys/net/ipv4/conf")),
        }
"""


@pytest.fixture(scope="module")
def bare(platforms: Any) -> Iterator[Any]:
    platform = platforms("--ephemeral", "--prefork", "0")
    yield platform
    platform.stop()


def test_it_has_its_code_its_room_its_processes_and_its_network(bare: Any) -> None:
    function = bare.deploy(LOOKING, EphemeralStorage={"Size": 1024})
    seen = function().result
    assert seen["code"] == ["h.py"]
    assert 1000 <= seen["tmp_mb"] <= 1060
    assert seen["processes"] == [seen["me"]]  # pid 1 is another user's
    assert "lo" in seen["interfaces"]


def test_it_is_held_to_its_memory_from_the_start(bare: Any) -> None:
    function = bare.deploy("filled = b'x' * (300 << 20)\ndef handler(event, context): pass\n", MemorySize=128)
    assert function().failure[0] in ("Runtime.OutOfMemory", "Runtime.ExitError")


def test_one_whose_init_ends_while_it_is_furnished_is_replaced(platforms: Any) -> None:
    platform = platforms("--ephemeral", "--prefork", "0", command=[sys.executable, "-c", FIRST_INIT_ENDS])
    try:
        assert platform.deploy(LOOKING)().result["code"] == ["h.py"]
    finally:
        platform.stop()
