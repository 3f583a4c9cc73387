"""Whatever bytes arrive, the server answers in HTTP or hangs up, and goes on serving others."""

import asyncio
from collections.abc import Iterator

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from samovar.net.message import Limits, Reply, Request, Response
from samovar.net.server import Server, serve

_START = [b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\n", b"POST /x?y HTTP/1.0\r\n", b"HEAD http://h/ HTTP/1.1\r\n"]
_FIELDS = [
    b"Host: x\r\n",
    b"Content-Length: 3\r\n",
    b"Content-Length: 3, 3\r\n",
    b"Content-Length: 0x3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Connection: close\r\n",
    b"Connection: upgrade\r\nUpgrade: h2c\r\n",
    b"Expect: 100-continue\r\n",
    b" folded\r\n",
]
_BODIES = [
    b"",
    b"abc",
    b"3\r\nabc\r\n0\r\n\r\n",
    b"3\r\nabc\r\n",
    b"0\r\nX-Trailer: 1\r\n\r\n",
    b"fffffffff\r\n",
    b"A" * 3000,
]
_SHREDS = [b"GET ", b"PRI * ", b"/", b" HTTP/9.9\r\n", b"\r\n", b"\n", b"\r", b"\0", b": ", b"\xff\xfe"]
_garbage = st.lists(
    st.one_of(st.sampled_from([*_START, *_FIELDS, *_BODIES, *_SHREDS]), st.binary(max_size=20)), max_size=25
)
_request = st.builds(
    lambda start, fields, body: start + b"".join(fields) + b"\r\n" + body,
    st.sampled_from(_START),
    st.lists(st.sampled_from(_FIELDS), max_size=4),
    st.sampled_from(_BODIES),
)


class Rig:
    def __init__(self) -> None:
        self.runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.faults: list[dict[str, object]] = []
        self.runner.get_loop().set_exception_handler(lambda _, context: self.faults.append(context))
        limits = Limits(head_bytes=4096, body_bytes=1000)
        self.server: Server = self.runner.run(serve(self.handle, host="127.0.0.1", port=0, limits=limits))

    def handle(self, request: Request, reply: Reply) -> None:
        asyncio.get_running_loop().call_soon(reply, Response(200, [], request.body))

    async def provoke(self, pieces: list[bytes]) -> bytes:
        reader, writer = await asyncio.open_connection(*self.server.address)
        try:
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0)
            writer.write_eof()
            answer = await asyncio.wait_for(reader.read(), 5)
        except (OSError, RuntimeError):  # the server was done with us earlier
            answer = b""
        writer.transport.abort()
        return answer

    async def is_well(self) -> bool:
        while self.server.connections:  # noqa: ASYNC110
            await asyncio.sleep(0)
        answer = await self.provoke([b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok"])
        return answer.startswith(b"HTTP/1.1 200 OK\r\n") and answer.endswith(b"ok")

    def close(self) -> None:
        self.runner.run(self.server.close(0))
        self.runner.close()


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.close()


@settings(max_examples=400, deadline=None)
@given(pieces=st.one_of(_garbage, st.lists(_request, max_size=5)))
def test_random_bytes_neither_crash_nor_hang_the_server(rig: Rig, pieces: list[bytes]) -> None:
    answer = rig.runner.run(rig.provoke(pieces))
    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
    assert rig.runner.run(rig.is_well())
    assert rig.faults == []
