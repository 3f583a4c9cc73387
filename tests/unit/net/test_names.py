"""Questions for names and their answers, as bytes on the wire (RFC 1035 §4)."""

import asyncio
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samovar.net.names import Names, answer

HERE = "api.execute-api.us-east-1.amazonaws.com"
QUESTION, RECURSIVE, OTHER_OPCODE = 0x0000, 0x0100, 0x1000
A, AAAA, ANY, IN, CHAOS = 1, 28, 255, 1, 3
NO_ERROR, MALFORMED, NOT_IMPLEMENTED, REFUSED = 0, 1, 4, 5


def asked(name=HERE, kind=A, where=IN, flags=RECURSIVE, questions=1, behind=b""):
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    head = struct.pack("!6H", 0x1234, flags, questions, 0, 0, 0)
    return head + labels + b"\0" + struct.pack("!2H", kind, where) + behind


def known(name):
    return name == HERE


def said(question):
    """(code, what was asked comes back, addresses)."""
    found = answer(question, known)
    id, flags, questions, answers, _, _ = struct.unpack_from("!6H", found)
    assert id == 0x1234 and flags & 0x8000 and flags & RECURSIVE == struct.unpack_from("!H", question, 2)[0] & RECURSIVE
    end = question.find(b"\0", 12) + 5
    assert found[12 : end if questions else 12] == (question[12:end] if questions else b"")
    record = found[end if questions else 12 :]
    assert len(record) == 16 * answers
    return flags & 0xF, [socket.inet_ntoa(record[-4:])] if answers else []


def test_a_known_name_is_at_the_loopback_however_it_is_spelled():
    assert said(asked()) == said(asked(HERE.upper())) == said(asked(kind=ANY)) == (NO_ERROR, ["127.0.0.1"])
    assert said(asked(flags=QUESTION)) == (NO_ERROR, ["127.0.0.1"])
    assert said(asked(behind=b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0))) == (NO_ERROR, ["127.0.0.1"])  # EDNS


def test_it_has_nothing_of_other_kinds():
    assert said(asked(kind=AAAA)) == said(asked(kind=65)) == (NO_ERROR, [])


def test_other_names_are_refused_so_that_the_next_server_is_asked():
    assert said(asked("example.com")) == said(asked("example.com", AAAA)) == (REFUSED, [])
    assert said(asked(where=CHAOS)) == (REFUSED, [])
    assert said(asked("x" * 63 + ".example")) == (REFUSED, [])


@pytest.mark.parametrize(
    "question",
    [asked()[:-1], asked()[:20], asked()[:12], asked(questions=0), asked(questions=2), asked("x" * 64),
     asked(".".join(["x" * 60] * 5)), asked()[:12] + b"\xc0\x0c\0\1\0\1"],
)  # fmt: skip
def test_what_is_no_plain_question_is_malformed(question):
    assert said(question) == (MALFORMED, [])


def test_other_wishes_are_not_implemented():
    assert said(asked(flags=OTHER_OPCODE)) == (NOT_IMPLEMENTED, [])


@pytest.mark.parametrize("datagram", [b"", b"\0" * 11, asked(flags=0x8000)])
def test_what_is_no_question_is_not_answered(datagram):
    assert answer(datagram, known) is None


@given(st.binary(max_size=600))
def test_whatever_comes_is_answered_once_and_shortly_or_not_at_all(datagram):
    found = answer(datagram, lambda name: True)
    assert found is None or len(found) <= len(datagram) + 16


def test_questions_on_a_socket_are_answered_until_it_is_let_go():
    asyncio.run(_listen_and_let_go())


async def _listen_and_let_go():
    names, loop = Names(known), asyncio.get_running_loop()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        listener.bind(("127.0.0.1", 0))
        client.connect(listener.getsockname())
        client.setblocking(False)
        names.listen(listener, "a box")
        for _ in range(100):
            client.send(asked())
            client.send(b"nonsense")
        for _ in range(100):
            assert (await loop.sock_recv(client, 512))[-4:] == bytes((127, 0, 0, 1))
        names.unlisten(listener)
        client.send(asked())
        await asyncio.sleep(0)
        with pytest.raises(BlockingIOError):
            client.recv(512)
        names.listen(listener, "a box")
        assert await loop.sock_recv(client, 512)
        names.close()
