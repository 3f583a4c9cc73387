"""The processes that are measured: `samovar up`, hello, the relay; and what the kernel says of a process tree.

Rule: everything started here is killed at the end of its `with`, and nothing else is.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
_MAIN = "from samovar.cli import main; main()"
_NEVER_FREEZING = f"from samovar.sandbox.cgroup import Group; Group.freeze = lambda group: None; {_MAIN}"
_STOP_S = 20.0


class Started:
    """A process that prints where it listens, and its descendants."""

    def __init__(self, argv: list[str], pattern: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SAMOVAR_", "AWS_"))}
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, env=kept, text=True)
        self.pid = self._process.pid
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if ready := re.search(pattern, line):
                self.port = int(ready[1])
                return
        raise RuntimeError(f"{argv} ended with {self._process.wait()}")

    def __enter__(self) -> "Started":
        return self

    def __exit__(self, *error: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.communicate(timeout=_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def tree(self) -> list[int]:
        """The process and all its descendants."""
        found = [self.pid]
        for pid in found:
            found += _children(pid)
        return found

    def await_process(self, name: str, within_s: float = 60.0) -> None:
        """Wait until a process of the tree calls itself so."""
        end = time.monotonic() + within_s
        while name not in map(_name, self.tree()):
            if time.monotonic() > end:
                raise RuntimeError(f"no process of the server is called {name}")
            time.sleep(0.005)

    def cpu_ns(self) -> int:
        """Nanoseconds on a CPU of everything that lives in the tree now."""
        return sum(_ran_ns(pid) for pid in self.tree())

    def settle(self, within_s: float = 3.0) -> None:
        """Wait until nothing in the tree works any more: what an earlier sample set off is then done."""
        end = time.monotonic() + within_s
        before, quiet = self.cpu_ns(), 0
        while quiet < 3 and time.monotonic() < end:
            time.sleep(0.005)
            now = self.cpu_ns()
            quiet = quiet + 1 if now - before < 200_000 else 0
            before = now


def samovar(*flags: str, freezes: bool = True) -> Started:
    """A platform. Its memory budget is out of the way: idle environments must not make room for others' samples."""
    argv = [sys.executable, "-c", _MAIN if freezes else _NEVER_FREEZING, "up", "--port", "0", "--no-rate-limits"]
    return Started([*argv, "--memory-limit-mb", "100000000", *flags], r"^Ready\. http://.*:(\d+) ")


def hello() -> Started:
    return Started([sys.executable, str(HERE / "hello.py")], r"^(\d+)$")


def relay(processes: int = 1) -> Started:
    return Started([sys.executable, str(HERE / "relay.py"), str(processes)], r"^(\d+)$")


def pss_mb(pids: list[int]) -> float:
    """Memory of processes, what they share counted once among those who share it."""
    return sum(_pss_kb(pid) for pid in pids) / 1024


def _children(pid: int) -> list[int]:
    try:
        return [
            int(child)
            for task in os.listdir(f"/proc/{pid}/task")
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split()
        ]
    except OSError:
        return []  # it has gone meanwhile


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _ran_ns(pid: int) -> int:
    try:
        return sum(
            int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
            for task in os.listdir(f"/proc/{pid}/task")
        )
    except OSError:
        return 0


def _pss_kb(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)
