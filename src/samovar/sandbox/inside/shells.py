"""Shells: the namespaces of boxes, from a zygote's root, each held by an init that only waits. A part of the keeper.

Owns: making them, what is mounted in them later, sockets in their networks. Its requests are the keeper's, which see.
"""

from __future__ import annotations

import os
import signal
import socket

import jail
import link
import syscalls
from scratch import Scratch

_NAMESPACES = syscalls.CLONE_NEWPID | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWIPC
_SLEEPERS = ("/usr/bin/sleep", "/bin/sleep")


class Shells:
    def __init__(self, isolated, scratch):
        # type: (bool, str | None) -> None
        """`scratch`: a folder for /tmp on disk."""
        self._host_mounts = os.open("/proc/self/ns/mnt", os.O_RDONLY) if isolated else -1
        self._own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY) if isolated else -1
        self._scratch_folder = Scratch(scratch) if scratch else None

    def shell(self, request, given, made):
        # type: (dict, list, list) -> dict
        """Make the namespaces of a box, from a zygote's root, held by an init that only waits."""
        plan = request["furnish"]
        scratch = self._scratch(plan["tmp_mb"])
        flags = _NAMESPACES | (syscalls.CLONE_NEWNET if plan["network"] else 0)

        def enter():
            # type: () -> None
            syscalls.setns(given[0], syscalls.CLONE_NEWNS)
            syscalls.unshare(syscalls.CLONE_NEWNS)

        def inside():
            # type: () -> list
            return jail.furnish(plan, scratch)

        try:
            if len(given) > 1:
                return self._init_below(given[1:], flags | syscalls.CLONE_NEWNS, enter, inside, plan["network"], made)
            return self._init(flags, enter, inside, made)
        finally:
            if scratch is not None:
                os.close(scratch)

    def _scratch(self, size_mb):
        # type: (int) -> int | None
        return self._scratch_folder.mount(size_mb) if self._scratch_folder is not None else None

    def reshell(self, request, given, made):
        # type: (dict, list, list) -> dict
        """A new pid namespace in the mounts and network of an old shell: /tmp stays, processes don't."""

        def enter():
            # type: () -> None
            syscalls.setns(given[0], syscalls.CLONE_NEWNS | syscalls.CLONE_NEWNET)

        def inside():
            # type: () -> list
            jail.renew_proc()
            return []

        if len(given) > 1:
            return self._init_below(given[1:], _NAMESPACES, enter, inside, request["network"], made)
        return self._init(_NAMESPACES, enter, inside, made)

    def _init(self, flags, enter, inside, made):
        # type: (int, object, object, list) -> dict
        """Start the init of a shell in new namespaces; its pidfd comes first in `made`."""

        def furnish():
            # type: () -> list
            enter()  # type: ignore[operator]
            return [listener.detach() for listener in inside()]  # type: ignore[operator]

        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = syscalls.clone3(flags)
        if pid == 0:
            ours.close()
            _become_init(furnish, theirs)
        made.append(os.pidfd_open(pid))
        return _furnished(ours, theirs, made)

    def _init_below(self, origin, flags, enter, inside, network, made):
        # type: (list, int, object, object, bool, list) -> dict
        """The same for a box whose occupants a template forks; its doors come after the pidfd.

        Its namespaces are below the template's pid namespace, and belong to the template's user namespace. That takes a
        process which goes there, and has the init as a sibling.
        """
        init, template = origin

        def furnish():
            # type: () -> list
            listeners = [listener.detach() for listener in inside()]  # type: ignore[operator]
            doors = [os.open("/proc/self/ns/" + kind, os.O_RDONLY) for kind in jail.doors(network)]
            return [os.pidfd_open(os.getpid()), *doors, *listeners]

        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        syscalls.setns(init, syscalls.CLONE_NEWPID)
        try:
            pid = syscalls.clone3(0)
            if pid == 0:
                ours.close()
                enter()  # type: ignore[operator]
                syscalls.setns(template, syscalls.CLONE_NEWUSER)
                syscalls.unshare(flags)
                if syscalls.clone3(syscalls.CLONE_PARENT) == 0:
                    _become_init(furnish, theirs)
                os._exit(0)
        except OSError as error:
            if os.getpid() == 1:
                raise
            link.send(theirs, {"error": str(error)})
            os._exit(1)
        finally:
            syscalls.setns(self._own_pids, syscalls.CLONE_NEWPID)
        return _furnished(ours, theirs, made)

    def inject(self, request, given, made):
        # type: (dict, list, list) -> dict
        """Attach read-only views of host directories inside a shell."""
        trees = []
        tmp_mb = request["tmp_mb"]
        scratch = None
        try:
            if tmp_mb is not None:
                scratch = self._scratch(tmp_mb)
            for source, _ in request["mounts"]:
                tree = syscalls.clone_tree(source)
                trees.append(tree)
                syscalls.set_attributes(tree, jail.READ_ONLY)
            syscalls.setns(given[0], syscalls.CLONE_NEWNS)
            try:
                for tree, (_, target) in zip(trees, request["mounts"]):
                    syscalls.attach_tree(tree, target)
                if tmp_mb is not None:
                    syscalls.unmount("/tmp")
                    jail.mount_tmp(tmp_mb, scratch)
            finally:
                syscalls.setns(self._host_mounts, syscalls.CLONE_NEWNS)
        finally:
            link.close_all(trees if scratch is None else [*trees, scratch])
        return {}

    def dial(self, request, given, made):
        # type: (dict, list, list) -> dict
        """A socket that connects inside a shell's network, wherever it is used. Made by a child: an ordinary user's
        keeper may enter that network, but not come back to the host's."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            try:
                syscalls.setns(given[0], syscalls.CLONE_NEWNET)
                with socket.socket() as connection:
                    link.send(theirs, {}, [connection.fileno()])
            except OSError as error:
                link.send(theirs, {"error": str(error)})
            finally:
                os._exit(0)
        theirs.close()
        with ours:
            answer, sockets = link.receive(ours)
        made.extend(sockets)
        return {"error": "the child that dials has died"} if answer is None else answer


def _sleep():
    # type: () -> None
    """Wait to be killed. As a program of its own an init takes a tenth of the memory that a fork of the keeper does."""
    for path in _SLEEPERS:
        try:
            os.execve(path, ["init", "2147483647"], {})
        except OSError:
            continue
    while True:
        signal.pause()


def _become_init(furnish, report):
    # type: (object, socket.socket) -> None
    """Hold the namespaces until killed. Orphans come here, and SIGCHLD is ignored: the kernel reaps them."""
    try:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        link.send(report, {}, furnish())  # type: ignore[operator]
        syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
        syscalls.drop_capabilities()
        # Where the occupant has the same user (an ordinary user's server), it must not look into this process.
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
        syscalls.close_descriptors(0)
        _sleep()
    except OSError as error:
        link.send(report, {"error": str(error)})
    finally:
        os._exit(1)


def _furnished(ours, theirs, made):
    # type: (socket.socket, socket.socket, list) -> dict
    """What an init reports of itself; its descriptors are added to those made."""
    theirs.close()
    with ours:
        answer, found = link.receive(ours)
    made.extend(found)
    if answer is None or "error" in answer:
        if made:
            signal.pidfd_send_signal(made[0], signal.SIGKILL)
        return answer or {"error": "the shell's init died"}
    return {}
