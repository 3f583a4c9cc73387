"""Control groups: limits for memory, CPU and processes, and the freezer. Version 2 first, version 1 where it is
mounted.

Owns: the folders `samovar-<pid>-<id>` in the hierarchies. Each controller is looked for on its own, since machines
mix the versions. Sources: cgroups(7), Documentation/admin-guide/cgroup-v2.rst, and
.../cgroup-v1/{memory,freezer-subsystem}.rst.
"""

import contextlib
import errno
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from samovar.core.later import later

if TYPE_CHECKING:
    import asyncio
else:
    asyncio = later("asyncio")

_CONTROLLERS = ("memory", "cpu", "pids", "freezer")
_PERIOD_US = 100_000
_LEAST_QUOTA_US = 1_000
_REMOVE_WITHIN_S = 5.0
_EMPTY_WITHIN_S = 5.0
_EMPTY_LOOK_S = 0.001
_CHARGED_AT_ONCE = 1 << 20
"""The kernel charges in batches: a group at its limit shows a peak somewhat below it."""


_PAGES = 1 << 16
"""More than any file here has."""


class Hierarchies:
    """Where each controller is on this machine: controller -> (version, folder under which groups may be made)."""

    def __init__(self, root: Path = Path("/sys/fs/cgroup")) -> None:
        self.where: dict[str, tuple[int, Path]] = {}
        self.problems: dict[str, str] = {}
        mounts = _mounts()
        unified = next((Path(point) for kind, point, _ in mounts if kind == "cgroup2"), None)
        if unified is not None:
            self._look_in_v2(unified)
        for controller in _CONTROLLERS:
            if controller in self.where:
                continue
            point = next((Path(p) for kind, p, options in mounts if kind == "cgroup" and controller in options), None)
            if point is None:
                self.problems.setdefault(controller, f"no control group hierarchy has the {controller} controller")
            elif not os.access(point, os.W_OK):
                self.problems[controller] = f"{point} is not writable by this user; it is for root"
            else:
                self.where[controller] = (1, point)
                self.problems.pop(controller, None)

    def _look_in_v2(self, mount: Path) -> None:
        base = mount if os.geteuid() == 0 else mount / _own_v2_group()
        if not os.access(base, os.W_OK):
            for controller in _CONTROLLERS:
                self.problems[controller] = (
                    f"{base} is not writable; a delegated group would be: "
                    "`systemd-run --user --scope -p Delegate=yes samovar up`"
                )
            return
        offered = set((base / "cgroup.controllers").read_text().split())
        for controller in ("memory", "cpu", "pids"):
            if controller in offered and _enable(base, controller):
                self.where[controller] = (2, base)
        # The v2 freezer needs no controller, but belongs where the processes are: with the others.
        if "memory" in self.where:
            self.where["freezer"] = (2, base)


class Groups:
    """All groups of one server."""

    def __init__(self, where: Hierarchies, name: str) -> None:
        self.tops = {controller: (version, base / name) for controller, (version, base) in where.where.items()}
        for version, top in {(version, top) for version, top in self.tops.values()}:
            top.mkdir(exist_ok=True)
            if version == 2:
                for controller in (top / "cgroup.controllers").read_text().split():
                    _enable(top, controller)
        self._hold_static_key()

    def _hold_static_key(self) -> None:
        """Keep one empty v1 group frozen: freezing another then costs 17 us instead of 140 (the kernel's static key
        stays on)."""
        version, top = self.tops.get("freezer", (2, Path()))
        if version == 1:
            (top / "frozen").mkdir(exist_ok=True)
            (top / "frozen" / "freezer.state").write_text("FROZEN")

    def folders(self) -> list[Path]:
        return sorted({top for _, top in self.tops.values()})

    def remove(self) -> None:
        """Remove what is left of them when every process has been killed; blocks, for a few seconds at most. That is
        the guardian's work, where one has lived to do it."""
        deadline = time.monotonic() + _REMOVE_WITHIN_S
        left = self.folders()
        while left and time.monotonic() < deadline:
            left = [top for top in left if not _clear(top)]
            time.sleep(0.005)

    def make(self, name: str) -> "Group":
        return Group({controller: (version, f"{top}/{name}") for controller, (version, top) in self.tops.items()})


