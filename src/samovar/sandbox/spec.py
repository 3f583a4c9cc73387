"""What a box is made of, as data: isolation levels, interpreters, the plan of a root, limits.

Owns: every path and number that the helpers in `inside/` are told. Refuses: doing anything with them.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

INSIDE = Path(__file__).parent / "inside"
FIRST_UID = 0x7000_0000
"""Host users of the boxes, one each: far from the ranges that distributions and container tools hand out."""
INNER_USER = (993, 990)
"""uid and gid as the function sees itself: `sbx_user1051` (facts/lambda-runtime.md §2.2)."""
PIDS = 1024
LIMITS = {"RLIMIT_NOFILE": 1024, "RLIMIT_NPROC": 1024, "RLIMIT_CORE": 0}
ENDPOINT_PORT = 4566
"""Where a function finds the platform, on its own loopback."""
CONTROL_PORT = 9001
"""Where its runtime finds the one who runs it."""
NAMED_PORT, NAMES_PORT = 443, 53
"""Where the platform answers under the names that its APIs have, and where boxes ask for these."""
HELPER_MOUNT = "/mnt"
"""Where a zygote finds its own code until it has loaded it."""
PYCACHE = "/var/cache/samovar"


class Isolation(Enum):
    """How much stands between a function and the machine, strongest first."""

    FULL = "full"
    """Namespaces, seccomp, own user and control groups: nothing is shared, everything is limited."""
    NAMESPACES = "namespaces"
    """As full, without control groups: memory and CPU are not limited, and environments not frozen."""
    PROCESS = "process"
    """A process with a seccomp filter. It sees the host's files with the server's rights: for code that you trust."""

    def at_least(self, other: "Isolation") -> bool:
        order = list(Isolation)
        return order.index(self) <= order.index(other)


class Interpreter(msgspec.Struct, frozen=True):
    """A language on this machine."""

    name: str
    """`python3.12`."""
    executable: Path
    prefix: Path
    """The tree that the interpreter lives in; the system's own has `/usr`."""


class Command(msgspec.Struct, frozen=True):
    """A program for a box."""

    tries: list[list[str]]
    """Argument vectors; the first whose program can be started is."""
    environ: dict[str, str]
    cwd: str
    channel: bool
    """Whether it speaks frames at descriptor 3. It then says `W` there when it waits."""


class ZygoteSpec(msgspec.Struct, frozen=True):
    """What boxes of a kind are made from."""

    interpreter: Interpreter | None
    """What is at /var/lang; None for nothing."""
    module: str
    """What the interpreter serves: a module with `warm`, `rehearse` and `serve`; empty for boxes that run programs."""
    command: Command | None
    """A program that can be started before the box is taken; None where it must be started by `Box.start`."""
    packages: Sequence[tuple[Path, str]]
    """(host path, name under /var/runtime): files and folders that the module needs."""
    environ: dict[str, str]
    cache: Path
    """Host folder for compiled modules."""
    shared: Sequence[Path] = ()
    """Host folders that the interpreter needs at their own place, such as its configuration below /etc."""


class BoxLimits(msgspec.Struct, frozen=True):
    memory_mb: int
    cpus: float | None
    """Share of a CPU; None for no limit."""
    tmp_mb: int


class Assignment(msgspec.Struct, frozen=True):
    """What makes a box a function's."""

    mounts: Sequence[tuple[Path, str]]
    """Host folders, and where they are to appear in the box; read-only."""
    limits: BoxLimits

    @property
    def changes_root(self) -> bool:
        return any(target == "/" for _, target in self.mounts)


