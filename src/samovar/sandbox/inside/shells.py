"""Shells: the namespaces of boxes, from a zygote's root, each held by an init that only waits. A part of the keeper.

Owns: making them, what is mounted in them later, sockets in their networks. Its requests are the keeper's, which see.
Way: this process itself goes into the new namespaces, prepares them, starts the init there (`pid_one`) and comes back.
A fork of its own for each would copy some 300 pages to do the same.
"""

from __future__ import annotations

import os
import signal
import socket

import jail
import link
import pid_one
import syscalls
from scratch import Scratch

_NAMESPACES = syscalls.CLONE_NEWPID | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWIPC
_SLEEPERS = ("/usr/bin/sleep", "/bin/sleep")


class Home:
    """The namespaces that this process lives in, to come back to."""

    def __init__(self):
        # type: () -> None
        kinds = [("mnt", syscalls.CLONE_NEWNS), ("uts", syscalls.CLONE_NEWUTS), ("ipc", syscalls.CLONE_NEWIPC)]
        kinds += [("net", syscalls.CLONE_NEWNET), ("pid", syscalls.CLONE_NEWPID)]
        self.kinds = [(os.open("/proc/self/ns/" + name, os.O_RDONLY), kind) for name, kind in kinds]

    def come_back(self, left):
        # type: (int) -> None
        """From the kinds that were left, in whole or in part. Who can't come back can't go on."""
        try:
            for fd, kind in self.kinds:
                if left & kind:
                    syscalls.setns(fd, kind)
        except OSError as error:
            os.write(2, ("samovar: the keeper has lost its way: %s\n" % error).encode())
            os._exit(1)


class Shells:
    def __init__(self, scratch, usual_tmp_mb):
        # type: (str | None, int) -> None
        """`scratch`: a folder for /tmp on disk."""
        self._home = Home()
        self._scratch_folder = Scratch(scratch, usual_tmp_mb) if scratch else None
        self._init = pid_one.Program([("prctl", (syscalls.PR_SET_NAME, b"init\0"), False), *jail.RENEWING_PROC])

    def shell(self, request, given, made):
        # type: (dict, list, list) -> dict
        """Make the namespaces of a box, from a zygote's root, held by an init that only waits."""
        plan = request["furnish"]
        scratch = self._scratch(plan["tmp_mb"])
        try:
            if len(given) > 1:
                return self._shell_below(plan, scratch, given, made)
            flags = _NAMESPACES | syscalls.CLONE_NEWNS | (syscalls.CLONE_NEWNET if plan["network"] else 0)
            return self._made(given[0], syscalls.CLONE_NEWNS, flags, lambda: jail.furnish(plan, scratch), made)
        finally:
            if scratch is not None:
                os.close(scratch)

    def reshell(self, request, given, made):
        # type: (dict, list, list) -> dict
        """A new pid namespace in the mounts and network of an old shell: /tmp stays, processes don't."""
        if len(given) > 1:
            return self._reshell_below(request, given, made)
        joined = syscalls.CLONE_NEWNS | (syscalls.CLONE_NEWNET if request["network"] else 0)
        return self._made(given[0], joined, _NAMESPACES, list, made)

    def _made(self, origin, joined, new, furnish, made):
        # type: (int, int, int, object, list) -> dict
        """Start an init in namespaces of which some are joined, others new; its pidfd comes first in `made`."""
        try:
            syscalls.setns(origin, joined)
            syscalls.unshare(new)
            listeners = furnish()  # type: ignore[operator]
            pid, told = self._init.start()
        finally:
            self._home.come_back(joined | new)
        made.append(os.pidfd_open(pid))
        made.extend(listener.detach() for listener in listeners)
        pid_one.wait(told)
        return {}

    def _scratch(self, size_mb):
        # type: (int) -> int | None
        return self._scratch_folder.mount(size_mb) if self._scratch_folder is not None else None

    def _shell_below(self, plan, scratch, given, made):
        # type: (dict, int | None, list, list) -> dict
        flags = _NAMESPACES | syscalls.CLONE_NEWNS | (syscalls.CLONE_NEWNET if plan["network"] else 0)

        def enter():
            # type: () -> None
            syscalls.setns(given[0], syscalls.CLONE_NEWNS)
            syscalls.unshare(syscalls.CLONE_NEWNS)

        def inside():
            # type: () -> list
            listeners = jail.furnish(plan, scratch)
            jail.renew_proc()
            return listeners

        return self._init_below(given[1:], flags, enter, inside, plan["network"], made)

    def _reshell_below(self, request, given, made):
        # type: (dict, list, list) -> dict
        def enter():
            # type: () -> None
            syscalls.setns(given[0], syscalls.CLONE_NEWNS | syscalls.CLONE_NEWNET)

        def inside():
            # type: () -> list
            jail.renew_proc()
            return []

        return self._init_below(given[1:], _NAMESPACES, enter, inside, request["network"], made)

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
            self._home.come_back(syscalls.CLONE_NEWPID)
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
                self._home.come_back(syscalls.CLONE_NEWNS)
        finally:
            link.close_all(trees if scratch is None else [*trees, scratch])
        return {}

    def dial(self, request, given, made):
        # type: (dict, list, list) -> dict
        """A socket that connects inside a shell's network, wherever it is used."""
        syscalls.setns(given[0], syscalls.CLONE_NEWNET)
        try:
            made.append(socket.socket().detach())
        finally:
            self._home.come_back(syscalls.CLONE_NEWNET)
        return {}


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