class Group:
    """The control groups of one box. Its paths are strings: they are used some thirty times in the life of a box."""

    def __init__(self, places: dict[str, tuple[int, str]]) -> None:
        self._places = places
        self._folders = list(dict.fromkeys(folder for _, folder in places.values()))
        for folder in self._folders:
            os.mkdir(folder)
        self._freezer = self._open_freezer()
        self._peak = self._open_peak()
        self._base_oom = 0
        self._told_kills = 0
        self._limit = 0
        self._highest = 0
        self._used_mb = 0
        self.frozen = False
        self.throttled = False

    def _open_freezer(self) -> int:
        version, folder = self._places["freezer"]
        self._freeze, self._thaw = (b"1", b"0") if version == 2 else (b"FROZEN", b"THAWED")
        return os.open(f"{folder}/{'cgroup.freeze' if version == 2 else 'freezer.state'}", os.O_WRONLY)

    def _open_peak(self) -> int:
        version, folder = self._places["memory"]
        names = ("memory.peak", "memory.current") if version == 2 else ("memory.max_usage_in_bytes",)
        return os.open(next(path for name in names if os.path.exists(path := f"{folder}/{name}")), os.O_RDONLY)

    def entrances(self) -> tuple[list[int], bool]:
        """Descriptors for a child to enter by: v1 `tasks` files, and as the last one (then True) a v2 folder."""
        v1 = list(dict.fromkeys(folder for version, folder in self._places.values() if version == 1))
        v2 = next((folder for version, folder in self._places.values() if version == 2), None)
        descriptors = [os.open(f"{folder}/tasks", os.O_WRONLY) for folder in v1]
        if v2 is not None:
            descriptors.append(os.open(v2, os.O_RDONLY | os.O_DIRECTORY))
        return descriptors, v2 is not None

    def files(self) -> list[int]:
        """Descriptors for a process to enter by writing `0`, where it isn't root and so can't be born there."""
        files = dict.fromkeys(
            f"{folder}/{'cgroup.procs' if version == 2 else 'tasks'}" for version, folder in self._places.values()
        )
        return [os.open(file, os.O_WRONLY) for file in files]

    def hold_processes(self, most: int) -> None:
        _write(f"{self._places['pids'][1]}/pids.max", str(most))

    def limit(self, memory_mb: int) -> None:
        before, self._limit = self._limit, memory_mb << 20
        if self._limit == before:
            return
        version, folder = self._places["memory"]
        if version == 2:
            _write(f"{folder}/memory.max", str(self._limit))
            _try_write(f"{folder}/memory.swap.max", "0")
            _try_write(f"{folder}/memory.oom.group", "1")
            return
        with_swap, raised = f"{folder}/memory.memsw.limit_in_bytes", 0 < before < self._limit
        if raised:  # the limit with swap is never below the one without
            _try_write(with_swap, str(self._limit))
        _write(f"{folder}/memory.limit_in_bytes", str(self._limit))
        if not raised:
            _try_write(with_swap, str(self._limit))

    def throttle(self, cpus: float) -> None:
        """Hold the group to `cpus` CPUs, letting it save up one period's worth so that a short handler isn't cut."""
        if self.throttled:
            return
        version, folder = self._places["cpu"]
        quota = max(_LEAST_QUOTA_US, int(_PERIOD_US * cpus))
        if version == 2:
            _write(f"{folder}/cpu.max", f"{quota} {_PERIOD_US}")
            _try_write(f"{folder}/cpu.max.burst", str(quota))
        else:
            _write(f"{folder}/cpu.cfs_quota_us", str(quota))
            _try_write(f"{folder}/cpu.cfs_burst_us", str(quota))
        self.throttled = True

    def renew(self) -> None:
        """Make the group as it was before its occupant: all the CPU there is, and no peak of memory to report."""
        self._highest = self._used_mb = 0
        version, folder = self._places["memory"]
        if version == 1:
            _try_write(f"{folder}/memory.max_usage_in_bytes", "0")
        version, folder = self._places["cpu"]
        if version == 2:
            _try_write(f"{folder}/cpu.max.burst", "0")
            _write(f"{folder}/cpu.max", f"max {_PERIOD_US}")
        else:
            _try_write(f"{folder}/cpu.cfs_burst_us", "0")
            _write(f"{folder}/cpu.cfs_quota_us", "-1")
        self.throttled = False

    def freeze(self) -> None:
        os.write(self._freezer, self._freeze)
        self.frozen = True

    def thaw(self) -> None:
        os.write(self._freezer, self._thaw)
        self.frozen = False

    def peak_mb(self) -> int:
        """The most memory used since the last `renew`, without cached files: the kernel takes those back by itself."""
        try:
            highest = int(os.pread(self._peak, 32, 0))
        except OSError:
            return self._used_mb  # the group has gone, with the keeper: the box's own end is heard in a moment
        if highest != self._highest:  # looking closer is slow, and rarely tells anything new
            self._highest = highest
            now, cached = self._memory_now()
            used = highest - cached
            if highest > self._limit - _CHARGED_AT_ONCE:
                # The peak was made by cached files as well, and the kernel has taken them back; or it had to kill.
                kills = self._kills()
                used = self._limit if kills > self._told_kills else now
                self._told_kills = kills
            self._used_mb = max(self._used_mb, -(-used >> 20))
        return self._used_mb

    def _memory_now(self) -> tuple[int, int]:
        """(bytes that only the processes can give back, bytes of cached files)."""
        version, folder = self._places["memory"]
        anonymous, file = ("anon", "file") if version == 2 else ("rss", "cache")
        statistics = "\n" + _read(f"{folder}/memory.stat")
        shared = _number(statistics, "shmem")
        return _number(statistics, anonymous) + shared, _number(statistics, file) - shared

    def out_of_memory(self) -> bool:
        """Whether the kernel has killed something in the group for its memory since the last time."""
        count = self._kills()
        happened = count > self._base_oom
        self._base_oom = count
        return happened

    def _kills(self) -> int:
        version, folder = self._places["memory"]
        events = _read(f"{folder}/{'memory.events' if version == 2 else 'memory.oom_control'}")
        return _number("\n" + events, "oom_kill")

    def empty(self) -> bool:
        """Whether no process is in the group; zombies are not."""
        try:
            return not _read(f"{self._places['memory'][1]}/cgroup.procs")
        except OSError:
            return True  # the group has gone, with the keeper: ENOENT, or ENODEV where it went between open and read

    async def emptied(self) -> None:
        """Wait until the last process has gone: what a fork bomb still holds would count against the next occupant."""
        deadline = time.monotonic() + _EMPTY_WITHIN_S
        while not self.empty() and time.monotonic() < deadline:  # only v2 could tell
            await asyncio.sleep(_EMPTY_LOOK_S)

    def close(self) -> None:
        os.close(self._freezer)
        os.close(self._peak)

    def remove(self) -> bool:
        """Remove the folders once the last process has gone; blocks for as long as that takes, a few seconds at
        most. Whether they are gone."""
        deadline = time.monotonic() + _REMOVE_WITHIN_S
        for folder in self._folders:
            while True:
                try:
                    os.rmdir(folder)
                except FileNotFoundError:
                    pass
                except OSError as error:
                    if error.errno == errno.EBUSY and time.monotonic() < deadline:
                        time.sleep(0.005)
                        continue
                    return False
                break
        return True


