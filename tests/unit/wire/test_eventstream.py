"""Event streams, read back by botocore's own parser, and held against a message written by hand."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from zlib import crc32

import botocore.session
import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.parsers import EventStreamJSONParser, EventStreamXMLParser

from samovar.wire import eventstream
from samovar.wire.answer import Answer
from samovar.wire.model import Models


async def given(*events: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    for event in events:
        yield event


def gathered(body: Any) -> list[bytes]:
    async def gather() -> list[bytes]:
        return [part async for part in body]

    return asyncio.run(gather())


def test_a_message_is_framed_byte_for_byte() -> None:
    sizes = bytes.fromhex("0000001f 0000000e")
    header = b"\x02ab\x07\x00\x08" + "wörter!".encode()
    prelude = sizes + crc32(sizes).to_bytes(4)
    whole = prelude + header + b"x"
    assert len(whole) + 4 == 0x1F
    assert eventstream.message([("ab", "wörter!")], b"x") == whole + crc32(whole).to_bytes(4)


@pytest.mark.parametrize("payload", [b"", b"\x00\xff", bytes(range(256)) * 1000])
def test_botocore_reads_headers_and_payload_back(payload: bytes) -> None:
    headers = [(":message-type", "event"), (":event-type", "PayloadChunk"), ("empty", "")]
    buffer = EventStreamBuffer()
    written = eventstream.message(headers, payload) * 2
    for at in range(0, len(written), 7):
        buffer.add_data(written[at : at + 7])
    assert [(message.headers, message.payload) for message in buffer] == [(dict(headers), payload)] * 2


def read_back(service: str, operation: str, member: str, answer: Answer) -> list[Any]:
    model = botocore.session.get_session().get_service_model(service)
    shape = model.operation_model(operation).output_shape.members[member]
    parser = EventStreamXMLParser() if model.resolved_protocol == "rest-xml" else EventStreamJSONParser()
    return [parser.parse(message.to_response_dict(), shape) for message in messages(*gathered(answer.body))]


def messages(*parts: bytes) -> list[Any]:
    buffer = EventStreamBuffer()
    for part in parts:
        buffer.add_data(part)
    return list(buffer)


def test_the_events_of_lambda_come_back_as_they_were(models: Models) -> None:
    events = [
        {"PayloadChunk": {"Payload": b"\x00abc"}},
        {"PayloadChunk": {"Payload": b"d" * 100_000}},
        {"InvokeComplete": {"ErrorCode": "E", "ErrorDetails": '{"a": 1}', "LogResult": "bG9n"}},
        {"InvokeComplete": {}},
    ]
    result = {"StatusCode": 200, "ExecutedVersion": "7", "EventStream": given(*events)}
    answer = models["lambda"].operation("InvokeWithResponseStream").serialize(result, "r")
    assert answer.status == 200
    assert answer.headers == [
        ("x-amzn-RequestId", "r"),
        ("X-Amz-Executed-Version", "7"),
        ("Content-Type", "application/vnd.amazon.eventstream"),
    ]
    assert read_back("lambda", "InvokeWithResponseStream", "EventStream", answer) == events


def test_each_event_is_a_part_of_its_own_with_its_content_type(models: Models) -> None:
    stream = given({"PayloadChunk": {"Payload": b"x"}}, {"InvokeComplete": {}})
    answer = models["lambda"].operation("InvokeWithResponseStream").serialize({"EventStream": stream}, "r")
    (first,), (last,) = (messages(part) for part in gathered(answer.body))
    event = {":message-type": "event"}
    assert first.headers == event | {":event-type": "PayloadChunk", ":content-type": "application/octet-stream"}
    assert first.payload == b"x"
    assert last.headers == event | {":event-type": "InvokeComplete", ":content-type": "application/json"}
    assert last.payload == b"{}"


def test_events_in_xml_come_back_as_well(models: Models) -> None:
    events = [
        {"Records": {"Payload": b"1,2\n"}},
        {"Stats": {"Details": {"BytesScanned": 1, "BytesProcessed": 2, "BytesReturned": 3}}},
        {"End": {}},
    ]
    answer = models["s3"].operation("SelectObjectContent").serialize({"Payload": given(*events)}, "r")
    assert read_back("s3", "SelectObjectContent", "Payload", answer) == events


def test_an_answer_without_a_body_has_no_events(models: Models) -> None:
    answer = models["lambda"].operation("InvokeWithResponseStream").serialize({"StatusCode": 204}, "r")
    assert (answer.status, answer.body) == (204, b"")


def test_whoever_makes_the_events_hears_that_nobody_reads_on(models: Models) -> None:
    class Source:
        closed = 0

        def __aiter__(self) -> "Source":
            return self

        async def __anext__(self) -> dict[str, Any]:
            return {"InvokeComplete": {}}

        def close(self) -> None:
            self.closed += 1

    source = Source()
    serialize = models["lambda"].operation("InvokeWithResponseStream").serialize
    serialize({"EventStream": source}, "r").body.close()  # type: ignore[union-attr]
    assert source.closed == 1
    serialize({"EventStream": given()}, "r").body.close()  # type: ignore[union-attr]
