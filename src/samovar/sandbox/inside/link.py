"""Messages with descriptors between the server and its helpers: JSON over a SOCK_SEQPACKET socket."""

from __future__ import annotations

import array
import json
import os
import socket

LARGEST = 64 * 1024
MOST_DESCRIPTORS = 16


def send(link, message, descriptors=(), encode=None):
    # type: (socket.socket, dict, tuple | list, object) -> None
    """encode: the server's own, which is faster."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    link.sendmsg([encode(message) if encode else json.dumps(message).encode()], rights)  # type: ignore[operator]


def receive(link, decode=json.loads):
    # type: (socket.socket, object) -> tuple
    """The next (message, descriptors); (None, []) when the other side has gone."""
    space = socket.CMSG_LEN(MOST_DESCRIPTORS * 4)
    try:
        data, ancillary, _, _ = link.recvmsg(LARGEST, space, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:  # gone with something of ours unread
        return None, []
    descriptors = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    if not data:
        close_all(descriptors)
        return None, []
    try:
        return decode(data), list(descriptors)  # type: ignore[operator]
    except (ValueError, RecursionError):
        close_all(descriptors)
        raise


def close_all(descriptors):
    # type: (object) -> None
    for fd in descriptors:  # type: ignore[attr-defined]
        os.close(fd)
