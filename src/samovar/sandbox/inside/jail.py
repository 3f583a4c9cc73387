"""The steps that make a root, a shell and a locked process, each where its order allows it.

Owns: the order of privileged steps. The plans are data (`sandbox/spec.py` writes them); this is their interpreter.
Four places, three privileges:
  build_root   keeper's child   makes a read-only root out of the host's files and pivots into it, for an interpreter
  furnish      a shell's init   gives one box its own loopback, /tmp and /proc
  change_root  the keeper       puts a tree of the host's in the place of that root, for one box
  lock         the occupant     gives up everything, last, and can't come back
"""

from __future__ import annotations

import os
import resource
import socket

import syscalls
from syscalls import ATTR_NODEV, ATTR_NOSUID, ATTR_RDONLY

READ_ONLY = ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV
SPARE = "/mnt"
"""An empty folder of every root, for a moment's mount."""
_FURNITURE = ("/dev", "/proc", "/tmp", "/etc/hosts", "/etc/resolv.conf", "/var/runtime/ca-certs")
"""What a shell has beyond files, wherever its root comes from, if that has a place for it."""
_ATTRIBUTES = {"ro": READ_ONLY, "rw": ATTR_NOSUID | ATTR_NODEV, "dev": ATTR_NOSUID}


def build_root(plan):
    # type: (dict) -> None
    """Replace this process's root by the plan's. The caller has its own mount namespace.

    plan: {"at": directory, "folders": {path: mode}, "files": {path: text}, "links": {path: target},
           "binds": [[source, path, "ro" | "rw" | "dev"]]}; paths start with a slash and mean the new root.
    """
    # Everything is opened before the new root is mounted: it may cover a source.
    trees = [(syscalls.clone_tree(source), path, _ATTRIBUTES[kind]) for source, path, kind in plan["binds"]]
    at = plan["at"]
    syscalls.mount("samovar", at, "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, "size=4m,mode=755")
    for path, mode in plan["folders"].items():
        os.makedirs(at + path, exist_ok=True)
        os.chmod(at + path, mode)
    for path, text in plan["files"].items():
        with open(at + path, "w") as file:
            file.write(text)
    for path, target in plan["links"].items():
        os.symlink(target, at + path)
    for tree, path, attributes in trees:
        syscalls.set_attributes(tree, attributes)
        syscalls.attach_tree(tree, at + path)
        os.close(tree)
    mount_proc(at + "/proc")
    syscalls.pivot_root(at)
    # Last: until here the folders and mount points above had to be made in it.
    syscalls.set_attributes("/", READ_ONLY)


def furnish(plan, scratch):
    # type: (dict, int | None) -> list
    """Make the inside of a new shell: loopback, /tmp; its init adds /proc. Returns the listening sockets for the
    platform.

    plan: {"tmp_mb": size of /tmp, "network": bool, "streams" and "datagrams": [port on the shell's own 127.0.0.1]}
    scratch: a detached file system for /tmp; None for one in memory.
    """
    listeners = []
    if plan["network"]:
        syscalls.loopback_up()
        listeners = [listen(port) for port in plan["streams"]] + [hear(port) for port in plan["datagrams"]]
    mount_tmp(plan["tmp_mb"], scratch)
    return listeners


def change_root(tree, shell):
    # type: (int, int) -> None
    """Make a detached tree the root of the mount namespace that this process has entered, a shell's (its init's pidfd),
    and give it what the old root had beyond files.

    It covers the old root: whoever enters from now on is in the tree, and nothing leads below it but unmounting, for
    which a box lacks the power. To unmount the old one would take a wait for all CPUs, of some milliseconds. Everything
    but the tree itself is mounted from inside of it: a link in the tree means a place in the tree.
    """
    furniture = [(syscalls.clone_tree(path), path) for path in _FURNITURE if os.path.exists(path)]
    try:
        syscalls.attach_tree(tree, "/")
        syscalls.setns(shell, syscalls.CLONE_NEWNS)
        for piece, path in furniture:
            if os.path.exists(path):
                syscalls.attach_tree(piece, path)
    finally:
        for piece, _ in furniture:
            os.close(piece)


def doors(network):
    # type: (bool) -> tuple
    """The kinds of namespaces of a box, as /proc names them to whoever has made its init."""
    names = ("pid_for_children", "mnt", "ipc", "uts")
    return (*names, "net") if network else names


def mount_tmp(size_mb, scratch):
    # type: (int, int | None) -> None
    if scratch is None:
        flags = syscalls.MS_NOSUID | syscalls.MS_NODEV
        syscalls.mount("tmp", "/tmp", "tmpfs", flags, "size=%dm,mode=1777" % size_mb)
    else:
        syscalls.attach_tree(scratch, "/tmp")


def mount_proc(target="/proc"):
    # type: (str) -> None
    flags = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
    syscalls.mount("proc", target, "proc", flags, "hidepid=2")


_PROC_FLAGS = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
_SPARE, _PROC = SPARE.encode() + b"\0", b"/proc\0"
RENEWING_PROC = [
    ("mount", (b"proc\0", _SPARE, b"proc\0", _PROC_FLAGS, b"hidepid=2\0"), False),
    ("umount2", (_PROC, syscalls.MNT_DETACH), True),
    ("mount", (_SPARE, _PROC, 0, syscalls.MS_MOVE), False),
]
"""How an init replaces /proc by that of its pid namespace (`pid_one`).

The old one goes after the new one has come: in a user namespace the kernel allows a proc mount only beside another.
One that came from a more privileged namespace can't go, and is covered.
"""
COVERING_PROC = [("mount", (b"proc\0", _PROC, b"proc\0", _PROC_FLAGS, b"hidepid=2\0"), False)]
"""The same beside the zygote's: to unmount that, the kernel waits for all its CPUs; a box can't uncover it."""


def listen(port):
    # type: (int) -> socket.socket
    """A socket that listens on this namespace's own loopback; the platform accepts on it from outside."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    return listener


def hear(port):
    # type: (int) -> socket.socket
    """The same for datagrams."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", port))
    return listener


