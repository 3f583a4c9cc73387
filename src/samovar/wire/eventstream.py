"""Event streams: a series of messages as one body, `application/vnd.amazon.eventstream`.

Owns: the framing (facts/lambda-api.md §11) and how a model's events become messages. Pure: the events come from an
async iterator, whatever makes them. Refuses: reading; no operation here takes events from its caller.

A message, big-endian: `u32 length of all | u32 length of the headers | u32 crc32 of these 8 bytes | headers | payload |
u32 crc32 of all before`. A header: `u8 length, name, u8 type, u16 length, value`; type 7 is a string, and no other is
needed.
"""

import struct
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from zlib import crc32

from samovar.wire.answer import Body
from samovar.wire.shapes import Description, Ref, Shape

CONTENT_TYPE = "application/vnd.amazon.eventstream"

_STRING = 7
_FRAMING = 16
"""Bytes of a message that are neither headers nor payload."""
_u32 = struct.Struct(">I").pack
_prelude = struct.Struct(">II").pack

Header = tuple[str, str]
WriteEvent = Callable[[Any], bytes]
Events = AsyncIterator[dict[str, Any]]
"""Each event is a dict with one key: the member of the stream's shape that it is."""


def message(headers: Sequence[Header], payload: bytes) -> bytes:
    packed = b"".join(_header(name.encode(), value.encode()) for name, value in headers)
    sizes = _prelude(_FRAMING + len(packed) + len(payload), len(packed))
    body = b"".join((sizes, _u32(crc32(sizes)), packed, payload))
    return body + _u32(crc32(body))


def _header(name: bytes, value: bytes) -> bytes:
    return b"%c%b%c%b%b" % (len(name), name, _STRING, len(value).to_bytes(2), value)


def writer(service: Description, stream: Shape, body: Body) -> Callable[[Events], "Encoded"]:
    """What makes the body of an answer whose payload is the shape `stream`."""
    writers = {name: _event_writer(service, name, ref, body) for name, ref in stream.members.items()}
    return lambda events: Encoded(events, writers)


class Encoded:
    """The bytes of a stream of events, each as soon as it is there."""

    def __init__(self, events: Events, writers: dict[str, WriteEvent]) -> None:
        self._events = events
        self._writers = writers

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        ((name, value),) = (await anext(self._events)).items()
        return self._writers[name](value)

    def close(self) -> None:
        """Nobody reads on: say so to whoever makes the events, if they want to know."""
        close = getattr(self._events, "close", None)
        if close is not None:
            close()


def _event_writer(service: Description, name: str, ref: Ref, body: Body) -> WriteEvent:
    event = service.shapes[ref.shape]
    payload = next((member for member, inner in event.members.items() if inner.eventpayload), "")
    if not payload:
        write = body.write_payload(name, ref)
        headers = _event_headers(name, body.content_type)
        return lambda value: message(headers, write(value))
    inner = event.members[payload]
    kind = service.shapes[inner.shape].type
    if kind == "blob":
        headers = _event_headers(name, "application/octet-stream")
        return lambda value: message(headers, value[payload])
    if kind == "string":
        headers = _event_headers(name, "text/plain")
        return lambda value: message(headers, value[payload].encode())
    write_inner = body.write_payload(payload, inner)
    headers = _event_headers(name, body.content_type)
    return lambda value: message(headers, write_inner(value[payload]))


def _event_headers(name: str, content_type: str) -> list[Header]:
    return [(":message-type", "event"), (":event-type", name), (":content-type", content_type)]
