"""Messages with descriptors between the server and its helpers: JSON over a SOCK_SEQPACKET socket."""

from __future__ import annotations

import json
import os
import socket
import struct

LARGEST = 64 * 1024
MOST_DESCRIPTORS = 16
_DESCRIPTOR = struct.calcsize("i")
_SPACE = socket.CMSG_LEN(MOST_DESCRIPTORS * _DESCRIPTOR)
# As plain numbers: the enumerations of `socket` are slow, and their pages many, which a zygote copies after each fork.
_SOCKET, _RIGHTS, _CLOSING = int(socket.SOL_SOCKET), int(socket.SCM_RIGHTS), int(socket.MSG_CMSG_CLOEXEC)
_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


def send(link, message, descriptors=(), encode=None):
    # type: (socket.socket, dict, tuple | list, object) -> None
    """encode: the server's own, which is faster."""
    send_bytes(link, encode(message) if encode else json.dumps(message).encode(), descriptors)  # type: ignore[operator]


def send_bytes(link, message, descriptors=()):
    # type: (socket.socket, bytes, tuple | list) -> None
    """`message`: JSON."""
    rights = ()  # type: tuple
    if descriptors:
        rights = ((_SOCKET, _RIGHTS, struct.pack("%di" % len(descriptors), *descriptors)),)
    link.sendmsg((message,), rights)


def decode(data):
    # type: (bytes) -> dict
    """JSON, on the shortest way to it; ValueError where it's none."""
    try:
        return _scan(str(data, "utf-8"), 0)[0]
    except StopIteration:
        raise ValueError("no JSON") from None


def receive(link, decode=decode):
    # type: (socket.socket, object) -> tuple
    """The next (message, descriptors); (None, []) when the other side has gone."""
    try:
        data, ancillary, _, _ = link.recvmsg(LARGEST, _SPACE, _CLOSING)
    except ConnectionResetError:  # gone with something of ours unread
        return None, []
    descriptors = []  # type: list
    for level, kind, content in ancillary:
        if level == _SOCKET and kind == _RIGHTS:
            count = len(content) // _DESCRIPTOR
            descriptors += struct.unpack("%di" % count, content[: count * _DESCRIPTOR])
    if not data:
        close_all(descriptors)
        return None, []
    try:
        return decode(data), descriptors  # type: ignore[operator]
    except (ValueError, RecursionError):
        close_all(descriptors)
        raise


def close_all(descriptors):
    # type: (object) -> None
    for fd in descriptors:  # type: ignore[attr-defined]
        os.close(fd)
