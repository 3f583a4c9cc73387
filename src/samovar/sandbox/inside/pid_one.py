"""The program of a box's init: it makes some system calls, tells how they went, and sleeps until it is killed.

Owns: that program, which is written here, as data: a thing that only waits needs no language. Exec'd from a process
that shares its memory until then (vfork), and with nothing to load or to link, it starts in a third of a millisecond
and keeps 20 KB; a fork of the keeper took four times as long, and sleep(1) with its C library ten times the memory.

    while true: entry = the system call's number and five arguments, a step, whether failing is forgiven
                result = system call
                negative, and not forgiven: write the result to descriptor 1, exit
                entry += step; the last one's is nothing, so it is repeated for ever
Sources: elf(5), the psABI of each architecture, syscall(2) for the registers.
"""

from __future__ import annotations

import os
import struct

import syscalls

_CODE = {
    # lea rbx, [table]; next: mov rax, rdi, rsi, rdx, r10, r8 from [rbx]; syscall; test rax, rax; js failed
    # advance: add rbx, [rbx+48]; jmp next
    # failed: cmp [rbx+56], 0; jne advance; write(1, result, 8); exit_group(1)
    "x86_64": (62, bytes.fromhex(
        "488d1d51000000488b03488b7b08488b7310488b53184c8b53204c8b43280f054885c0780648035b30ebdc"
        "48837b380075f350b801000000bf010000004889e6ba080000000f05b8e7000000bf010000000f050f1f440000"
    )),
    # adr x19, table; next: ldp x8, x0, x1 .. x4 from [x19]; svc; tbnz x0, #63, failed
    # advance: ldr x9, [x19, #48]; add x19, x19, x9; b next
    # failed: ldr x9, [x19, #56]; cbnz x9, advance; write(1, result, 8); exit_group(1)
    "aarch64": (183, bytes.fromhex(
        "93020010680240a9610a41a9631242a9010000d48000f8b7691a40f97302098bf9ffff17"
        "691e40f989ffffb5e00f1ff8080880d2200080d2e1030091020180d2010000d4c80b80d2200080d2010000d4"
    )),
}  # fmt: skip
"""By architecture: its number in an ELF header, and the loop above, at whose end the entries begin."""
_NUMBERS = {
    "x86_64": {"mount": 165, "umount2": 166, "prctl": 157, "capset": 126, "write": 1, "close": 3, "ppoll": 271,
               "recvfrom": 45, "setns": 308},
    "aarch64": {"mount": 40, "umount2": 39, "prctl": 167, "capset": 91, "write": 64, "close": 57, "ppoll": 73,
                "recvfrom": 207, "setns": 268},
}
_AT = 0x400000
_PAGE = 0x10000
_ENTRY = struct.Struct("<8q")
_RESULT = struct.Struct("<q")
_HEADERS = 64 + 2 * 56


class Program:
    """Installed once, started often."""

    def __init__(self, calls):
        # type: (list) -> None
        """calls: [(name, arguments, whether failing is forgiven)], where an argument is a number or bytes."""
        everything = [*calls, *_SETTLED]
        self.folder = _install(_assembled(everything, os.uname().machine))

    def start(self, given=()):
        # type: (tuple) -> tuple
        """Start it in the namespaces that this process has for a child. given: what becomes its descriptors 0 and 2, in
        that order. Returns its pid, and where it tells how it went: see `wait`. This process's working directory is
        another one then."""
        told, tell = os.pipe()
        os.fchdir(self.folder)
        others = [(os.POSIX_SPAWN_CLOSE, fd) for fd in (0, 2)]  # type: list
        if given:
            others = [(os.POSIX_SPAWN_DUP2, fd, at) for fd, at in zip(given, (0, 2))]
        try:
            pid = os.posix_spawn("init", ["init"], {}, file_actions=[*others, (os.POSIX_SPAWN_DUP2, tell, 1)])
        except OSError:
            os.close(told)
            raise
        finally:
            os.close(tell)
        return pid, told


def waiting(kinds):
    # type: (int) -> list
    """The first calls of a program that waits for a datagram at its descriptor 0, and then joins the namespaces of the
    process at its descriptor 2. Of a pair of SOCK_DGRAM the end isn't heard: who never gets one waits until it's
    killed."""
    return [
        ("recvfrom", (0,), False),
        ("close", (0,), False),
        ("setns", (2, kinds), False),
        ("close", (2,), False),
    ]


def wait(told):
    # type: (int) -> None
    """Until the program sleeps. Raises OSError when it doesn't come to that."""
    answer = os.read(told, _RESULT.size)
    failed = -_RESULT.unpack(answer)[0] if len(answer) == _RESULT.size else 5  # EIO
    if failed:
        raise OSError(failed, "the shell's init failed: %s" % os.strerror(failed))


_SETTLED = [
    ("prctl", (syscalls.PR_SET_NO_NEW_PRIVS, 1), False),
    ("capset", (struct.pack("<Ii", 0x20080522, 0), bytes(24)), False),
    # Where the occupant has the same user (an ordinary user's server), it must not look into this process.
    ("prctl", (syscalls.PR_SET_DUMPABLE, 0), False),
    ("write", (1, _RESULT.pack(0), _RESULT.size), False),
    ("close", (1,), False),
    ("ppoll", (), True),
]


def _assembled(calls, machine):
    # type: (list, str) -> bytes
    """The whole file. KeyError on an architecture that it isn't written for."""
    elf_machine, code = _CODE[machine]
    strings = bytearray()
    strings_at = _AT + _HEADERS + len(code) + len(calls) * _ENTRY.size
    entries = b""
    for number, (name, arguments, forgiven) in enumerate(calls):
        values = []
        for argument in arguments:
            if isinstance(argument, bytes):
                values.append(strings_at + len(strings))
                strings += argument + bytes(-len(argument) % 8 or 8)
            else:
                values.append(argument)
        values += [0] * (5 - len(values))
        step = _ENTRY.size if number < len(calls) - 1 else 0
        entries += _ENTRY.pack(_NUMBERS[machine][name], *values, step, forgiven)
    body = code + entries + strings
    size = _HEADERS + len(body)
    identity = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = identity + struct.pack(
        "<HHIQQQIHHHHHH", 2, elf_machine, 1, _AT + _HEADERS, 64, 0, 0, 64, 56, 2, 0, 0, 0
    )
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, _AT, _AT, size, size, _PAGE)  # to be read and run
    stack = struct.pack("<IIQQQQQQ", 0x6474E551, 6, 0, 0, 0, 0, 0, 16)  # to be read and written, not run
    return header + load + stack + body


def _install(program):
    # type: (bytes) -> int
    """Put it into a folder of its own, which is mounted nowhere; a descriptor of that."""
    folder = syscalls.new_mount("tmpfs", syscalls.ATTR_NOSUID | syscalls.ATTR_NODEV)
    file = os.open("init", os.O_WRONLY | os.O_CREAT, 0o755, dir_fd=folder)
    try:
        os.write(file, program)
    finally:
        os.close(file)
    return folder
