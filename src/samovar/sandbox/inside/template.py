"""A template: an initialised occupant of a box, whose forks become the occupants of other boxes.

Owns: the forks, which it reaps and reports as a zygote does its own, over the same requests (see `zygote`).
The process holds a function's code, so all that it says is hostile, and it has no more power than it must: it may join
namespaces (`setns`, which other occupants may not), and those of boxes that the keeper made in *its* user namespace for
its forks are the only ones that it has a capability for. A fork gives even that up, before the function's code runs on.
fork() is libc's, so that libraries hear of it; who asks for forks made sure that there is one thread only.

Descriptors of `occupy` here: channel, output, as many doors as the request says (`jail.doors`), and files of control
groups to be entered by writing.
"""

from __future__ import annotations

import os
import select
import signal
import socket

import link
import memory
import seccomp
import syscalls

CONTROL = 4
"""The descriptor of the link, in a template."""
ALLOWED = ("setns",)
KEPT = (syscalls.CAP_SYS_CHROOT, syscalls.CAP_SYS_ADMIN)
_CHANNEL = 3


class Template:
    def __init__(self, isolated):
        # type: (bool) -> None
        self.control = socket.socket(fileno=CONTROL)
        self.isolated = isolated
        self._lock = seccomp.refusing(ALLOWED) if isolated else b""
        self._children = {}  # type: dict
        self._woken = self._wake = -1

    def serve(self, outputs):
        # type: (tuple | list) -> None
        """Fork whenever asked, as long as anybody can ask. Only the forks return, with their own channel in its place.

        outputs: the descriptors that a fork shall have its own output at.
        """
        memory.collapse()
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wake, False)
        before = signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False), signal.getsignal(signal.SIGCHLD)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._loop(outputs)
        signal.signal(signal.SIGCHLD, before[1] or signal.SIG_DFL)
        signal.set_wakeup_fd(before[0])

    def _loop(self, outputs):
        # type: (tuple | list) -> None
        link.send(self.control, {"ready": os.getpid()})
        poll = select.poll()
        poll.register(self.control.fileno(), select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        try:
            while True:
                for fd, _ in poll.poll():
                    if fd == self._woken:
                        self._reap()
                        continue
                    request, given = link.receive(self.control)
                    if request is None:
                        os._exit(0)
                    if request["do"] != "occupy":
                        self._do(request)
                    elif self._occupy(request, given, outputs):
                        return
        except (BrokenPipeError, ConnectionResetError):
            os._exit(0)  # the server has gone

    def _reap(self):
        # type: () -> None
        try:
            os.read(self._woken, 4096)
        except BlockingIOError:
            pass
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            number = self._children.pop(pid, None)
            if number is not None:
                link.send(self.control, {"exited": number, "status": status})

    def _do(self, request):
        # type: (dict) -> None
        for pid, number in self._children.items():  # not reaped yet, so the pid is still its own
            if request["do"] == "signal" and number == request["number"]:
                os.kill(pid, request["signal"])
            elif request["do"] == "kill" and pid == request["pid"]:
                os.killpg(pid, signal.SIGKILL)

    def _occupy(self, request, given, outputs):
        # type: (dict, list, tuple | list) -> bool
        """True in the fork."""
        answer = {"id": request["id"]}
        try:
            doors, groups = given[2 : 2 + request["doors"]], given[2 + request["doors"] :]
            if doors:
                syscalls.setns(doors[0], syscalls.CLONE_NEWPID)
            pid = os.fork()
            if pid == 0:
                self._become(doors[1:], groups, outputs, given)
                return True
            self._children[pid] = request["number"]
            answer["pid"] = pid
        except OSError as error:
            answer["error"] = str(error)
        link.close_all(given)
        link.send(self.control, answer)
        return False

    def _become(self, doors, groups, outputs, given):
        # type: (list, list, tuple | list, list) -> None
        """Go into the box and lock it behind."""
        try:
            for tasks in groups:
                os.write(tasks, b"0")  # one thread: this way the kernel needs no grace period
            for fd in doors:
                syscalls.setns(fd, 0)
            if not self.isolated:
                os.setsid()
                syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
            for fd in outputs:
                os.dup2(given[1], fd)
            os.dup2(given[0], _CHANNEL, inheritable=False)
            link.close_all([*given, self._woken, self._wake])
            self.control.close()
            self._children.clear()
            if self.isolated:
                syscalls.drop_capabilities()
                syscalls.load_filter(self._lock)
            os.write(_CHANNEL, b"W")
        except OSError as error:
            os.write(2, ("samovar: a box could not be entered: %s\n" % error).encode())
            os._exit(70)
