"""The console of a Node.js function, and the lines of its failures."""

import json
import re
import struct
from typing import Any

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def test_a_console_call_is_one_framed_record_with_its_level(start: Any) -> None:
    process = start("exports.handler = async () => { console.warn('%s and', 'a', {b: 1}, '\\nü') }")
    process.invoke()
    output = process.output()
    kind, length, micros = struct.unpack(">IIQ", output[:16])
    assert kind == 0xA55A0003 | 0x10
    assert length == len(output) - 16
    assert micros % 1000 == 0
    pattern = rf"{TIME}\t{process.request_ids[1]}\tWARN\ta and {{ b: 1 }} \nü\n"
    assert re.fullmatch(pattern, output[16:].decode())


def test_every_method_has_its_level(start: Any) -> None:
    names = ["trace", "debug", "info", "log", "warn", "error", "fatal"]
    process = start(f"exports.handler = async () => {{ for (const n of {json.dumps(names)}) console[n](n) }}")
    process.invoke()
    levels = [line.split("\t")[2:] for line in process.events()]
    told = ["TRACE", "DEBUG", "INFO", "INFO", "WARN", "ERROR", "FATAL"]
    assert levels == [[level, name + "\n"] for level, name in zip(told, names, strict=True)]


def test_standard_output_stays_raw_and_in_its_place(start: Any) -> None:
    process = start("exports.handler = async () => { console.log(1); process.stdout.write('raw\\n'); console.log(2) }")
    process.invoke()
    first, raw, last = process.events()
    assert (first[-2:], raw, last[-2:]) == ("1\n", "raw\n", "2\n")


def test_a_failure_is_logged_with_the_error_s_own_properties(start: Any) -> None:
    process = start(
        "exports.handler = async () => { throw Object.assign(new Error('a\\nb'), {code: 'E1', extra: {x: 1}}) }"
    )
    process.fail()
    (line,) = process.events()
    head, _, content = line.partition(" \t")
    assert re.fullmatch(rf"{TIME}\t{process.request_ids[1]}\tERROR\tInvoke Error", head)
    error = json.loads(content)
    assert list(error) == ["errorType", "errorMessage", "code", "extra", "stack"]
    assert error["stack"][:2] == ["Error: a", "b"]


def test_json_lines_have_aws_s_keys(start: Any) -> None:
    process = start(
        "exports.handler = async () => { console.log({a: 1}); console.info('x %d', 1); console.debug('hidden');"
        " console.error('bad:', new RangeError('m')); console.warn(new RangeError('w')); throw new TypeError('t') }",
        AWS_LAMBDA_LOG_FORMAT="JSON",
        AWS_LAMBDA_LOG_LEVEL="INFO",
    )
    process.fail()
    assert struct.unpack(">I", process.output()[:4])[0] == 0xA55A0002 | 0x0C
    one, two, three, four, five = map(json.loads, process.events())
    assert list(one) == ["timestamp", "level", "requestId", "message"]
    assert (one["level"], one["requestId"], one["message"]) == ("INFO", process.request_ids[1], {"a": 1})
    assert two["message"] == "x 1"
    assert three["level"] == "ERROR"
    assert (three["errorType"], three["errorMessage"]) == ("RangeError", "m")
    assert three["stackTrace"][0] == "RangeError: m"
    assert four["message"]["errorType"] == "RangeError"
    assert five["message"]["errorMessage"] == "t"


def test_json_that_cannot_be_made_becomes_text(start: Any) -> None:
    process = start("exports.handler = async () => { console.log({n: 1n}) }", AWS_LAMBDA_LOG_FORMAT="JSON")
    process.invoke()
    assert json.loads(process.events()[0])["message"] == "{ n: 1n }"


def test_before_the_first_invocation_there_is_no_request_id(start: Any) -> None:
    source = "console.log('at init'); exports.handler = async () => 1"
    assert "\tundefined\tINFO\tat init\n" in start(source).events()[0]
    assert "\t-\tINFO\tat init\n" in start(source, "nodejs24.x").events()[0]
    assert "requestId" not in json.loads(start(source, AWS_LAMBDA_LOG_FORMAT="JSON").events()[0])


def test_a_record_larger_than_the_pipe_arrives_whole_from_a_reader_that_is_late(make: Any) -> None:
    # Having touched process.stdout, Node.js has made the pipe non-blocking.
    source = "exports.handler = async () => { process.stdout.write(''); console.log('x'.repeat(300000)); return 1 }"
    process = make({"index.js": source}, piped=True)
    assert process.become("index.handler")[0] == "N"
    process.deliver(b"null")
    _, length, _ = struct.unpack(">IIQ", process.process.stdout.read(16))
    assert process.process.stdout.read(length).endswith(b"\tINFO\t" + b"x" * 300000 + b"\n")
    assert process.answer() == ("R", b"1")