_ETC = {
    "/etc/passwd": "root:x:0:0:root:/root:/sbin/nologin\nsbx_user1051:x:993:990::/home/sbx_user1051:/sbin/nologin\n",
    "/etc/group": "root:x:0:\nsbx_user1051:x:990:\n",
    "/etc/hosts": "127.0.0.1 localhost sandbox sandbox.localdomain\n::1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
_ETC_SHARED = tuple(
    "ld.so.cache os-release ssl pki ca-certificates mime.types localtime protocols services alternatives".split()
)
_SYSTEM = ("bin", "sbin", "lib", "lib64", "lib32")
_DEVICES = ("null", "zero", "full", "random", "urandom")


def root_plan(spec: ZygoteSpec, at: Path, host_network: bool, lines: Mapping[str, str]) -> dict[str, Any]:
    """The plan for `jail.build_root`: a read-only root of the host's /usr, the interpreter at /var/lang, the runtime
    client. `lines`: to be added to files of its /etc."""
    folders = {"/proc": 0o555, "/tmp": 0o1777, "/var/task": 0o755, "/opt": 0o755, "/var/runtime": 0o755, "/root": 0o700}
    folders |= {"/dev": 0o755, "/etc": 0o755, "/usr": 0o755, HELPER_MOUNT: 0o755, PYCACHE: 0o755, "/var/lang": 0o755}
    folders |= {"/home/sbx_user1051": 0o755, "/run": 0o755}
    # Covered by what a function brings. The loader remembers which folders of LD_LIBRARY_PATH were missing when the
    # zygote first looked for a library, and its forks would never look there again.
    folders |= {"/opt/lib": 0o755, "/var/task/lib": 0o755}
    files = _ETC | {path: _ETC.get(path, "") + text for path, text in lines.items()}
    links = {"/dev/fd": "/proc/self/fd", "/var/tmp": "/tmp"}
    links |= {f"/dev/{name}": f"/proc/self/fd/{fd}" for fd, name in enumerate(("stdin", "stdout", "stderr"))}
    binds: list[tuple[str, str, str]] = [("/usr", "/usr", "ro")]

    for name in _SYSTEM:
        host = Path("/", name)
        if host.is_symlink():
            links[f"/{name}"] = str(host.readlink())
        elif host.is_dir():
            folders[f"/{name}"] = 0o755
            binds.append((f"/{name}", f"/{name}", "ro"))
    for name in _DEVICES:
        files[f"/dev/{name}"] = ""
        binds.append((f"/dev/{name}", f"/dev/{name}", "dev"))
    for name in _ETC_SHARED + (("resolv.conf", "hosts") if host_network else ()):
        _share(Path("/etc", name), f"/etc/{name}", folders, files, binds)

    if spec.interpreter is None:
        pass
    elif spec.interpreter.prefix == Path("/usr"):
        links |= {"/var/lang/bin": "/usr/bin", "/var/lang/lib": "/usr/lib"}
    else:
        binds.append((str(spec.interpreter.prefix), "/var/lang", "ro"))
    for host, name in spec.packages:
        _share(host, f"/var/runtime/{name}", folders, files, binds)
    for folder in spec.shared:
        _share(folder, str(folder), folders, files, binds)
    binds.append((str(INSIDE), HELPER_MOUNT, "ro"))
    # What one process compiles, others load: only an interpreter's zygote writes, before anything else runs there.
    binds.append((str(spec.cache), PYCACHE, "rw" if spec.module else "ro"))
    return {"at": str(at), "folders": folders, "files": files, "links": links, "binds": binds}


def _share(
    host: Path, path: str, folders: dict[str, int], files: dict[str, str], binds: list[tuple[str, str, str]]
) -> None:
    real = host.resolve()
    if not real.exists():
        return
    if real.is_dir():
        folders[path] = 0o755
    else:
        files[path] = ""
    binds.append((str(real), path, "ro"))


def zygote_request(spec: ZygoteSpec, root: dict[str, Any] | None, user_namespace: bool) -> dict[str, Any]:
    """The keeper's request for a zygote, in its root or, at the lowest level (None), on the host."""
    config: dict[str, Any] = {
        "isolated": root is not None,
        "user_namespace": user_namespace,
        "inner": INNER_USER,
        # Without namespaces the user is the server's own, and its processes all count.
        "limits": {name: value for name, value in LIMITS.items() if root is not None or name != "RLIMIT_NPROC"},
    }
    request: dict[str, Any] = {"do": "zygote", "root": root, "argv": None, "environ": spec.environ, "config": config}
    if spec.module:
        request["argv"] = _interpreter(spec, config)
    return request


def _interpreter(spec: ZygoteSpec, config: dict[str, Any]) -> list[str]:
    assert spec.interpreter is not None
    if config["isolated"]:
        executable = f"/var/lang/bin/{spec.interpreter.executable.name}"
        script, path, pycache = f"{HELPER_MOUNT}/interpreter.py", ["/var/runtime"], PYCACHE
    else:
        executable, script = str(spec.interpreter.executable), str(INSIDE / "interpreter.py")
        path = list(dict.fromkeys(str(host.parent) for host, _ in spec.packages))
        pycache = str(spec.cache)
    config["module"] = spec.module
    config["path"] = path
    config["readonly"] = [PYCACHE] if config["isolated"] else []
    config["unmount"] = [HELPER_MOUNT] if config["isolated"] else []
    argv = [executable, "-E", "-s", "-S", "-X", "utf8", "-X", f"pycache_prefix={pycache}", script]
    return [*argv, msgspec.json.encode(config).decode()]


def command_on_host(spec: ZygoteSpec) -> Command | None:
    """The kind's command with the host's own paths, for boxes that have no root of their own."""
    if spec.command is None or spec.interpreter is None:
        return spec.command
    places = {f"/var/runtime/{name}": str(host) for host, name in spec.packages}
    places[f"/var/lang/bin/{spec.interpreter.executable.name}"] = str(spec.interpreter.executable)
    tries = [[places.get(word, word) for word in argv] for argv in spec.command.tries]
    return msgspec.structs.replace(spec.command, tries=tries)
