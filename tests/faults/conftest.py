"""A server that gets killed, and what it left behind."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest


def until(condition: Callable[[], Any], within_s: float = 60.0, what: Callable[[], object] = str) -> Any:
    """The first true value of `condition`."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"it didn't happen in time: {what()}"
        time.sleep(0.01)
    return value


def descendants(pid: int) -> dict[int, str]:
    """pid -> name and time of start of the processes below `pid`."""
    found: dict[int, str] = {}
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, task.read_text().split()):
                found[child] = identity(child)
                found |= descendants(child)
    return found


def identity(pid: int) -> str:
    """Name and start of a process: pids are used again. Empty when it has gone, or is a zombie of somebody else's."""
    try:
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
    except OSError:
        return ""
    fields = rest.split()
    return "" if fields[0] == "Z" else f"{name} {fields[19]}"


def frozen(pid: int) -> bool:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "freezer" and Path(f"/sys/fs/cgroup/freezer{path}/freezer.state").exists():
                return Path(f"/sys/fs/cgroup/freezer{path}/freezer.state").read_text().strip() != "THAWED"
            if not controllers and Path(f"/sys/fs/cgroup{path}/cgroup.freeze").exists():
                return Path(f"/sys/fs/cgroup{path}/cgroup.freeze").read_text().strip() == "1"
    return False


_EXITING = 4
"""PF_EXITING of linux/sched.h: what still waits for those below it in its pid namespace, too."""


def is_doomed(pid: int) -> bool:
    """Whether it won't run again: it has gone or is about to, or was killed while it was frozen."""
    with suppress(OSError):
        flags = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[6])
        if flags & _EXITING:
            return True
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        pending = int(status["SigPnd"], 16) | int(status["ShdPnd"], 16)
        return status["State"].split()[0] in "ZX" or (bool(pending & 1 << (signal.SIGKILL - 1)) and frozen(pid))
    return True


class Traces:
    """What a server has outside its own process: processes, control groups, mounts, loop devices."""

    def __init__(self, pid: int, data: Path) -> None:
        self._pid = pid
        self._data = data
        self._processes: dict[int, str] = {}
        self.look()

    def look(self) -> None:
        """Remember the processes that there are now."""
        self._processes |= descendants(self._pid)

    def left(self) -> list[str]:
        """Those that are still there."""
        processes = self.processes()
        # os.walk doesn't mind that folders go while it looks.
        walked = (folder for folder, _, _ in os.walk("/sys/fs/cgroup"))
        groups = [f"group {folder}" for folder in walked if f"/samovar-{self._pid}-" in folder]
        mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if f"{self._data}/" in line]
        loops = []
        for file in Path("/sys/block").glob("loop*/loop/backing_file"):
            with suppress(OSError):
                if str(self._data) in file.read_text():
                    loops.append(f"loop device {file}")
        return processes + groups + mounts + loops

    def processes(self) -> list[str]:
        return [f"process {pid} {who}" for pid, who in self._processes.items() if who and identity(pid) == who]

    def gone(self) -> None:
        """Wait until nothing is left."""
        until(lambda: not self.left(), what=self.left)


@pytest.fixture
def traces() -> Callable[[Any, Path], Traces]:
    """What a running platform has outside its process: `traces(platform, data_directory)`."""
    return lambda platform, data: Traces(platform.pid, data)


@pytest.fixture
def wait() -> Callable[..., Any]:
    return until


@pytest.fixture
def doomed() -> Callable[[int], bool]:
    return is_doomed


@pytest.fixture
def helper() -> Callable[[Any, str], int]:
    """The pid of a helper process by its name."""

    def find(platform: Any, name: str) -> int:
        def look() -> int | None:
            return next((pid for pid, who in descendants(platform.pid).items() if who.startswith(name + " ")), None)

        return until(look)  # type: ignore[no-any-return]

    return find


@pytest.fixture
def deeper() -> Callable[[Any, int], list[int]]:
    """The pids of a server's processes in namespaces below a process's own: its end is theirs."""

    def find(platform: Any, pid: int) -> list[int]:
        return [each for each in descendants(platform.pid) if depth(each) > depth(pid)]

    return find


def depth(pid: int) -> int:
    """In how many pid namespaces it is; 0 when it has gone."""
    with suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text()
        return len(next(line for line in status.splitlines() if line.startswith("NSpid:")).split())
    return 0


@pytest.fixture
def boxed() -> Callable[[Any], tuple[int, int]]:
    """The pids of the init and of the runtime of an environment: of a box with code in it."""

    def find(platform: Any) -> tuple[int, int]:
        def look() -> tuple[int, int] | None:
            spaces: dict[str, list[int]] = {}
            for pid in descendants(platform.pid):
                with suppress(OSError):
                    if " /var/task " in Path(f"/proc/{pid}/mountinfo").read_text() and not is_doomed(pid):
                        spaces.setdefault(os.readlink(f"/proc/{pid}/ns/pid"), []).append(pid)
            # The runtime has the name of the zygote that it is a fork of.
            pairs = (sorted(pids, key=lambda pid: identity(pid).startswith("samovar-")) for pids in spaces.values())
            return next(((pair[0], pair[1]) for pair in pairs if len(pair) == 2), None)

        return until(look)  # type: ignore[no-any-return]

    return find


@pytest.fixture
def start(platforms: Any) -> Iterator[Callable[..., Any]]:
    """Starts servers that end with the test, whatever becomes of it."""
    started: list[Any] = []

    def start(data: os.PathLike[str], *flags: str) -> Any:
        started.append(platforms("--data-dir", str(data), *flags))
        return started[-1]

    yield start
    for platform in started:
        platform.forget()
