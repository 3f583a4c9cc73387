"""Streaming handlers: what they write comes in pieces, as it is written."""

import time
from typing import Any

import pytest

DEFAULT = "application/octet-stream"


def answer(process: Any, number: int = 1, content_type: str = DEFAULT) -> tuple[str, bytes]:
    """How the response ended, and all of it; of a failed one, the error."""
    process.deliver(b"null", number)
    kind, content = process.answer(number)
    if kind != "S":
        return kind, content
    assert content.decode() == content_type
    streamed = b""
    while True:
        kind, content = process.answer(number)
        if kind != "D":
            return kind, streamed + content if kind == "R" else content
        streamed += content


@pytest.mark.parametrize("runtime", ["nodejs20.x", "nodejs24.x"])
def test_what_is_written_comes_in_its_order(start: Any, runtime: str) -> None:
    process = start(
        "exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {"
        " stream.write('a'); await new Promise((r) => setTimeout(r, 5)); stream.write(Buffer.from([0, 255]));"
        " stream.write({b: 1}); stream.end('c') })",
        runtime,
    )  # fmt: skip
    assert answer(process) == ("R", b'a\x00\xff{"b":1}c')
    assert answer(process, 2) == ("R", b'a\x00\xff{"b":1}c')


def test_the_http_prelude_and_its_eight_nuls_stand_before_the_body(start: Any) -> None:
    process = start(
        "const {pipeline} = require('stream/promises'); const {Readable} = require('stream');"
        "exports.handler = awslambda.streamifyResponse(async (event, stream) => {"
        " stream = awslambda.HttpResponseStream.from(stream, {statusCode: 201, headers: {a: 'b'}});"
        " await pipeline(Readable.from([Buffer.from('x'), Buffer.from('y')]), stream) })"
    )
    streamed = answer(process, content_type="application/vnd.awslambda.http-integration-response")
    assert streamed == ("R", b'{"statusCode":201,"headers":{"a":"b"}}' + bytes(8) + b"xy")


@pytest.mark.parametrize(
    ("body", "error_type", "message"),
    [
        ("async (e, stream) => { stream.write('a'); throw new RangeError('m') }", b"RangeError", b"m"),
        ("async (e, stream) => { stream.write('a') }", b"string", b"Response stream is not finished."),
        ("(e, stream) => { stream.end('a') }", b"string", b"Streaming does not support non-async handlers."),
        ("async (e, stream) => { stream.destroy(new Error('m')) }", b"Error", b"m"),
        ("async (e, stream) => { stream.write('a'); stream.setContentType('x/y') }",
         b"Runtime.InvalidStreamingOperation", b"Cannot set content-type, too late."),
    ],
)  # fmt: skip
def test_a_stream_that_breaks_fails_the_invocation(start: Any, body: str, error_type: bytes, message: bytes) -> None:
    process = start(f"exports.handler = awslambda.streamifyResponse({body})")
    kind, content = answer(process)
    assert kind == "E"
    assert content.startswith(b'{"errorType":"%s","errorMessage":"%s","trace":[' % (error_type, message))
    assert answer(process, 2)[0] == "E"


def test_what_was_streamed_to_its_end_counts_whatever_comes_after(start: Any) -> None:
    process = start(
        "exports.handler = awslambda.streamifyResponse(async (event, stream) => {"
        " stream.end('all'); await new Promise((r) => setTimeout(r, 5)); throw new Error('after') })"
    )
    assert answer(process) == ("R", b"all")
    assert "after" in process.events()[0]


def test_a_returned_value_is_ignored_with_a_warning(start: Any) -> None:
    process = start("exports.handler = awslambda.streamifyResponse(async (e, stream) => { stream.end('a'); return 1 })")
    assert answer(process) == ("R", b"a")
    assert process.events()[0].endswith("\tWARN\tStreaming handlers ignore return values.\n")


def test_a_piece_comes_while_the_handler_waits(start: Any) -> None:
    process = start(
        "exports.handler = awslambda.streamifyResponse(async (e, stream) => {"
        " stream.setContentType('text/plain'); stream.write('now'); await new Promise(() => setInterval(() => {})) })"
    )
    process.deliver(b"null")
    assert process.answer() == ("S", b"text/plain")
    assert process.answer() == ("D", b"now")


def test_an_empty_stream_has_a_beginning_and_an_end(start: Any) -> None:
    process = start("exports.handler = awslambda.streamifyResponse(async (e, stream) => stream.end())")
    process.deliver(b"null")
    assert process.answer() == ("S", DEFAULT.encode())
    assert process.answer() == ("R", b"")


def test_a_large_write_goes_in_small_frames(start: Any) -> None:
    process = start(
        "exports.handler = awslambda.streamifyResponse(async (e, stream) => stream.end(Buffer.alloc(6291557, 'x')))"
    )
    process.deliver(b"null")
    assert process.answer()[0] == "S"
    sizes = []
    while (frame := process.answer())[0] == "D":
        assert frame[1].strip(b"x") == b""
        sizes.append(len(frame[1]))
    assert frame == ("R", b"")
    assert (sum(sizes), max(sizes)) == (6291557, 60 * 1024)


def test_the_event_loop_goes_on_while_the_platform_takes_nothing(start: Any) -> None:
    process = start(
        "exports.handler = awslambda.streamifyResponse(async (e, stream) => {"
        " setTimeout(() => console.log('alive', stream.writableLength > 0), 50);"
        " stream.end(Buffer.alloc(4 << 20, 'x')) })"
    )
    process.deliver(b"null")
    deadline = time.monotonic() + 20
    while b"alive" not in process.output() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert b"alive true" in process.output()
    assert process.answer()[0] == "S"
    streamed = 0
    while (frame := process.answer())[0] == "D":
        streamed += len(frame[1])
    assert (frame, streamed) == (("R", b""), 4 << 20)


def test_an_error_during_a_blocked_write_follows_on_a_whole_frame(start: Any) -> None:
    process = start(
        "exports.handler = awslambda.streamifyResponse(async (e, stream) => {"
        " setTimeout(() => { throw new Error('boom') }, 20); stream.end(Buffer.alloc(4 << 20, 'x')) })"
    )
    process.deliver(b"null")
    assert process.answer()[0] == "S"
    while (frame := process.answer())[0] == "D":
        assert frame[1].strip(b"x") == b""
        while b"boom" not in process.output():
            time.sleep(0.005)
    assert frame[0] == "E" and b"boom" in frame[1]


def test_the_global_can_be_turned_off(make: Any) -> None:
    process = make({"index.js": "exports.handler = async () => typeof awslambda"})
    assert process.become("index.handler", AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA="1")[0] == "N"
    assert process.invoke() == "undefined"
