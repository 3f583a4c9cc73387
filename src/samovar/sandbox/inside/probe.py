"""Try each mechanism of a box once, in a process of its own, and print what happened: {"step": "" or the error}.

Run as `python -E -s -S probe.py [FOLDER]`; the folder is tried for /tmp on disk. Whatever it makes ends with it.
"""

from __future__ import annotations

import json
import os
import sys

import jail
import seccomp
import syscalls
from scratch import Scratch


def main():
    # type: () -> None
    results = {}  # type: dict[str, str]

    def attempt(step, action):
        # type: (str, object) -> None
        try:
            action()  # type: ignore[operator]
            results[step] = ""
        except (OSError, KeyError) as error:
            results[step] = str(error)

    if os.geteuid() != 0:
        outer = (os.getuid(), os.getgid())
        attempt("user", lambda: (syscalls.unshare(syscalls.CLONE_NEWUSER), jail.map_user((0, 0), outer)))
    attempt("mount", _mounts)
    if len(sys.argv) > 1:
        attempt("scratch", lambda: os.close(Scratch(sys.argv[1]).mount(512)))
    attempt("network", lambda: (syscalls.unshare(syscalls.CLONE_NEWNET), syscalls.loopback_up()))
    attempt("ipc", lambda: syscalls.unshare(syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS))
    attempt("pid", lambda: syscalls.unshare(syscalls.CLONE_NEWPID))
    child = os.fork()  # pid 1 of the new namespace, which may mount its own /proc
    if child == 0:
        attempt("pid", lambda: jail.mount_proc("/proc"))
        attempt("seccomp", _filter)
        print(json.dumps(results))
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)


def _mounts():
    # type: () -> None
    """A detached, read-only copy of a tree, attached over the tree: needs Linux 5.12."""
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.private_mounts()
    syscalls.bind("/usr", "/usr", jail.READ_ONLY)


def _filter():
    # type: () -> None
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.load_filter(seccomp.program())


if __name__ == "__main__":
    main()