def sweep(where: Hierarchies) -> None:
    """Remove what servers left that were killed together with their guardian."""
    for base in {base for _, base in where.where.values()}:
        for top in base.glob("samovar-*-*"):
            owner = top.name.split("-")[1]
            if not owner.isdigit() or Path("/proc", owner).exists():
                continue
            _clear(top)  # what still goes is left for the next server


def _clear(top: Path) -> bool:
    """Kill what is in a group and below it, and remove it; False while something is still going."""
    for folder, _, _ in os.walk(top, topdown=False):
        _try_write(Path(folder, "freezer.state"), "THAWED")
        for pid in _processes(Path(folder)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            os.rmdir(folder)
    return not top.exists()


def _processes(folder: Path) -> list[int]:
    try:
        return [int(line) for line in (folder / "cgroup.procs").read_text().split()]
    except OSError:
        return []


def _mounts() -> list[tuple[str, str, list[str]]]:
    """(type, mount point, super options) of the mounted cgroup file systems."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        if kind in ("cgroup", "cgroup2"):
            found.append((kind, left.split()[4], options.split(",")))
    return found


def _own_v2_group() -> str:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            return line[3:].strip("/")
    return ""


def _enable(base: Path, controller: str) -> bool:
    """Let groups under `base` use a controller; a group with processes of its own first moves them into a leaf."""
    control = base / "cgroup.subtree_control"
    if controller in control.read_text().split():
        return True
    if _try_write(control, f"+{controller}"):
        return True
    leaf = base / "samovar-leaf"
    try:
        leaf.mkdir(exist_ok=True)
    except OSError:
        return False
    for pid in _processes(base):
        _try_write(leaf / "cgroup.procs", str(pid))
    return _try_write(control, f"+{controller}")


def _read(path: str) -> str:
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, _PAGES).decode()
    finally:
        os.close(fd)


def _number(text: str, name: str) -> int:
    """Of the line "NAME NUMBER" of several, each of which begins with a line feed; 0 where there is none."""
    _, _, rest = text.partition(f"\n{name} ")
    return int(rest.partition("\n")[0] or 0)


def _write(path: Path | str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _try_write(path: Path | str, text: str) -> bool:
    """Write a control file that not every kernel has, or not everybody may write."""
    try:
        _write(path, text)
    except OSError:
        return False
    return True
