"""The program that a box's init runs, as a program of this machine."""

import select
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from samovar.sandbox import spec

_WRITE = """
import os, platform, sys
import pid_one
calls = eval(sys.argv[2])
with open(sys.argv[1], "wb") as file:
    file.write(pid_one._assembled([*calls, *pid_one._SETTLED], platform.machine()))
os.chmod(sys.argv[1], 0o755)
"""


@contextmanager
def started(folder: Path, calls: str, stdin: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A program that makes these calls first."""
    program = folder / "init"
    command = [sys.executable, "-B", "-c", _WRITE, str(program), calls]
    subprocess.run(command, env={"PYTHONPATH": str(spec.INSIDE)}, check=True, timeout=60)
    with subprocess.Popen([str(program)], stdin=stdin, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def told(process: "subprocess.Popen[bytes]") -> tuple[int, ...]:
    assert process.stdout is not None
    return struct.unpack("<q", process.stdout.read(8))


def test_it_makes_its_calls_says_so_and_sleeps(tmp_path: Path) -> None:
    with started(tmp_path, r"[('prctl', (15, b'waits'), False), ('close', (99,), True)]") as process:
        assert told(process) == (0,)
        status = dict(
            line.split(":\t", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
        )
        assert status["Name"] == "waits"
        assert status["NoNewPrivs"] == "1"
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
        assert process.poll() is None
        assert process.stdout is not None
        assert process.stdout.read() == b""  # it has closed its end, and goes on


def test_a_call_that_fails_is_told_and_ends_it(tmp_path: Path) -> None:
    with started(tmp_path, "[('close', (99,), False)]") as process:
        assert told(process) == (-9,)
        assert process.wait(60) == 1


def test_it_waits_for_a_word(tmp_path: Path) -> None:
    ours, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, far, started(tmp_path, "pid_one.waiting(0)[:2]", far.fileno()) as process:
        until_it_receives(process)
        ours.send(b".")
        assert told(process) == (0,)


def test_it_takes_no_end_for_a_word(tmp_path: Path) -> None:
    ours, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, far, started(tmp_path, "pid_one.waiting(0)[:2]", far.fileno()) as process:
        far.close()
        until_it_receives(process)
        ours.close()
        until_it_receives(process)
        assert not select.select([process.stdout], [], [], 0)[0]


def until_it_receives(process: "subprocess.Popen[bytes]") -> None:
    while "skb_wait" not in Path(f"/proc/{process.pid}/wchan").read_text():
        assert process.poll() is None
