"""What it takes for a fork to be a faithful copy of an initialised process, in Python's and the kernel's terms.

Owns: `problems` (what a fork would lose, or share, told before anybody is forked) and `Copy` (what a fork must renew).
A snapshot of a whole machine, as AWS takes it, copies everything; a fork copies memory and shares the rest. So:
- what can be made anew is: open files (each fork gets its own position), /tmp, random numbers, the output.
- connections are dead after a restore on AWS as well: a fork finds its own in their places, closed.
- what can't be copied is a problem: threads, child processes, memory shared with others, pipes, listening sockets,
  event loops, timers. The function is then initialised in full for each environment.
"""

from __future__ import annotations

import errno
import gc
import os
import random
import shutil
import signal
import socket
import ssl
import stat
import sys
import tempfile
import threading
import time

_SETTLED_WITHIN_S = 0.2
_INTERNET = (socket.AF_INET, socket.AF_INET6)
_SHAREABLE_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)


class Copy:
    """Looked at once, before the first fork: what is there to be renewed in each."""

    def __init__(self, ours, isolated):
        # type: (tuple, bool) -> None
        """`ours`: descriptors of the platform's own. `isolated`: whether /tmp and /proc are this box's own."""
        self.outputs = [1, 2]
        self.problems = []  # type: list
        self._isolated = isolated
        self._files = []  # type: list
        self._connections = []  # type: list
        self._tmp = -1
        _rest()
        self._look_at_threads()
        self._look_at_processes()
        if any(signal.getitimer(which)[0] for which in _TIMERS):
            self.problems.append("a timer runs")
        self._look_at_memory()
        for fd in _descriptors():
            if fd not in ours and fd > 2:
                self._look_at(fd)
        if not self.problems:
            if isolated and os.listdir("/tmp"):
                self._tmp = os.open("/tmp", os.O_RDONLY | os.O_DIRECTORY)
            self._folder = os.getcwd()

    def _look_at_threads(self):
        # type: () -> None
        names = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
        if names:
            self.problems.append("threads run: " + ", ".join(sorted(names)[:5]))
            return
        deadline = time.monotonic() + _SETTLED_WITHIN_S  # one that has been joined takes a moment to go
        while len(os.listdir("/proc/self/task")) > 1:
            if time.monotonic() > deadline:
                self.problems.append("%d native threads run" % (len(os.listdir("/proc/self/task")) - 1))
                return
            time.sleep(0.002)

    def _look_at_processes(self):
        # type: () -> None
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            self.problems.append("child processes are there")
            return
        except ChildProcessError:
            pass
        if self._isolated:
            others = {int(name) for name in os.listdir("/proc") if name.isdigit()} - {1, os.getpid()}
            if others:
                self.problems.append("other processes run")

    def _look_at_memory(self):
        # type: () -> None
        with open("/proc/self/maps") as maps:
            for line in maps:
                parts = line.split(None, 5)
                if parts[1][3] == "s" and "w" in parts[1]:
                    what = parts[5].strip() if len(parts) > 5 else "no file"
                    self.problems.append("memory is shared (%s)" % what)
                    return

    def _look_at(self, fd):
        # type: (int) -> None
        try:
            found = os.fstat(fd)
            name = os.readlink("/proc/self/fd/%d" % fd)
        except OSError as error:
            if error.errno in (errno.EBADF, errno.ENOENT):
                return  # closed meanwhile: the folder's own
            raise
        if stat.S_ISFIFO(found.st_mode) and os.path.samestat(found, os.fstat(1)):
            self.outputs.append(fd)
        elif stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode):
            self._look_at_file(fd, name)
        elif stat.S_ISSOCK(found.st_mode):
            self._look_at_socket(fd)
        elif not (stat.S_ISCHR(found.st_mode) and name in _SHAREABLE_DEVICES):
            self.problems.append("%s is open" % (name.partition(":")[0] or "something"))

    def _look_at_file(self, fd, name):
        # type: (int, str) -> None
        flags = _open_flags(fd)
        if name.endswith(" (deleted)") or not os.path.lexists(name):
            self.problems.append("a deleted file is open (%s)" % name)
        else:
            self._files.append((fd, name, flags, os.get_inheritable(fd)))

    def _look_at_socket(self, fd):
        # type: (int) -> None
        with socket.socket(fileno=os.dup(fd)) as copy:
            family, kind, protocol = copy.family, copy.type, copy.proto
            listens = kind == socket.SOCK_STREAM and copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        if family not in _INTERNET or listens:
            self.problems.append("a listening socket is open" if listens else "a local socket is open")
        else:
            self._connections.append((fd, family, kind, protocol, os.get_inheritable(fd)))

    def renew(self, tmp):
        # type: (bool) -> None
        """In a fork, when it is in its box: make its own what is shared. `tmp`: whether /tmp is still empty."""
        reseed()
        for fd, family, kind, protocol, inheritable in self._connections:
            with socket.socket(family, kind, protocol) as closed:
                os.dup2(closed.fileno(), fd, inheritable)
        if self._tmp >= 0:
            if tmp:
                _copy_tree("/proc/self/fd/%d" % self._tmp, "/tmp")
            os.close(self._tmp)
        try:
            os.chdir(self._folder)
        except OSError:
            os.chdir("/")
        for fd, name, flags, inheritable in self._files:
            self._reopen(fd, name, flags, inheritable)

    def _reopen(self, fd, name, flags, inheritable):
        # type: (int, str, int, bool) -> None
        try:
            own = os.open(name, flags)
        except OSError:
            return  # of a file that was removed since, in a box that was used before
        try:
            if not flags & os.O_DIRECTORY:
                os.lseek(own, os.lseek(fd, 0, os.SEEK_CUR), os.SEEK_SET)
            os.dup2(own, fd, inheritable)
        finally:
            os.close(own)


def reseed():
    # type: () -> None
    """Give this process random numbers of its own. OpenSSL and tempfile notice a fork by the process id, and every box
    has the same."""
    random.seed()
    ssl.RAND_add(os.urandom(32), 32.0)
    tempfile._name_sequence = None  # type: ignore[attr-defined]
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        numpy.seed()


def _rest():
    # type: () -> None
    """Fork once for nothing: libraries that stop their threads when they hear of a fork (OpenBLAS) do it now."""
    enabled = gc.isenabled()
    gc.collect()
    gc.freeze()  # the collector would touch, and so copy, every page in every fork
    if not enabled:
        gc.disable()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _descriptors():
    # type: () -> list
    return [int(name) for name in os.listdir("/proc/self/fd")]


def _open_flags(fd):
    # type: (int) -> int
    with open("/proc/self/fdinfo/%d" % fd) as info:
        flags = next(int(line.split()[1], 8) for line in info if line.startswith("flags:"))
    return flags & ~(os.O_CREAT | os.O_EXCL | os.O_TRUNC)


def _copy_tree(source, target):
    # type: (str, str) -> None
    """Copy what a function has written to /tmp while it initialised; its user is the same in every fork."""
    with os.scandir(source) as entries:
        for entry in entries:
            to = os.path.join(target, entry.name)
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), to)
            elif entry.is_dir(follow_symlinks=False):
                os.mkdir(to, 0o700)
                _copy_tree(entry.path, to)
                shutil.copystat(entry.path, to)
            elif entry.is_file(follow_symlinks=False):
                shutil.copy2(entry.path, to, follow_symlinks=False)
            elif stat.S_ISFIFO(entry.stat(follow_symlinks=False).st_mode):
                os.mkfifo(to)
