"""The zygote: a process in a kind's root that forks the occupants of boxes.

Owns: its children, which it reaps and reports. Two sorts:
- An interpreter, whose children are initialised as well: see `interpreter`.
- A bare one, for programs: the keeper's own fork, whose children become something else.
Rule: after each fork, a page that this process writes to is copied, and of a huge one the table; both cost more than
what is done. So it goes the shortest way through few objects, which are loaded last and lie beside each other.
Its configuration: {"isolated": bool, "user_namespace": bool, "inner": [uid, gid], "limits": {...}}

Requests:
  occupy {id, number, uid, into, network, rehearse, command, template, watched, processes, waits}
         + [channel, output, init's pidfd?, the template's link?, cgroup descriptors...]
         -> {"id", "pid"} or {"id", "error"}
         template: the occupant shall fork further ones (see `template`). watched: the answer has its pidfd.
         processes: RLIMIT_NPROC, null for the usual. waits: the box isn't furnished yet; a byte on the channel tells
         when it is.
         cgroup descriptors: v1 `tasks` files, written by the child; {"into": true} means the last is a v2 directory.
         command: null for the module, or {"tries": [argv...], "environ", "cwd", "channel": bool}: the first argv that
         can be started; "channel" leaves it descriptor 3.
  kill   {pid}: only at the lowest level, where no shell can be killed.
  signal {number, signal}: to an occupant that still lives.
Events: {"exited": number, "status": wait status}.
On the channel, before anything else: `W` when the module waits; the end of file when a program has taken over; `X` when
none could be started, `D` when there is no such directory.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import errno
import os
import select
import signal
import socket
import sys

import jail
import link
import seccomp
import syscalls
import template

_CHANNEL = 3
_SIGCHLD, _SIG_DFL = int(signal.SIGCHLD), int(signal.SIG_DFL)


def _nothing(*_):
    # type: (object) -> None
    """Of what there is nothing to do about."""


class Zygote:
    def __init__(self, config, runtime=None):
        # type: (dict, object) -> None
        """`runtime`: the module to serve; None for a bare zygote. The link is at descriptor 3."""
        self.control = socket.socket(fileno=3)
        self.config = config
        self.isolated = config["isolated"]
        self.runtime = runtime
        self.program = seccomp.program()
        self.limits = jail.limits(config["limits"])
        self.thread_id_changed = _nothing
        if "threading" in sys.modules:
            self.thread_id_changed = sys.modules["threading"].main_thread()._set_native_id
        self.children = {}  # type: dict
        self.woken, self.wake = os.pipe()
        os.set_blocking(self.woken, False)
        os.set_blocking(self.wake, False)
        self.own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY) if config["isolated"] else -1
        signal.set_wakeup_fd(self.wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _nothing)
        syscalls.set_name("samovar-zygote")
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("500")  # should the machine run out of memory, functions go before the server

    def serve(self, kept_mb=0):
        # type: (int) -> None
        """`kept_mb`: memory that is for children who will want it, and isn't counted before."""
        link.send(self.control, {"ready": os.getpid(), "kept_mb": kept_mb})
        poll = select.poll()
        poll.register(self.control.fileno(), select.POLLIN)
        poll.register(self.woken, select.POLLIN)
        try:
            while True:
                for fd, _ in poll.poll():
                    if fd == self.woken:
                        self.reap()
                    elif not self.serve_one():
                        return
        except (BrokenPipeError, ConnectionResetError):
            return  # the server has gone

    def serve_one(self):
        # type: () -> bool
        """Do the next request; False when there are no more."""
        request, given = link.receive(self.control)
        if request is None:
            return False
        if request["do"] == "kill":
            self.kill(request["pid"])
        elif request["do"] == "signal":
            self.signal(request["number"], request["signal"])
        else:
            self.occupy(request, given)
        return True

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
                link.send_bytes(self.control, b'{"exited":%d,"status":%d}' % (known, status))

    def kill(self, pid):
        # type: (int) -> None
        if pid in self.children:
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                os.kill(pid, signal.SIGKILL)

    def signal(self, number, which):
        # type: (int, int) -> None
        for pid, known in self.children.items():
            if known == number:  # not reaped yet, so the pid is still its own
                if self.runtime is None:
                    os.kill(pid, which)
                else:
                    # Python's handlers run in the main thread only. When every thread has just been thawed the kernel
                    # may give the signal to another one, and the main one would sleep on in its system call.
                    syscalls.signal_main_thread(pid, which)

    def occupy(self, request, given):
        # type: (dict, list) -> None
        try:
            pid = self.fork(request, given)
            self.children[pid] = request["number"]
            if request["watched"]:
                made = syscalls.pidfd_open(pid)
                given.append(made)
                link.send_bytes(self.control, b'{"id":%d,"pid":%d}' % (request["id"], pid), (made,))
            else:
                link.send_bytes(self.control, b'{"id":%d,"pid":%d}' % (request["id"], pid))
        except OSError as error:
            link.send(self.control, {"id": request["id"], "error": str(error)})
        link.close_all(given)

    def fork(self, request, given):
        # type: (dict, list) -> int
        if not self.isolated:
            pid = os.fork()
            if pid == 0:
                self.become_occupant(request, given)
            return pid
        # The shell's pid namespace is for children only; the zygote itself never moves.
        syscalls.setns(given[2], syscalls.CLONE_NEWPID)
        try:
            pid = syscalls.clone3(0, given[-1] if request["into"] else -1)
            if pid == 0:
                self.become_occupant(request, given)  # never returns
        finally:
            syscalls.setns(self.own_pids, syscalls.CLONE_NEWPID)
        return pid

    def become_occupant(self, request, given):
        # type: (dict, list) -> None
        try:
            self.thread_id_changed()
            _signal.set_wakeup_fd(-1)
            _signal.signal(_SIGCHLD, _SIG_DFL)  # the enumerations of `signal` would copy 60 pages
            try:
                self.enter(request, given)
            except ProcessLookupError:
                os._exit(70)  # the box has been killed meanwhile
            if request["command"] is not None:
                _become_program(request["command"])
            else:
                channel = socket.socket(fileno=_CHANNEL)
                if request["rehearse"]:
                    self.runtime.rehearse()  # type: ignore[attr-defined]
                channel.send(b"W")
                seed = template.Template(self.config["isolated"]) if request["template"] else None
                self.runtime.serve(channel, seed)  # type: ignore[attr-defined]
        finally:
            if sys.exc_info()[0] is not None:
                sys.__excepthook__(*sys.exc_info())
            os._exit(70)

    def enter(self, request, given):
        # type: (dict, list) -> None
        """Go into the box and lock it behind; leaves descriptors 0, 1, 2 and the channel."""
        config = self.config
        # First: as long as this process has the zygote's link, nobody would hear of the zygote's end.
        os.dup2(given[0], _CHANNEL, inheritable=False)
        groups = given[4 if request["template"] else 3 :]
        if request["into"]:
            groups.pop()
        _enter_groups(groups)
        if request["waits"] and not os.read(_CHANNEL, 1):
            os._exit(70)  # it never will be
        if config["isolated"]:
            kinds = syscalls.CLONE_NEWNS | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWIPC
            if request["network"]:
                kinds |= syscalls.CLONE_NEWNET
            syscalls.setns(given[2], kinds)
        else:
            os.setsid()
            syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        null = os.open("/dev/null", os.O_RDONLY)
        output = os.dup(given[1])
        os.dup2(null, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        if request["template"]:
            os.dup2(os.dup(given[3]), template.CONTROL, inheritable=False)
            syscalls.close_descriptors(template.CONTROL + 1)
        else:
            syscalls.close_descriptors(4)
        jail.limit(self.limits)
        if request["processes"] is not None and "RLIMIT_NPROC" in config["limits"]:
            jail.limit(jail.limits({"RLIMIT_NPROC": request["processes"]}))
        os.umask(0o022)
        program, keep = self.program, ()
        if request["template"] and config["isolated"]:
            program, keep = seccomp.program(allowed=template.ALLOWED), template.KEPT
        jail.lock(request["uid"], config["inner"], config["user_namespace"], program, keep)


def _enter_groups(files):
    # type: (list) -> None
    """By writing: with one thread, as yet, the kernel needs no grace period. Raises ProcessLookupError when the box has
    gone, and its groups were removed."""
    try:
        for tasks in files:
            os.write(tasks, b"0")
    except OSError as error:
        if error.errno == errno.ENODEV:
            raise ProcessLookupError from None
        raise


def _become_program(command):
    # type: (dict) -> None
    """Start the first program of the command that there is. Its environment is the command's alone."""
    try:
        os.chdir(command["cwd"])
    except OSError as error:
        _say(b"D", "%s" % error.strerror)
    os.set_inheritable(_CHANNEL, command["channel"])
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # what Python ignores, a program would go on ignoring
    word, why = b"M", "nothing to start"
    for argv in command["tries"]:
        try:
            os.execve(argv[0], argv, command["environ"])
        except OSError as error:
            if word == b"M":  # of those that are there the first one counts
                word = b"X" if os.path.isfile(argv[0]) else b"M"
                why = "%s: %s" % (argv[0], error.strerror)
    _say(word, why)


def _say(word, reason):
    # type: (bytes, str) -> None
    """Why there will be no program."""
    socket.socket(fileno=_CHANNEL).send(word + reason.encode(errors="replace"))
    os._exit(127)
