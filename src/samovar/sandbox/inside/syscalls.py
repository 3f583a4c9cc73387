"""The Linux system calls that Python has no function for, through ctypes.

Owns: numbers, flags and argument layouts. Refuses: policy (see `jail`). Every failure is an OSError naming the call.
Rule: the calls of a fresh fork are looked up when this is loaded, and told of only when they fail: what every fork does
anew costs it copies of pages.
Sources: namespaces(7), mount_setattr(2), move_mount(2), clone3 in clone(2), capabilities(7), netdevice(7).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct

CLONE_PARENT = 0x00008000
CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
CLONE_INTO_CGROUP = 0x200000000

MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_MOVE, MS_REC, MS_PRIVATE = 2, 4, 8, 0x2000, 0x4000, 1 << 18
MNT_DETACH = 2
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV = 1, 2, 4

_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_AT_RECURSIVE = 0x8000
_OPEN_TREE_CLONE = 1
_OPEN_TREE_CLOEXEC = os.O_CLOEXEC
_MOVE_MOUNT_F_EMPTY_PATH = 4

CAP_SYS_CHROOT, CAP_SYS_ADMIN = 18, 21

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, PR_SET_NAME = 1, 4, 38, 15

_ARM = os.uname().machine == "aarch64"
_NR_PIVOT_ROOT = 41 if _ARM else 155
_NR_SECCOMP = 277 if _ARM else 317
_NR_TGKILL = 131 if _ARM else 234
_NR_OPEN_TREE, _NR_MOVE_MOUNT, _NR_CLONE3, _NR_CLOSE_RANGE, _NR_MOUNT_SETATTR = 428, 429, 435, 436, 442

_NR_FSOPEN, _NR_FSCONFIG, _NR_FSMOUNT, _NR_PIDFD_OPEN = 430, 431, 432, 434
_FSOPEN_CLOEXEC = _FSMOUNT_CLOEXEC = 1
_FSCONFIG_SET_FLAG, _FSCONFIG_SET_STRING, _FSCONFIG_CMD_CREATE = 0, 1, 6

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]
_libc.umount2.argtypes = [ctypes.c_char_p, ctypes.c_int]
_libc.syscall.restype = ctypes.c_long
_syscall, _unshare, _setns, _prctl, _capset = _libc.syscall, _libc.unshare, _libc.setns, _libc.prctl, _libc.capset
# clone3 must not give up the interpreter lock: the child would come back without the thread that holds it.
_syscall_locked = ctypes.PyDLL(None, use_errno=True).syscall
_syscall_locked.restype = ctypes.c_long
_ZERO = ctypes.c_ulong(0)


def _check(result, call):
    # type: (int, str) -> int
    if result < 0:
        _fail(call)
    return result


def _fail(call, *numbers):
    # type: (str, *int) -> None
    code = ctypes.get_errno()
    raise OSError(code, "%s: %s" % (call % numbers, os.strerror(code)))


def signal_main_thread(pid, which):
    # type: (int, int) -> None
    """Like os.kill, but no other thread of the process takes the signal (tgkill(2))."""
    _check(_syscall(_NR_TGKILL, pid, pid, which), "tgkill(%d)" % which)


def unshare(flags):
    # type: (int) -> None
    if _unshare(flags) < 0:
        _fail("unshare(%#x)", flags)


def setns(fd, kind):
    # type: (int, int) -> None
    if _setns(fd, kind) < 0:
        _fail("setns(%#x)", kind)


def mount(source, target, kind, flags=0, data=None):
    # type: (str, str, str | None, int, str | None) -> None
    result = _libc.mount(source.encode(), target.encode(), kind and kind.encode(), flags, data and data.encode())
    _check(result, "mount(%s)" % target)


def unmount(target):
    # type: (str) -> None
    _check(_libc.umount2(target.encode(), MNT_DETACH), "umount(%s)" % target)


def private_mounts():
    # type: () -> None
    """Stop mounts of this namespace from showing up in the one it was copied from, and the other way round."""
    mount("none", "/", None, MS_REC | MS_PRIVATE)


def pivot_root(new_root):
    # type: (str) -> None
    """Make `new_root` (a mount point) the root and drop the old one: pivot_root(2), "pivot_root(".", ".")"."""
    os.chdir(new_root)
    _check(_syscall(_NR_PIVOT_ROOT, b".", b"."), "pivot_root")
    unmount(".")
    os.chdir("/")


def clone_tree(path):
    # type: (str) -> int
    """A detached copy of the mounts at `path`, as a descriptor."""
    flags = _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC | _AT_RECURSIVE
    return _check(_syscall(_NR_OPEN_TREE, _AT_FDCWD, path.encode(), ctypes.c_uint(flags)), "open_tree(%s)" % path)


def set_attributes(tree, attributes):
    # type: (int | str, int) -> None
    """Add mount attributes to a whole detached tree (a descriptor), or to the one mount at a path."""
    argument = struct.pack("QQQQ", attributes, 0, 0, 0)
    if isinstance(tree, int):
        fd, path, flags = tree, b"", _AT_EMPTY_PATH | _AT_RECURSIVE
    else:
        fd, path, flags = _AT_FDCWD, tree.encode(), 0
    result = _syscall(_NR_MOUNT_SETATTR, fd, path, ctypes.c_uint(flags), argument, len(argument))
    _check(result, "mount_setattr(%s)" % tree)


def attach_tree(tree, target):
    # type: (int, str) -> None
    """Attach a detached tree at `target`."""
    result = _syscall(_NR_MOVE_MOUNT, tree, b"", _AT_FDCWD, target.encode(), _MOVE_MOUNT_F_EMPTY_PATH)
    _check(result, "move_mount(%s)" % target)


def bind(source, target, attributes):
    # type: (str, str, int) -> None
    tree = clone_tree(source)
    try:
        set_attributes(tree, attributes)
        attach_tree(tree, target)
    finally:
        os.close(tree)


def new_mount(kind, attributes, device="none", options=()):
    # type: (str, int, str, tuple | list) -> int
    """A new file system, or the one on a device, as a detached mount. options: those that have no value."""
    context = _check(_syscall(_NR_FSOPEN, kind.encode(), _FSOPEN_CLOEXEC), "fsopen(%s)" % kind)
    try:
        source = _syscall(_NR_FSCONFIG, context, _FSCONFIG_SET_STRING, b"source", device.encode(), 0)
        _check(source, "fsconfig(%s)" % device)
        for option in options:
            result = _syscall(_NR_FSCONFIG, context, _FSCONFIG_SET_FLAG, option.encode(), None, 0)
            _check(result, "fsconfig(%s)" % option)
        _check(_syscall(_NR_FSCONFIG, context, _FSCONFIG_CMD_CREATE, None, None, 0), "fsconfig(%s)" % device)
        return _check(_syscall(_NR_FSMOUNT, context, _FSMOUNT_CLOEXEC, attributes), "fsmount(%s)" % device)
    finally:
        os.close(context)


def prctl(option, value):
    # type: (int, int) -> None
    if _prctl(option, ctypes.c_ulong(value), _ZERO, _ZERO, _ZERO) < 0:
        _fail("prctl(%d)", option)


def set_name(name):
    # type: (str) -> None
    """The name that ps and top show (15 bytes at most)."""
    _prctl(PR_SET_NAME, ctypes.c_char_p(name.encode()[:15]), 0, 0, 0)


def set_hostname(name):
    # type: (str) -> None
    data = name.encode()
    _check(_libc.sethostname(data, len(data)), "sethostname")


class _CapHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapData(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


_NO_CAPABILITIES = struct.pack("Ii", 0x20080522, 0), bytes(24)


def drop_capabilities(keep=()):
    # type: (tuple) -> None
    """Give up every capability but some. The bounding set stays: under no_new_privs nothing can be gained from it."""
    if not keep:
        if _capset(_NO_CAPABILITIES[0], _NO_CAPABILITIES[1]) < 0:
            _fail("capset")
        return
    header = _CapHeader(0x20080522, 0)
    kept = (_CapData * 2)()
    for number in keep:
        kept[number // 32].effective |= 1 << number % 32
        kept[number // 32].permitted |= 1 << number % 32
    _check(_libc.capset(ctypes.byref(header), kept), "capset")


def hand_down(capability):
    # type: (int) -> None
    """Let programs that this process starts have one of its capabilities, whatever their user (ambient, see
    capabilities(7)). It keeps all of its own."""
    header = _CapHeader(0x20080522, 0)
    data = (_CapData * 2)()
    _check(_libc.capget(ctypes.byref(header), data), "capget")
    data[capability // 32].inheritable |= 1 << capability % 32
    _check(_libc.capset(ctypes.byref(header), data), "capset")
    pr_cap_ambient, raised = 47, ctypes.c_ulong(2)
    zero = ctypes.c_ulong(0)
    _check(_libc.prctl(pr_cap_ambient, raised, ctypes.c_ulong(capability), zero, zero), "prctl(ambient)")


_CLONE_ARGS = struct.Struct("11Q")
"""flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup"""
_CLONE_ARGS_SIZE = ctypes.c_size_t(_CLONE_ARGS.size)


def clone3(flags, cgroup=-1):
    # type: (int, int) -> int
    """fork() with namespaces, optionally straight into a cgroup (v2 directory descriptor). 0 in the child.

    The attach costs 0.1 ms this way, and 7-12 ms when the parent does it afterwards. For a process of one thread:
    Python's hooks after a fork are for locks that other threads held, and find nothing to do then but 200 pages to copy
    on their way. What depends on the process is the child's to renew: the thread's id, random numbers.
    """
    # A sibling's parent hears of its end as of this process's own.
    told = 0 if flags & CLONE_PARENT else 17
    if cgroup < 0:
        arguments = _CLONE_ARGS.pack(flags, 0, 0, 0, told, 0, 0, 0, 0, 0, 0)
    else:
        arguments = _CLONE_ARGS.pack(flags | CLONE_INTO_CGROUP, 0, 0, 0, told, 0, 0, 0, 0, 0, cgroup)
    pid = _syscall_locked(_NR_CLONE3, arguments, _CLONE_ARGS_SIZE)
    if pid < 0:
        _fail("clone3(%#x)", flags)
    return pid


def pidfd_open(pid):
    # type: (int) -> int
    """os.pidfd_open, which Python 3.8 doesn't have."""
    return _check(_syscall(_NR_PIDFD_OPEN, ctypes.c_int(pid), ctypes.c_uint(0)), "pidfd_open")


def close_descriptors(first, last=0xFFFFFFFF):
    # type: (int, int) -> None
    """Close every descriptor from `first` to `last`."""
    if first <= last and _syscall(_NR_CLOSE_RANGE, ctypes.c_uint(first), ctypes.c_uint(last), 0) < 0:
        os.closerange(first, min(last, 65536) + 1)


def loopback_up():
    # type: () -> None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        siocsifflags, iff_up, iff_running = 0x8914, 0x1, 0x40
        fcntl.ioctl(control, siocsifflags, struct.pack("16sH14x", b"lo", iff_up | iff_running))


class _FilterProgram(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def load_filter(program):
    # type: (bytes) -> None
    """Install a seccomp filter (classic BPF, 8 bytes an instruction) on this thread. Needs no_new_privs."""
    argument = _FilterProgram(len(program) // 8, program)
    seccomp_set_mode_filter = 1
    if _syscall(_NR_SECCOMP, seccomp_set_mode_filter, 0, ctypes.byref(argument)) < 0:
        _fail("seccomp")
