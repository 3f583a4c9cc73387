"""The keeper: the one privileged helper of a server. It starts zygotes, makes shells and puts mounts into them.

Owns: every process of the sandbox, as pid 1 of their pid namespace: when the keeper goes, the kernel takes them all.
Refuses: anything about functions. Single-threaded, one request at a time, each bounded.

Started by the server as `python -E -s -S keeper.py FD CONFIG`; FD is the link (see `link`), CONFIG is JSON:
  {"isolated": bool, "cgroups": [directories to remove in the end], "scratch": folder for /tmp on disk, or null}
Its parent half, the guardian, stays outside the namespaces, waits for it and removes the control groups: that also
happens when the server was killed (the link then ends) and when the keeper was.

Requests, each answered by {"id": same, ...} or {"id": same, "error": text}:
  zygote  {root: plan | null, argv, environ} + [link, stderr]        -> {"pid"} + [pidfd]; argv null and config: bare
  shell   {furnish: plan} + [zygote's pidfd, origin?]                -> {} + [init's pidfd, doors?, listeners...]
  reshell {} + [old init's pidfd, origin?]          -> {} + [new init's pidfd, doors?]; same mounts and network
          origin: for a box whose occupant a template forks, the pidfds of the template's init and of the template.
          doors: then, the descriptors that the template's fork enters by: pid, mount, network, ipc, uts namespace.
  inject  {mounts: [[host path, target]], tmp_mb} + [init's pidfd]   -> {}; read-only; new /tmp unless null
  router  {config} + [link]                                          -> {}; see `router`
  dial    {} + [init's pidfd]                                        -> {} + [TCP socket of the shell's network]
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time

import jail
import link
import router
import syscalls
from scratch import Scratch
from zygote import Zygote

_NAMESPACES = syscalls.CLONE_NEWPID | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWIPC
_CLEAR_WITHIN_S = 10.0
_SLEEPERS = ("/usr/bin/sleep", "/bin/sleep")


def main():
    # type: () -> None
    config = json.loads(sys.argv[2])
    if config["isolated"] and os.geteuid() != 0:
        _become_root_of_a_user_namespace()
    control = socket.socket(fileno=int(sys.argv[1]))
    os.setsid()  # a Ctrl-C in the terminal is for the server, which then closes the link
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if config["isolated"]:
        syscalls.unshare(syscalls.CLONE_NEWPID | syscalls.CLONE_NEWNS)
        syscalls.private_mounts()
    alive, life = os.pipe()
    child = os.fork()
    if child:
        control.close()
        os.close(life)
        _guard(child, alive, config["cgroups"])
        os._exit(0)
    os.close(alive)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    syscalls.set_name("samovar-keeper")
    try:
        Keeper(control, config, life).serve()
    finally:
        os._exit(0)


def _become_root_of_a_user_namespace():
    # type: () -> None
    """Give an ordinary user's keeper the right to make namespaces, and begin again.

    The new start is for the memory's owner: the kernel keeps the namespace that a program was started in, and only its
    capabilities count when another process wants to join the namespaces of this one's children.
    """
    outer = (os.getuid(), os.getgid())
    syscalls.unshare(syscalls.CLONE_NEWUSER)
    jail.map_user((0, 0), outer)
    os.set_inheritable(int(sys.argv[1]), True)
    os.execv(sys.executable, [sys.executable, "-E", "-s", "-S", "-B", *sys.argv])


def _guard(keeper, alive, groups):
    # type: (int, int, list) -> None
    """Wait until the keeper ends, however it does, then clear up. Pipe `alive` ends when its end has begun; what is to
    be restored of the host's network has been written to it.

    That end may take a thaw: as pid 1 of its namespace it goes last, and a frozen process of a v1 group can't die.
    """
    syscalls.set_name("samovar-guard")
    told = _read_all(alive)
    deadline = time.monotonic() + _CLEAR_WITHIN_S
    while time.monotonic() < deadline:
        for top in groups:
            for path, _, _ in os.walk(top):
                _thaw(path)
        if os.waitpid(keeper, os.WNOHANG)[0]:
            break
        time.sleep(0.005)
    while groups and time.monotonic() < deadline:
        groups = [top for top in groups if not _removed(top)]
        time.sleep(0.005)
    if told:
        router.restore(told)


def _read_all(fd):
    # type: (int) -> str
    """Until the last writer has gone."""
    text = b""
    while True:
        more = os.read(fd, 4096)
        if not more:
            return text.decode()
        text += more


def _removed(top):
    # type: (str) -> bool
    """Remove a control group with all below it; its last processes may take a moment to go."""
    for path, _, _ in os.walk(top, topdown=False):
        try:
            os.rmdir(path)
        except FileNotFoundError:
            pass
        except OSError:
            return False
    return True


def _thaw(path):
    # type: (str) -> None
    try:
        with open(path + "/freezer.state", "r+") as file:
            file.write("THAWED")
    except OSError:
        pass  # another controller's group, or gone already


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


class Keeper:
    def __init__(self, control, config, life):
        # type: (socket.socket, dict, int) -> None
        """`life`: its end tells the guardian of ours."""
        self.control = control
        self.life = life
        self.host_mounts = os.open("/proc/self/ns/mnt", os.O_RDONLY) if config["isolated"] else -1
        self.own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY) if config["isolated"] else -1
        self.scratch = Scratch(config["scratch"]) if config["scratch"] else None
        # Signals other than its children's don't reach pid 1, and those are reaped by the kernel; inits inherit this.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    def serve(self):
        # type: () -> None
        actions = {
            "zygote": self.zygote, "shell": self.shell, "reshell": self.reshell, "inject": self.inject,
            "dial": self.dial, "router": self.router,
        }  # fmt: skip
        while True:
            request, given = link.receive(self.control)
            if request is None:
                return
            made = []  # type: list
            try:
                answer = actions[request["do"]](request, given, made)
            except OSError as error:
                answer = {"error": str(error)}
            answer["id"] = request["id"]
            link.send(self.control, answer, made)
            link.close_all(given)
            link.close_all(made)

    def zygote(self, request, given, made):
        # type: (dict, list, list) -> dict
        """Start an interpreter in a root of its own; it is a child of the keeper, in the keeper's pid namespace."""
        pid = os.fork()
        if pid == 0:
            try:
                self._become_zygote(request, given)
            except OSError as error:
                os.write(2, ("samovar: the sandbox's root could not be made: %s\n" % error).encode())
            finally:
                os._exit(127)
        made.append(os.pidfd_open(pid))
        return {"pid": pid}

    def _become_zygote(self, request, given):
        # type: (dict, list) -> None
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        null = os.open("/dev/null", os.O_RDWR)
        control, errors = os.dup(given[0]), os.dup(given[1])
        os.dup2(null, 0)
        os.dup2(errors, 1)
        os.dup2(errors, 2)
        os.dup2(control, 3)
        syscalls.close_descriptors(4)
        os.set_inheritable(3, True)
        if request["root"] is not None:
            syscalls.unshare(syscalls.CLONE_NEWNS)
            jail.build_root(request["root"])
        if request["argv"] is None:
            os.set_inheritable(3, False)
            Zygote(request["config"]).serve()
        else:
            os.execve(request["argv"][0], request["argv"], request["environ"])

    def router(self, request, given, made):
        # type: (dict, list, list) -> dict
        """Start the router, in the host's network; it makes its own."""
        if os.fork() == 0:
            try:
                self.control.close()
                router.main(socket.socket(fileno=given[0]), request["config"], self.life)
            finally:
                os._exit(1)
        return {}

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
        return self.scratch.mount(size_mb) if self.scratch is not None else None

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
            syscalls.setns(self.own_pids, syscalls.CLONE_NEWPID)
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
                syscalls.setns(self.host_mounts, syscalls.CLONE_NEWNS)
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


if __name__ == "__main__":
    main()
