"""The zygote: one interpreter, initialised once, that forks the occupants of boxes.

Owns: its children, which it reaps and reports. Started by the keeper as `INTERPRETER -E -s -S zygote.py CONFIG`,
already in its root, with the link at descriptor 3. CONFIG is JSON:
  {"module": what to serve, "path": [sys.path for it], "readonly": [paths to make read-only once warm],
   "unmount": [paths that only the zygote needed], "isolated": bool, "inner": [uid, gid], "limits": {...}}
The module has `warm()` (called once, before the first fork), `rehearse()` (in every occupant, locked, before it's
taken) and
`serve(channel)` (the occupant's whole life).

Requests:
  occupy {id, number, uid, into, network} + [channel, output, init's pidfd?, cgroup descriptors...]
         -> {"id", "pid"} or {"id", "error"}
         cgroup descriptors: v1 `tasks` files, written by the child; {"into": true} means the last is a v2 directory.
  kill   {pid}: only at the lowest level, where no shell can be killed.
Events: {"exited": number, "status": wait status}.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import traceback


def main():
    # type: () -> None
    config = json.loads(sys.argv[1])
    syscalls, jail, link, seccomp = (importlib.import_module(n) for n in ("syscalls", "jail", "link", "seccomp"))
    sys.path[:] = config["path"] + [p for p in sys.path if p.startswith(sys.prefix)]
    syscalls.set_name("samovar-zygote")
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")  # should the machine run out of memory, functions go before the server
    runtime = importlib.import_module(config["module"])
    runtime.warm()
    for path in config["readonly"]:
        syscalls.set_attributes(path, jail.READ_ONLY)
    for path in config["unmount"]:
        syscalls.unmount(path)
    program = seccomp.program()
    sys.path_importer_cache.clear()
    gc.collect()
    gc.disable()
    gc.freeze()  # the collector would touch, and so copy, every page of every child
    Zygote(socket.socket(fileno=3), config, runtime, program, syscalls, jail, link).serve()
    os._exit(0)


class Zygote:
    def __init__(self, control, config, runtime, program, syscalls, jail, link):
        # type: (socket.socket, dict, object, bytes, object, object, object) -> None
        self.control = control
        self.config = config
        self.runtime = runtime
        self.program = program
        self.syscalls = syscalls
        self.jail = jail
        self.link = link
        self.children = {}  # type: dict
        self.woken, self.wake = os.pipe()
        os.set_blocking(self.woken, False)
        os.set_blocking(self.wake, False)
        self.own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY) if config["isolated"] else -1
        signal.set_wakeup_fd(self.wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self):
        # type: () -> None
        self.link.send(self.control, {"ready": os.getpid()})  # type: ignore[attr-defined]
        poll = select.poll()
        poll.register(self.control.fileno(), select.POLLIN)
        poll.register(self.woken, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self.woken:
                    self.reap()
                    continue
                request, given = self.link.receive(self.control)  # type: ignore[attr-defined]
                if request is None:
                    return
                if request["do"] == "kill":
                    self.kill(request["pid"])
                else:
                    self.occupy(request, given)

    def reap(self):
        # type: () -> None
        try:
            os.read(self.woken, 4096)
        except BlockingIOError:
            pass
        while self.children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            known = self.children.pop(pid, None)
            if known is not None:
                self.link.send(self.control, {"exited": known, "status": status})  # type: ignore[attr-defined]

    def kill(self, pid):
        # type: (int) -> None
        if pid in self.children:
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                os.kill(pid, signal.SIGKILL)

    def occupy(self, request, given):
        # type: (dict, list) -> None
        answer = {"id": request["id"]}
        try:
            pid = self.fork(request, given)
            self.children[pid] = request["number"]
            answer["pid"] = pid
        except OSError as error:
            answer["error"] = str(error)
        self.link.close_all(given)  # type: ignore[attr-defined]
        self.link.send(self.control, answer)  # type: ignore[attr-defined]

    def fork(self, request, given):
        # type: (dict, list) -> int
        if not self.config["isolated"]:
            pid = os.fork()
        else:
            calls = self.syscalls
            # The shell's pid namespace is for children only; the zygote itself never moves.
            calls.setns(given[2], calls.CLONE_NEWPID)  # type: ignore[attr-defined]
            try:
                pid = calls.clone3(0, given[-1] if request["into"] else -1)  # type: ignore[attr-defined]
                if pid == 0:
                    self.become_occupant(request, given)  # never returns
            finally:
                calls.setns(self.own_pids, calls.CLONE_NEWPID)  # type: ignore[attr-defined]
            return int(pid)
        if pid == 0:
            self.become_occupant(request, given)
        return pid

    def become_occupant(self, request, given):
        # type: (dict, list) -> None
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            channel = self.enter(request, given)
            self.runtime.rehearse()  # type: ignore[attr-defined]
            channel.send(b"W")
            self.runtime.serve(channel)  # type: ignore[attr-defined]
        finally:
            if sys.exc_info()[0] is not None:
                traceback.print_exc()
            os._exit(70)

    def enter(self, request, given):
        # type: (dict, list) -> socket.socket
        calls, config = self.syscalls, self.config
        groups = given[3:-1] if request["into"] else given[3:]
        for tasks in groups:
            os.write(tasks, b"0")  # still one thread: this way the kernel needs no grace period
        if config["isolated"]:
            kinds = calls.CLONE_NEWNS | calls.CLONE_NEWUTS | calls.CLONE_NEWIPC  # type: ignore[attr-defined]
            if request["network"]:
                kinds |= calls.CLONE_NEWNET  # type: ignore[attr-defined]
            calls.setns(given[2], kinds)  # type: ignore[attr-defined]
        else:
            os.setsid()
            calls.prctl(calls.PR_SET_PDEATHSIG, signal.SIGKILL)  # type: ignore[attr-defined]
        null = os.open("/dev/null", os.O_RDONLY)
        channel, output = os.dup(given[0]), os.dup(given[1])
        os.dup2(null, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.dup2(channel, 3)
        calls.close_descriptors(4)  # type: ignore[attr-defined]
        self.jail.limit(config["limits"])  # type: ignore[attr-defined]
        os.umask(0o022)
        self.jail.lock(request["uid"], config["inner"], config["isolated"], self.program)  # type: ignore[attr-defined]
        return socket.socket(fileno=3)


if __name__ == "__main__":
    main()
