"""InvokeWithResponseStream, and what Invoke makes of a function that streams."""

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

MB = 1 << 20
TOO_LARGE = {
    "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    "errorType": "Function.ResponseSizeTooLarge",
}
COUNTING = """
    const piece = Buffer.alloc(1 << 16, 'x');
    for (let n = 1; n <= event.mb * 16; n++) {
      if (!stream.write(piece)) await new Promise((resolve) => stream.once('drain', resolve));
      if (n % 16 === 0) console.log(`written ${n / 16}`);
    }
    stream.end();
"""


def until(condition: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def written(function: Any) -> int:
    """How many MB COUNTING has got rid of, as its log says."""
    lines = [line for lines in function.log().values() for line in lines if "written" in line]
    return int(lines[-1].split()[-1]) if lines else 0


def at_rest(number: Callable[[], int], times: int = 20) -> int:
    """A number that grows, when it hasn't for as many looks at it."""
    same, last = 0, number()
    while same < times:
        time.sleep(0.02)
        same, last = (same + 1, last) if number() == last else (0, number())
    return last


def resident_mb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))) >> 10


def test_the_first_piece_arrives_while_the_function_still_runs(stream, invoke, open_gate):
    function = stream("stream.write('first'); await gate(context, 'go'); stream.end('last');")
    events = invoke(function)
    assert events.piece() == b"first"
    open_gate(function, "go")
    assert events.piece() == b"last"
    assert events.rest() == b"" and events.complete == {}


def test_the_answer_is_an_event_stream_of_the_executed_version(stream, invoke):
    events = invoke(stream("stream.end('x');"), Payload=b"{}")
    assert events.response["StatusCode"] == 200
    assert events.response["ExecutedVersion"] == "$LATEST"
    headers = events.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["content-type"] == "application/vnd.amazon.eventstream"
    assert headers["transfer-encoding"] == "chunked"


def test_an_environment_streams_again_and_again(stream, invoke):
    function = stream("globalThis.n = (globalThis.n ?? 0) + 1; stream.write(`${n}`); stream.end(event.more);")
    answers = [invoke(function, Payload=b'{"more": "%d"}' % n).rest() for n in range(3)]
    assert answers == [b"10", b"21", b"32"]


def test_the_log_comes_with_the_last_event(stream, invoke):
    events = invoke(stream("console.log('hello'); stream.end('x');"), LogType="Tail")
    assert events.rest() == b"x"
    log = base64.b64decode(events.complete["LogResult"]).decode()
    assert "hello" in log and "REPORT RequestId" in log
    assert events.complete.keys() == {"LogResult"}


def test_an_error_in_the_middle_is_told_after_what_was_written(stream, invoke):
    function = stream("stream.write('some'); await gate(context, 'go'); throw new RangeError('no more');")
    events = invoke(function)
    assert events.piece() == b"some"
    function.platform.client("lambda").tag_resource(
        Resource=f"arn:aws:lambda:us-east-1:123456789012:function:{function.name}", Tags={"go": "on"}
    )
    assert events.rest() == b""
    assert events.complete["ErrorCode"] == "RangeError"
    assert json.loads(events.complete["ErrorDetails"])["errorMessage"] == "no more"
    assert events.response["StatusCode"] == 200


def test_a_timeout_in_the_middle_ends_the_stream(stream, invoke):
    events = invoke(stream("stream.write('some'); await gate(context, 'never');", Timeout=1))
    assert events.piece() == b"some"
    assert events.rest() == b""
    assert events.complete["ErrorCode"] == "Sandbox.Timedout"
    assert "Task timed out after 1.00 seconds" in events.complete["ErrorDetails"]


def test_a_process_that_ends_in_the_middle_ends_the_stream(stream, invoke):
    function = stream("stream.write('some'); await gate(context, 'go'); process.exit(3);")
    events = invoke(function)
    assert events.piece() == b"some"
    function.platform.client("lambda").tag_resource(
        Resource=f"arn:aws:lambda:us-east-1:123456789012:function:{function.name}", Tags={"go": "on"}
    )
    assert events.rest() == b""
    assert events.complete["ErrorCode"] == "Runtime.ExitError"
    again = invoke(function)  # a new process
    assert again.piece() == b"some"


def test_an_error_before_the_first_byte_is_told_in_the_stream(stream, invoke):
    events = invoke(stream("throw new Error('at once');"))
    assert events.response["StatusCode"] == 200
    assert events.rest() == b""
    assert events.complete["ErrorCode"] == "Error"


