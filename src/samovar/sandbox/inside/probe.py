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

_BOX_USER = 0x70000000


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
    else:
        attempt("box user", _in_a_child(_become_box_user))
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


def _in_a_child(action):
    # type: (object) -> object
    def run():
        # type: () -> None
        told, tell = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                action()  # type: ignore[operator]
            except OSError as error:
                os.write(tell, str(error).encode())
            finally:
                os._exit(0)
        os.close(tell)
        os.waitpid(child, 0)
        problem = os.read(told, 1024).decode()
        os.close(told)
        if problem:
            raise OSError(problem)

    return run


def _become_box_user():
    # type: () -> None
    """What a box does last, as an ordinary user: some distributions allow it to their own programs only."""
    os.setresgid(_BOX_USER, _BOX_USER, _BOX_USER)
    os.setresuid(_BOX_USER, _BOX_USER, _BOX_USER)
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)
    syscalls.unshare(syscalls.CLONE_NEWUSER)
    jail.map_user((993, 990), (_BOX_USER, _BOX_USER))


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
