"""HTTP/1.1 requests to somebody else's server: one connection, one request, its status.

Owns: `post`. Refuses: redirects, reading bodies (whoever is told of an event has nothing to say), keeping connections.
Everything that comes back is hostile: heads have a limit, and the whole has a deadline.
"""

import asyncio
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

LONGEST_HEAD = 65_536
_PORTS = {"http": 80, "https": 443}


class Unreachable(Exception):
    """No answer: the reason, for a log."""


async def post(url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> int:
    """The status that `url` answers; Unreachable when there is none in time."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise Unreachable(f"not a URL: {error}") from None
    if not host or not port:
        raise Unreachable(f"not a URL: {url}")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    sent = {"Host": parts.netloc.rpartition("@")[2], **headers, "Content-Length": str(len(body)), "Connection": "close"}
    head = f"POST {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in sent.items()) + "\r\n"
    try:
        async with asyncio.timeout(timeout_s):
            return await _exchange(host, port, parts.scheme == "https", head.encode() + body)
    except TimeoutError:
        raise Unreachable(f"no answer within {timeout_s:g} s") from None
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
        raise Unreachable(str(error) or type(error).__name__) from error


async def _exchange(host: str, port: int, secure: bool, request: bytes) -> int:
    context = ssl.create_default_context() if secure else None
    reader, writer = await asyncio.open_connection(host, port, ssl=context, limit=LONGEST_HEAD)
    try:
        writer.write(request)
        await writer.drain()
        line = await reader.readuntil(b"\r\n")
        version, _, rest = line.decode("latin-1").partition(" ")
        status = rest[:3]
        if not version.startswith("HTTP/1.") or not status.isdigit():
            raise ValueError("the answer isn't HTTP")
        return int(status)
    finally:
        writer.close()