@pytest.mark.parametrize("runtime", ["python", "nodejs20.x"])
def test_a_function_that_doesnt_stream_answers_in_one_piece(deploy, stream, invoke, runtime):
    if runtime == "python":
        function = deploy("def handler(event, context):\n    return {'statusCode': 201, 'body': event['b']}")
    else:
        stream("stream.end()")  # skips where there is no node
        code = "exports.handler = async (event) => ({statusCode: 201, body: event.b})"
        function = deploy({"index.js": code}, Runtime=runtime, Handler="index.handler")
    events = invoke(function, Payload=b'{"b": "x"}')
    assert json.loads(events.piece()) == {"statusCode": 201, "body": "x"}
    assert events.rest() == b"" and events.complete == {}


def test_a_python_error_is_told_in_the_stream(deploy, invoke):
    events = invoke(deploy("def handler(event, context):\n    raise KeyError('k')"))
    assert events.rest() == b""
    assert events.complete["ErrorCode"] == "KeyError"


def test_invoke_gets_the_whole_of_a_streaming_function(stream):
    answer = stream("stream.write('a'); await null; stream.write('b'); stream.end('c');")()
    assert (answer.error, answer.payload) == (None, b"abc")


def test_invoke_of_a_stream_that_fails_gets_the_error(stream):
    assert stream("stream.write('a'); throw new RangeError('m');")().failure == ("RangeError", "m")


def test_invoke_takes_no_more_than_six_megabytes_of_a_stream(stream):
    function = stream("stream.end(Buffer.alloc(event, 'x'));", MemorySize=512)
    assert len(function(6_291_556).payload) == 6_291_556
    answer = function(6_291_557)
    assert (answer.error, answer.value) == ("Unhandled", TOO_LARGE)
    assert len(function(5).payload) == 5


def test_a_stream_may_be_larger_than_an_answer(stream, invoke):
    function = stream("stream.end(Buffer.alloc(event, 'x'));", MemorySize=512)
    answer = invoke(function, Payload=b"%d" % (20 * MB)).rest()
    assert len(answer) == 20 * MB and answer.strip(b"x") == b""


def test_a_slow_reader_holds_the_function_back_and_not_the_servers_memory(stream, url, platform):
    function = stream(COUNTING.replace("event.mb", "60"), MemorySize=512)
    visitor = url(function)
    before = resident_mb(platform.pid)
    connection = visitor.raw()
    assert until(lambda: written(function) > 0)
    assert at_rest(lambda: written(function)) < 20
    assert resident_mb(platform.pid) - before < 20
    received = 0
    while data := connection.recv(1 << 20):
        received += len(data)
    assert received > 60 * MB
    assert resident_mb(platform.pid) - before < 20


def test_a_client_that_goes_doesnt_stop_the_function(stream, url):
    function = stream(COUNTING.replace("event.mb", "60"), MemorySize=512)
    connection = url(function).raw()
    assert connection.recv(1)
    connection.close()
    assert until(lambda: written(function) == 60)


def test_dry_run_runs_nothing(stream, invoke):
    function = stream("stream.end('x');")
    assert invoke(function, InvocationType="DryRun").response["StatusCode"] == 204
    assert function.log() == {}


def test_what_invoke_refuses_is_refused_before_the_stream(stream, invoke, platform):
    function = stream("stream.end('x');")
    cases: list[tuple[dict[str, Any], str, int]] = [
        ({"Payload": b"{"}, "InvalidRequestContentException", 400),
        ({"InvocationType": "Event"}, "ValidationException", 400),
        ({"Qualifier": "7"}, "ResourceNotFoundException", 404),
    ]
    for options, code, status in cases:
        with pytest.raises(ClientError) as refused:
            invoke(function, **options)
        assert refused.value.response["Error"]["Code"] == code
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    platform.client("lambda").put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError) as refused:
        invoke(function)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429


def test_pace_streams_holds_a_stream_to_awss_speed(stream, platforms):
    """After 6 MB, 2 MB a second (facts/lambda-limits.md §1)."""
    stream("stream.end();")  # skips where there is no node
    server = platforms("--ephemeral", "--pace-streams")
    try:
        code = "exports.handler = awslambda.streamifyResponse(async (n, stream) => { stream.end(Buffer.alloc(n)); });"
        function = server.deploy({"index.js": code}, Runtime="nodejs20.x", Handler="index.handler", Timeout=30)
        began = time.monotonic()
        response = server.client("lambda").invoke_with_response_stream(
            FunctionName=function.name, Payload=b"%d" % (7 * MB)
        )
        sizes = [len(event.get("PayloadChunk", {}).get("Payload", b"")) for event in response["EventStream"]]
        assert sum(sizes) == 7 * MB
        assert time.monotonic() - began > 0.45
    finally:
        server.stop()
