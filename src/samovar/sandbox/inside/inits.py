"""How an init comes into its namespaces: this process goes there itself, prepares them, starts it and comes back.

Owns: the way back. A fork of its own for each init would copy some 300 pages to do the same (the program: `pid_one`).
"""

from __future__ import annotations

import os
import socket

import jail
import pid_one
import syscalls

NAMESPACES = syscalls.CLONE_NEWPID | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWIPC


def new_namespaces(network):
    # type: (bool) -> int
    """Of a shell."""
    return NAMESPACES | syscalls.CLONE_NEWNS | (syscalls.CLONE_NEWNET if network else 0)


def kept_namespaces(network):
    # type: (bool) -> int
    """Of an old shell, by the one that takes its place."""
    return syscalls.CLONE_NEWNS | (syscalls.CLONE_NEWNET if network else 0)


class Home:
    """The namespaces that this process lives in, to come back to."""

    def __init__(self):
        # type: () -> None
        kinds = [("mnt", syscalls.CLONE_NEWNS), ("uts", syscalls.CLONE_NEWUTS), ("ipc", syscalls.CLONE_NEWIPC)]
        kinds += [("net", syscalls.CLONE_NEWNET), ("pid", syscalls.CLONE_NEWPID)]
        self._folder = os.open("/proc/self/ns", os.O_RDONLY | os.O_DIRECTORY)
        self._kinds = [(os.open("/proc/self/ns/" + name, os.O_RDONLY), kind) for name, kind in kinds]

    def come_back(self, left):
        # type: (int) -> None
        """From the kinds that were left, in whole or in part. Who can't come back can't go on."""
        try:
            for fd, kind in self._kinds:
                if left & kind:
                    syscalls.setns(fd, kind)
        except OSError as error:
            os.write(2, ("samovar: the keeper has lost its way: %s\n" % error).encode())
            os._exit(1)

    def doors(self, network):
        # type: (bool) -> list
        """Descriptors of the namespaces where it is now, and where its first child is."""
        return [os.open(name, os.O_RDONLY, dir_fd=self._folder) for name in jail.doors(network)]


class Inits:
    """Starts inits in namespaces of which some are joined, others new."""

    def __init__(self, program, waiting=None):
        # type: (pid_one.Program, pid_one.Program | None) -> None
        """`waiting`: the same program, which waits first: see `pid_one.waiting`."""
        self.home = Home()
        self.program = program
        self._waiting = waiting
        self._own = os.pidfd_open(os.getpid())

    def begin(self, made):
        # type: (list) -> None
        """Start one in a pid namespace of its own, so that others can be forked into that while the rest is made. Adds
        to `made` where it tells how it went, its pidfd, and where `settle` tells it to go on."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with ours, theirs:
            syscalls.unshare(syscalls.CLONE_NEWPID)
            try:
                pid, told = self._waiting.start((theirs.fileno(), self._own))  # type: ignore[union-attr]
            finally:
                self.home.come_back(syscalls.CLONE_NEWPID)
            made.append(told)
            made.append(os.pidfd_open(pid))
            made.append(ours.detach())

    def settle(self, origin, new, furnish, told, begins, made):
        # type: (int, int, object, int, int, list) -> None
        """Let one that has begun go on in new namespaces, where the mounts are those of `origin`. Adds to `made` the
        listeners that `furnish()` returns."""
        try:
            syscalls.setns(origin, syscalls.CLONE_NEWNS)
            syscalls.unshare(new)
            listeners = furnish()  # type: ignore[operator]
            made.extend(listener.detach() for listener in listeners)
            os.write(begins, b".")
            pid_one.wait(told)
        finally:
            self.home.come_back(syscalls.CLONE_NEWNS | new)

    def start(self, origin, joined, new, furnish, doors, made):
        # type: (int, int, int, object, object, list) -> None
        """Adds to `made` the init's pidfd, `doors()` and the listeners that `furnish()` returns."""
        opened = []  # type: list
        try:
            if joined:
                syscalls.setns(origin, joined)
            syscalls.unshare(new)
            listeners = furnish()  # type: ignore[operator]
            pid, told = self.program.start()
            opened = doors()  # type: ignore[operator]
        finally:
            self.home.come_back(joined | new)
        made.append(os.pidfd_open(pid))
        made.extend(opened)
        made.extend(listener.detach() for listener in listeners)
        try:
            pid_one.wait(told)
        finally:
            os.close(told)
