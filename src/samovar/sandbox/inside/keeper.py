"""The keeper: the one privileged helper of a server. It starts zygotes, makes shells and puts mounts into them.

Owns: every process of the sandbox, as pid 1 of their pid namespace: when the keeper goes, the kernel takes them all.
Refuses: anything about functions. Single-threaded, one request at a time, each bounded.

Started by the server as `python -E -s -S keeper.py FD CONFIG`; FD is the link (see `link`), CONFIG is JSON:
  {"isolated": bool, "network": whether boxes have one of their own, "cgroups": [directories to remove in the end],
   "root": whether the server's user is root, "scratch": folder for /tmp on disk, or null,
   "tmp_mb": its usual size}
Its parent half, the `guardian`, stays outside the namespaces, waits for it and removes the control groups: that also
happens when the server was killed (the link then ends) and when the keeper was. See `shells` for most of its work.

Requests, each answered by {"id": same, ...} or {"id": same, "error": text}:
  zygote  {root: plan | null, argv, environ} + [link, stderr]        -> {"pid"} + [pidfd]; argv null and config: bare
  init    {} + []                                                    -> {} + [told, init's pidfd, begins]
          begins a shell: there is its pid namespace, whose first process waits for what follows.
  furnish {furnish: plan, mounts} + [zygote's pidfd, told, begins]   -> {} + [listeners...]
          makes that shell's other namespaces. mounts: as for `inject`, but none for `/`.
  shell   {furnish: plan, below} + [zygote's pidfd, origin]          -> {} + [init's pidfd, doors, listeners...]
          both at once, below a template.
  reshell {network, below} + [old init's pidfd]     -> {} + [new init's pidfd, doors?]; same mounts and network
          below: for a box whose occupant a template forks, a number that is the template's own; else 0.
          origin: then, the pidfds of the template's init and of the template.
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

import guardian
import jail
import link
import router
import syscalls
from shells import Shells
from zygote import Zygote


def main():
    # type: () -> None
    config = json.loads(sys.argv[2])
    if config["isolated"] and os.geteuid() != 0:
        _become_root_of_a_user_namespace()
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    os.umask(0o022)  # whatever the server's is: functions see what is made here
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
        guardian.guard(child, alive, config["cgroups"])
        os._exit(0)
    os.close(alive)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    syscalls.set_name("samovar-keeper")
    if config["isolated"]:
        _settle(config["network"] and not config["root"])
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


def _settle(network):
    # type: (bool) -> None
    """Have a home to come back to from boxes, which has their host name. `network`: with a network of its own; an
    ordinary user's keeper may not come back to the host's."""
    syscalls.unshare(syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWIPC | (syscalls.CLONE_NEWNET if network else 0))
    syscalls.set_hostname("sandbox")


class Keeper:
    def __init__(self, control, config, life):
        # type: (socket.socket, dict, int) -> None
        """`life`: its end tells the guardian of ours."""
        self.control = control
        self.life = life
        self.shells = Shells(config["scratch"], config["tmp_mb"], config["network"]) if config["isolated"] else None
        # Signals other than its children's don't reach pid 1, and those are reaped by the kernel; inits inherit this.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    def serve(self):
        # type: () -> None
        actions = {"zygote": self.zygote, "router": self.router}
        shells = self.shells
        if shells is not None:
            actions.update(init=shells.init, furnish=shells.furnish, shell=shells.shell, reshell=shells.reshell)
            actions.update(inject=shells.inject, dial=shells.dial)
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
        """Start an interpreter in a root of its own; it is a child of the keeper, in the keeper's pid namespace. It
        waits for its pidfd to be there: one that dies at once would be reaped before, and its pid given to another."""
        waits, begins = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(begins)
                os.read(waits, 1)
                self._become_zygote(request, given)
            except OSError as error:
                os.write(2, ("samovar: the sandbox's root could not be made: %s\n" % error).encode())
            finally:
                os._exit(127)
        try:
            made.append(os.pidfd_open(pid))
        finally:
            link.close_all((waits, begins))
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


if __name__ == "__main__":
    main()
