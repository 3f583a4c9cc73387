"""Whether the far end of a connection is closed and had certainly not read all that was sent to it.

The kernel's word, which the far end can't choose: closing a socket with unread bytes in it resets the connection, Unix
(unix(7), `unix_release_sock`) and TCP (RFC 2525 §2.17), and so do bytes that come after. Nothing is said of a far end
that lives.
"""

import asyncio
import select


def is_unread(transport: asyncio.WriteTransport) -> bool:
    """Of a connection whose end hasn't been read yet; `is_reset` tells it of one that was lost. While the loop is
    between the two, this says False."""
    descriptor = transport.get_extra_info("socket").fileno()
    if descriptor < 0:
        return False
    poll = select.poll()
    poll.register(descriptor, 0)
    events = poll.poll(0)
    if not events or not events[0][1] & select.POLLHUP:
        return False
    return bool(events[0][1] & select.POLLERR) or transport.get_write_buffer_size() > 0


def is_reset(error: Exception | None) -> bool:
    return isinstance(error, ConnectionResetError | BrokenPipeError)
