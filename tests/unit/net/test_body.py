"""A body that is read while it arrives."""

import asyncio

import pytest

from samovar.net.body import BodyStream, CutShort
from samovar.net.message import Incoming


def read(send, patience_s: float = 30.0) -> bytes | None:
    async def run() -> bytes | None:
        incoming = Incoming()
        stream = BodyStream(incoming, patience_s)
        asyncio.get_running_loop().call_soon(send, incoming)
        async with asyncio.timeout(20):
            return await stream.read(100)

    return asyncio.run(run())


def test_what_arrives_is_read_to_its_end() -> None:
    def send(incoming: Incoming) -> None:
        incoming.part(b"one")
        incoming.part(b"two")
        incoming.end({})

    assert read(send) == b"onetwo"


def test_a_body_that_ends_early_is_cut_short() -> None:
    with pytest.raises(CutShort):
        read(lambda incoming: incoming.end(None))


def test_a_client_that_sends_nothing_more_is_not_waited_for() -> None:
    with pytest.raises(CutShort):
        read(lambda incoming: incoming.part(b"half"), patience_s=0.01)
