"""net/client.py: one request to somebody else's server, whatever that does."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from samovar.net import client

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def posted(behave: Behaviour, timeout_s: float = 30, path: str = "/a?b=c", body: bytes = b"hello") -> int:
    async def main() -> int:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await behave(reader, writer)
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            return await client.post(f"http://127.0.0.1:{port}{path}", {"X-Own": "1"}, body, timeout_s)
        finally:
            server.close()

    return asyncio.run(main())


def test_a_request_is_posted_and_its_status_read() -> None:
    seen = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        seen.extend([head, await reader.readexactly(5)])
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")

    assert posted(behave) == 202
    head, body = seen
    assert head.startswith("POST /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:")
    assert "\r\nX-Own: 1\r\n" in head
    assert "\r\nContent-Length: 5\r\nConnection: close\r\n" in head
    assert body == b"hello"


@pytest.mark.parametrize("answer", [b"", b"220 smtp ready\r\n", b"HTTP/1.1 abc\r\n", b"HTTP/1.1 200", b"x" * 200_000])
def test_what_is_no_answer_is_unreachable(answer: bytes) -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)

    with pytest.raises(client.Unreachable):
        posted(behave)


def test_a_server_that_says_nothing_is_unreachable_in_time() -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    with pytest.raises(client.Unreachable, match=r"no answer within 0\.2 s"):
        posted(behave, timeout_s=0.2)


@pytest.mark.parametrize(
    "url", ["", "http://", "http://[x/", "gopher://host/", "http://127.0.0.1:1/", "http://h:99999/"]
)
def test_what_is_no_address_or_has_nobody_is_unreachable(url: str) -> None:
    with pytest.raises(client.Unreachable):
        asyncio.run(client.post(url, {}, b"", 5))
