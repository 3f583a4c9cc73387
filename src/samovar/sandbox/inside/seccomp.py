"""The system-call filter of every box, as classic BPF, generated for the machine's architecture.

Everything is allowed but what reaches for the host: mounts, namespaces, kernel modules and keys, other processes'
memory, io_uring (whose operations no filter sees), and socket families other than local and IP ones (a guest's vsock
would reach its hypervisor). Numbers: asm/unistd_64.h (x86_64), asm-generic/unistd.h (aarch64).
"""

from __future__ import annotations

import errno
import os
import struct

# name: (x86_64, aarch64); None where the architecture doesn't have it.
DENIED = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "name_to_handle_at": (303, 264),
    "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}
ABSENT = {
    "clone3": (435, 435),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
}
CLONE = (56, 220)
SOCKET = (41, 198)
FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK (getifaddrs)

_NAMESPACE_FLAGS = 0x7E020000
_ARCH = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_OFFSET_NUMBER, _OFFSET_ARCH, _OFFSET_ARGUMENT_0 = 0, 4, 16


def program(machine=None, allowed=()):
    # type: (str | None, tuple) -> bytes
    """The filter's instructions, less what is `allowed`. Raises KeyError on an architecture that it doesn't know."""
    column, audit = _ARCH[machine or os.uname().machine]
    numbers = [DENIED[name][column] for name in DENIED if name not in allowed]
    denied = sorted(number for number in numbers if number is not None)
    absent = sorted(numbers[column] for numbers in ABSENT.values())

    code = _prologue(column, audit)
    for number in absent:  # ENOSYS, not EPERM: libc then takes the older call, which the filter can look into
        code += _refuse(number, errno.ENOSYS)
    for number in denied:
        code += _refuse(number, errno.EPERM)
    code.append((_JUMP_EQUAL, 0, 4, CLONE[column]))
    code.append((_LOAD, 0, 0, _OFFSET_ARGUMENT_0))
    code.append((_JUMP_BITS, 0, 1, _NAMESPACE_FLAGS))
    code.append((_RETURN, 0, 0, _ERRNO | errno.EPERM))
    code.append((_RETURN, 0, 0, _ALLOW))
    code.append((_JUMP_EQUAL, 0, len(FAMILIES) + 2, SOCKET[column]))
    code.append((_LOAD, 0, 0, _OFFSET_ARGUMENT_0))
    for i, family in enumerate(FAMILIES):
        code.append((_JUMP_EQUAL, len(FAMILIES) - i, 0, family))
    code.append((_RETURN, 0, 0, _ERRNO | errno.EAFNOSUPPORT))
    code.append((_RETURN, 0, 0, _ALLOW))
    return _assembled(code)


def refusing(names, machine=None):
    # type: (tuple, str | None) -> bytes
    """A filter that takes away these calls alone, for a process that has the other filter already."""
    column, audit = _ARCH[machine or os.uname().machine]
    code = _prologue(column, audit)
    for name in names:
        number = DENIED[name][column]
        if number is not None:
            code += _refuse(number, errno.EPERM)
    return _assembled([*code, (_RETURN, 0, 0, _ALLOW)])


def _prologue(column, audit):
    # type: (int, int) -> list
    code = [
        (_LOAD, 0, 0, _OFFSET_ARCH),
        (_JUMP_EQUAL, 1, 0, audit),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
        (_LOAD, 0, 0, _OFFSET_NUMBER),
    ]
    if column == 0:  # the x32 calls, numbered from 2**30, would go round the table
        code += [(_JUMP_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    return code


def _refuse(number, value):
    # type: (int, int) -> list
    return [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | value)]


def _assembled(code):
    # type: (list) -> bytes
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)
