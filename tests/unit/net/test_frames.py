"""What is a message, and what breaks the protocol; an independent implementation speaks the other side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame as TheirFrame
from websockets.frames import Opcode as TheirOpcode

from samovar.net.frames import (
    Code,
    Frame,
    FrameLimits,
    FrameReader,
    Opcode,
    Violation,
    close_frame,
    close_reason,
    written,
)

LIMITS = FrameLimits(frame_bytes=1000, message_bytes=3000)


def sent(opcode: int, data: bytes, fin: bool = True) -> bytes:
    """A client's frame, as the other implementation writes it."""
    return TheirFrame(TheirOpcode(opcode), data, fin).serialize(mask=True)


def read(*chunks: bytes, limits: FrameLimits = LIMITS) -> tuple[list[Frame], int]:
    """(what was whole, the code of the violation or 0)."""
    reader, found = FrameReader(limits), []
    try:
        for chunk in chunks:
            found.extend(reader.feed(chunk))
    except Violation as broken:
        return found, broken.code
    return found, 0


def parse(data: bytes) -> list[tuple[int, bytes, bool]]:
    """Frames that a client gets, as the other implementation reads them."""
    found = []
    at = 0

    def exactly(n):
        nonlocal at
        piece, at = data[at : at + n], at + n
        return piece
        yield

    while at < len(data):
        reading = TheirFrame.parse(exactly, mask=False)
        try:
            next(reading)
        except StopIteration as done:
            found.append((int(done.value.opcode), bytes(done.value.data), done.value.fin))
    return found


def test_a_text_message_is_read_whole():
    assert read(sent(1, "grüß".encode())) == ([Frame(Opcode.TEXT, "grüß".encode())], 0)


def test_a_message_in_fragments_is_one_message_and_control_frames_may_come_between():
    frames = sent(1, b"ab", fin=False) + sent(9, b"ping") + sent(0, b"cd", fin=False) + sent(0, b"")
    assert read(frames) == ([Frame(Opcode.PING, b"ping"), Frame(Opcode.TEXT, b"abcd")], 0)


def test_bytes_may_come_one_at_a_time():
    data = sent(1, b"x" * 700) + sent(2, b"") + sent(8, b"\x03\xe8bye")
    found, code = read(*(bytes([byte]) for byte in data))
    assert (found, code) == (
        [Frame(Opcode.TEXT, b"x" * 700), Frame(Opcode.BINARY, b""), Frame(Opcode.CLOSE, b"\x03\xe8bye")],
        0,
    )


def test_characters_may_be_cut_between_fragments():
    euro = "€".encode()
    assert read(sent(1, euro[:1], fin=False) + sent(0, euro[1:])) == ([Frame(Opcode.TEXT, euro)], 0)


@pytest.mark.parametrize(
    "data, code",
    [
        (b"\x81\x01a", Code.PROTOCOL_ERROR),  # not masked
        (b"\xc1\x80\0\0\0\0", Code.PROTOCOL_ERROR),  # a reserved bit: no extension was agreed on
        (b"\x83\x80\0\0\0\0", Code.PROTOCOL_ERROR),  # a reserved opcode
        (b"\x8b\x80\0\0\0\0", Code.PROTOCOL_ERROR),
        (b"\x09\x80\0\0\0\0", Code.PROTOCOL_ERROR),  # a ping in fragments
        (b"\x89\xfe\x00\x7e", Code.PROTOCOL_ERROR),  # a long ping
        (sent(0, b"a"), Code.PROTOCOL_ERROR),  # nothing to continue
        (sent(1, b"a", fin=False) + sent(1, b"b"), Code.PROTOCOL_ERROR),  # two messages at once
        (sent(1, b"\xff"), Code.NOT_UTF8),
        (sent(1, b"\xed\xa0\x80"), Code.NOT_UTF8),  # half a surrogate pair
        (sent(1, b"x" * 1001), Code.TOO_BIG),
        (b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff", Code.TOO_BIG),  # refused by its length alone
        (b"".join(sent(0 if i else 1, b"x" * 1000, fin=False) for i in range(4)), Code.TOO_BIG),
    ],
)
def test_what_breaks_the_protocol_is_refused_with_the_code_that_says_why(data, code):
    assert read(data)[1] == code


def test_what_came_before_a_violation_still_counts():
    assert read(sent(1, b"good") + sent(0, b"bad")) == ([Frame(Opcode.TEXT, b"good")], Code.PROTOCOL_ERROR)


def test_an_idle_reader_keeps_nothing_of_what_it_has_read():
    reader = FrameReader(LIMITS)
    list(reader.feed(sent(1, b"x" * 900)))
    assert (reader._chunks, reader._fragments, reader._have) == ([], [], 0)


_frames = st.lists(
    st.tuples(st.sampled_from([1, 2, 8, 9, 10]), st.text(max_size=40).map(str.encode)), min_size=1, max_size=8
)


@given(_frames, st.lists(st.integers(1, 30), max_size=30))
def test_however_the_bytes_arrive_the_messages_are_the_same(frames, cuts):
    frames = [(opcode, data[:125]) for opcode, data in frames if opcode != 8 or not data]
    data = b"".join(sent(opcode, text) for opcode, text in frames if _fits(opcode, text))
    chunks = []
    for cut in cuts:
        chunks.append(data[:cut])
        data = data[cut:]
    found, code = read(*chunks, data)
    assert code == 0
    assert [(int(frame.opcode), frame.data) for frame in found] == [f for f in frames if _fits(*f)]


def _fits(opcode: int, text: bytes) -> bool:
    """`text` may have been cut inside a character."""
    return opcode != 1 or text.decode(errors="replace").encode() == text


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_any_bytes_are_read_or_refused(chunks):
    read(*chunks)


@given(st.binary(max_size=70_000), st.sampled_from([Opcode.TEXT, Opcode.BINARY]))
def test_what_is_written_can_be_read(payload, opcode):
    frames = parse(written(opcode, payload, 32 * 1024))
    assert b"".join(data for _, data, _ in frames) == payload
    assert [first for first, _, _ in frames] == [opcode, *[0] * (len(frames) - 1)]
    assert [fin for _, _, fin in frames] == [False] * (len(frames) - 1) + [True]
    assert all(len(data) <= 32 * 1024 for _, data, _ in frames)


def test_close_frames_carry_code_and_reason():
    assert parse(close_frame(1001, "Going away")) == [(8, b"\x03\xe9Going away", True)]
    assert parse(close_frame(Code.NO_STATUS)) == [(8, b"", True)]
    long = parse(close_frame(1000, "ü" * 200))[0][1]
    assert len(long) <= 125 and long[2:].decode() == "ü" * 61


@pytest.mark.parametrize("payload", [b"\x03", b"\x03\xed", b"\x03\xee", b"\x00\x00", b"\x13\x88", b"\x0b\xb7"])
def test_a_code_that_nobody_may_send_is_refused(payload):
    with pytest.raises(Violation):
        close_reason(payload)


def test_close_reasons_are_read():
    assert close_reason(b"") == (1005, "")
    assert close_reason(b"\x0f\xa0bye") == (4000, "bye")
    with pytest.raises(Violation) as broken:
        close_reason(b"\x03\xe8\xff")
    assert broken.value.code == Code.NOT_UTF8
