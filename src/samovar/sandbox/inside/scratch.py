"""/tmp on disk: a small ext4 file system of exactly the size that was asked for, in a file that has no name any more.

In memory (tmpfs) what a function writes to /tmp would count towards its MemorySize; on AWS it doesn't. The file has no
name and the loop device clears itself: nothing is left when the last process of a shell has gone, however it went.
One file system per size is made with mkfs (3 ms) and then copied, holes and all. To attach it takes the kernel some
4 ms, most of which it waits for its other CPUs; so a process of its own keeps a few of the usual size ready.
Sources: loop(4), include/uapi/linux/loop.h, fsmount(2).
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import struct

import link
import syscalls
from syscalls import ATTR_NODEV, ATTR_NOSUID

_LOOP_CTL_GET_FREE, _LOOP_CONFIGURE, _LO_FLAGS_AUTOCLEAR = 0x4C82, 0x4C0A, 4
_TRIES = 8
_MKFS = ("/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4", "/usr/bin/mkfs.ext4")
_MEBIBYTE = 1 << 20


class Scratch:
    """Makes file systems. `folder` is on the disk that they take their space from."""

    def __init__(self, folder, usual_mb=0):
        # type: (str, int) -> None
        """`usual_mb`: the size of which some are made ahead; 0 for none."""
        self._folder = folder
        self._usual_mb = usual_mb
        self._ahead = None  # type: socket.socket | None
        self._templates = {}  # type: dict[int, int]

    def mount(self, size_mb):
        # type: (int) -> int
        """A fresh, empty file system with `size_mb` MB of room, as a detached mount; OSError where there is none."""
        if size_mb == self._usual_mb:
            if self._ahead is None:
                self._ahead = self._start_ahead()
            _, made = link.receive(self._ahead)
            if made:
                return int(made[0])
            # That process was killed, and the next one wanted begins another; or it has met a problem, which is told
            # where it is met again.
            self._ahead.close()
            self._ahead = None
        return self._make(size_mb)

    def _start_ahead(self):
        # type: () -> socket.socket
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # the least there is: some six messages
        if os.fork() == 0:
            try:
                syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
                syscalls.set_name("samovar-tmp")
                os.dup2(theirs.fileno(), 3)
                syscalls.close_descriptors(4)
                self._templates.clear()  # the keeper's, where it has had to make one, are among these
                to_keeper = socket.socket(fileno=3)
                while True:
                    made = self._make(self._usual_mb)
                    link.send(to_keeper, {}, [made])
                    os.close(made)
            finally:
                os._exit(1)
        theirs.close()
        return ours

    def _make(self, size_mb):
        # type: (int) -> int
        template = self._templates.get(size_mb)
        if template is None:
            template = self._templates[size_mb] = self._make_template(size_mb)
        image = self._nameless()
        try:
            _copy(template, image)
            return _attach(image)
        finally:
            os.close(image)

    def _make_template(self, size_mb):
        # type: (int) -> int
        mkfs = next((path for path in _MKFS if os.path.exists(path)), None)
        if mkfs is None:
            raise FileNotFoundError(2, "mkfs.ext4 is not installed (Debian: apt install e2fsprogs)")
        image = self._nameless()
        # Room for its own tables on top, so that the whole size is the function's.
        os.ftruncate(image, (size_mb + 16 + size_mb // 32) * _MEBIBYTE)
        command = [mkfs, "-q", "-F", "-O", "^has_journal", "-m", "0", "-i", "16384"]
        command += ["-E", "lazy_itable_init=1,nodiscard", "/proc/self/fd/%d" % image]
        _run(command, image)
        self._empty(image)
        return image

    def _empty(self, image):
        # type: (int) -> None
        """Make its root what /tmp is: writable by all, and with nothing in it. It is in no folder meanwhile, which a
        crash would leave."""
        tree = _attach(image)
        try:
            os.rmdir("lost+found", dir_fd=tree)
            os.chmod(".", 0o1777, dir_fd=tree)
        finally:
            os.close(tree)

    def _nameless(self):
        # type: () -> int
        return os.open(self._folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)


def _run(command, descriptor):
    # type: (list, int) -> None
    """Run a program that gets one descriptor of ours; it has nothing to wait for."""
    os.set_inheritable(descriptor, True)
    before = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        _, status = os.waitpid(os.posix_spawn(command[0], command, {}), 0)
    finally:
        signal.signal(signal.SIGCHLD, before)
        os.set_inheritable(descriptor, False)
        _bury()
    if status:
        raise OSError(5, "no file system for /tmp could be made: %s has said why above; is the disk full?" % command[0])


def _bury():
    # type: () -> None
    """Take leave of the keeper's other children that have ended while it didn't ignore that: they would stay."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass  # there are none


def _copy(source, target):
    # type: (int, int) -> None
    """Copy what was written of a sparse file."""
    size = os.fstat(source).st_size
    os.ftruncate(target, size)
    at = 0
    while at < size:
        try:
            at = os.lseek(source, at, os.SEEK_DATA)
        except OSError:  # ENXIO: holes only from here
            return
        end = os.lseek(source, at, os.SEEK_HOLE)
        while at < end:
            at += os.copy_file_range(source, target, end - at, at, at)


def _attach(image):
    # type: (int) -> int
    """A detached mount of the file system in a file, over a loop device that goes with the mount."""
    control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    try:
        for attempt in range(_TRIES):  # somebody else may take the free device first
            device = "/dev/loop%d" % fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
            loop = os.open(device, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.ioctl(loop, _LOOP_CONFIGURE, _configuration(image))
                return syscalls.new_mount("ext4", ATTR_NOSUID | ATTR_NODEV, device, ["noinit_itable"])
            except OSError as error:
                if error.errno != 16 or attempt == _TRIES - 1:  # EBUSY
                    raise
            finally:
                os.close(loop)
    finally:
        os.close(control)
    raise AssertionError


def _configuration(image):
    # type: (int) -> bytearray
    """struct loop_config: the file, and the flag that frees the device with its last user."""
    numbers = struct.pack("5Q4I", 0, 0, 0, 0, 0, 0, 0, 0, _LO_FLAGS_AUTOCLEAR)
    names = bytes(64 + 64 + 32 + 16)
    return bytearray(struct.pack("2I", image, 0) + numbers + names + bytes(64))