def limits(wanted):
    # type: (dict) -> list
    """Resource limits by their names in the resource module, {"RLIMIT_NOFILE": 1024}, as `limit` takes them: no more
    than this process may have itself."""
    found = []
    for name, value in wanted.items():
        number = getattr(resource, name)
        _, hard = resource.getrlimit(number)
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        found.append((number, (most, most)))
    return found


def limit(limits):
    # type: (list) -> None
    for number, both in limits:
        resource.setrlimit(number, both)


def lock(uid, inner, user_namespace, program, keep=()):
    # type: (int | None, tuple, bool, bytes, tuple) -> None
    """Give up all privilege, for good. uid: the box's user on the host, None when this process can't choose one.

    inner: (uid, gid) as the process sees itself. program: the seccomp filter. keep: capabilities in the new user
    namespace, see `template`.
    """
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    if user_namespace:
        # After the change of user the process isn't dumpable, and /proc/self belongs to root: the maps couldn't be
        # written.
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)
        outer_uid, outer_gid = os.getuid(), os.getgid()
        # The user namespace comes after all others, so that it owns none of them: no power over the box's own mounts
        # and network.
        syscalls.unshare(syscalls.CLONE_NEWUSER)
        map_user(inner, (outer_uid, outer_gid))
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.drop_capabilities(keep)
    # The filter forbids most of what stands above, so it's the end.
    syscalls.load_filter(program)


def map_user(inner, outer):
    # type: (tuple, tuple) -> None
    """Map (uid, gid) `outer` to `inner` in this process's new user namespace."""
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", "%d %d 1" % (inner[0], outer[0]))
    _write("/proc/self/gid_map", "%d %d 1" % (inner[1], outer[1]))


def _write(path, text):
    # type: (str, str) -> None
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
