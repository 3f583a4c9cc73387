"""What this machine allows: each protection, in force or not and why, and the level of isolation that follows.

Owns: the words that `samovar doctor` and the start of the server say about isolation. Rule: found out by trying, in
a process that is thrown away, not by reading versions.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from samovar.sandbox import spec
from samovar.sandbox.cgroup import Hierarchies
from samovar.sandbox.spec import Isolation

_PROBE_WITHIN_S = 20.0
_NO_NAMESPACES = (
    "start the server as root, or allow user namespaces "
    "(sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)"
)


class Protection(msgspec.Struct, frozen=True):
    name: str
    ok: bool
    remark: str
    """What it does, or why it isn't there and what to do."""


class Machine(msgspec.Struct, frozen=True):
    level: Isolation
    protections: Sequence[Protection]
    user_namespace: bool = False
    """Whether a box can have a user namespace of its own; where not, its user is still its own."""
    disk_tmp: bool = False
    """Whether /tmp can be on disk, where it doesn't count towards a function's memory."""

    def why_not(self, wanted: Isolation) -> str:
        """What stands between this machine and a higher level, each reason once; empty when it has it."""
        if self.level.at_least(wanted):
            return ""
        missing: dict[str, list[str]] = {}
        for each in self.protections:
            if not each.ok:
                missing.setdefault(each.remark, []).append(each.name)
        return "; ".join(f"{', '.join(names)}: {remark}" for remark, names in missing.items())


_NAMESPACES = {
    "user": ("user namespace", "functions run as a user that owns nothing on the host"),
    "mount": ("files", "a read-only root; nothing of the host but /usr, the interpreter and certificates"),
    "pid": ("processes", "a function sees its own processes only, and all die with its environment"),
    "network": ("network", "each environment has its own, and reaches what --function-network lets it"),
    "ipc": ("IPC and host name", "no shared memory or semaphores with anybody"),
}
_CONTROLLERS = {
    "memory": ("memory limit", "a function that takes more than its MemorySize is killed, and nothing else is"),
    "cpu": ("CPU share", "MemorySize/1769 of a CPU"),
    "pids": ("process limit", "1024 processes and threads; a fork bomb stays in its box"),
    "freezer": ("freezer", "nothing runs between two invocations"),
}


class Examination:
    """Tries everything once, in a process that takes some 50 ms and runs beside its maker until it is asked.

    `folder`: on the disk that /tmp would take its space from.
    """

    def __init__(self, folder: Path) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._failed = ""
        if platform.system() != "Linux":
            return
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-E", "-s", "-S", "-B", str(spec.INSIDE / "probe.py"), str(folder)],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
            )
        except OSError as error:
            self._failed = str(error)

    def result(self) -> Machine:
        """What was found; waits for it."""
        if platform.system() == "Linux":
            return _judged(self._found())
        text = f"{platform.system()} has no namespaces: functions run as plain processes with your rights"
        return Machine(Isolation.PROCESS, [Protection("isolation", False, text)])

    def _found(self) -> dict[str, str]:
        if self._process is not None:
            try:
                said, _ = self._process.communicate(timeout=_PROBE_WITHIN_S)
                found: dict[str, str] = json.loads(said)
                return found
            except (subprocess.TimeoutExpired, ValueError, OSError) as error:
                self._failed = str(error)
                self._process.kill()
                self._process.wait()
        return dict.fromkeys(_NAMESPACES, f"the probe failed: {self._failed}")


def examine(folder: Path) -> Machine:
    """Try everything once, and wait for it."""
    return Examination(folder).result()


def _judged(found: dict[str, str]) -> Machine:
    if os.geteuid() == 0:
        found["user"] = ""  # root makes the others without one; its boxes get one where the system allows it
    namespaces = [_namespace(step, found) for step in _NAMESPACES]
    forbidden = found.get("box user", "")
    if forbidden:
        remark = f"functions run as a user of their own, but without a namespace for it: {forbidden}"
        namespaces[0] = Protection(_NAMESPACES["user"][0], True, remark)
    filtered = _protection("system calls", found.get("seccomp", ""), "a filter refuses what reaches for the kernel", "")
    groups = _groups()
    if not all(p.ok for p in namespaces):
        level = Isolation.PROCESS
    elif not all(p.ok for p in groups):
        level = Isolation.NAMESPACES
    else:
        level = Isolation.FULL
    scratch = _scratch(found, level)
    disk_tmp = scratch.ok and level is Isolation.FULL
    return Machine(level, [*namespaces, filtered, *groups, scratch], not forbidden, disk_tmp)


def _scratch(found: dict[str, str], level: Isolation) -> Protection:
    if level is not Isolation.FULL:
        return Protection("/tmp", True, "limited by EphemeralStorage, in memory")
    good = "limited by EphemeralStorage, on disk"
    return _protection("/tmp", found.get("scratch", ""), good, "it is in memory, and counts towards MemorySize")


def _namespace(step: str, found: dict[str, str]) -> Protection:
    name, good = _NAMESPACES[step]
    return _protection(name, found.get(step, "could not be tried"), good, _NO_NAMESPACES)


def _groups() -> list[Protection]:
    try:
        where = Hierarchies()
    except OSError as error:
        return [Protection(name, False, str(error)) for name, _ in _CONTROLLERS.values()]
    return [
        _protection(name, where.problems.get(controller, ""), f"{good} (cgroup v{where.where[controller][0]})", "")
        if controller in where.where
        else Protection(name, False, where.problems.get(controller, "not found"))
        for controller, (name, good) in _CONTROLLERS.items()
    ]


def _protection(name: str, problem: str, good: str, remedy: str) -> Protection:
    if not problem:
        return Protection(name, True, good)
    return Protection(name, False, f"{problem}; {remedy}" if remedy else problem)
