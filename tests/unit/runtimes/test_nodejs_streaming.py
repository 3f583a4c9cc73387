"""Streaming handlers: what they write is one answer, as the platform doesn't stream yet."""

from typing import Any

import pytest


def answer(process: Any, number: int = 1) -> tuple[str, bytes]:
    process.deliver(b"null", number)
    result: tuple[str, bytes] = process.answer(number)
    return result


@pytest.mark.parametrize("runtime", ["nodejs20.x", "nodejs24.x"])
def test_what_is_written_comes_as_one_answer(start: Any, runtime: str) -> None:
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
    assert answer(process) == ("R", b'{"statusCode":201,"headers":{"a":"b"}}' + bytes(8) + b"xy")


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


def test_a_stream_above_the_limit_of_a_buffered_answer_is_told_as_such(start: Any) -> None:
    process = start(
        "exports.handler = awslambda.streamifyResponse(async (e, stream) => stream.end(Buffer.alloc(6291557)))"
    )
    assert answer(process) == ("L", b"")


def test_the_global_can_be_turned_off(make: Any) -> None:
    process = make({"index.js": "exports.handler = async () => typeof awslambda"})
    assert process.become("index.handler", AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA="1")[0] == "N"
    assert process.invoke() == "undefined"
