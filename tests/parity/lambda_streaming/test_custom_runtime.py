"""A custom runtime streams by a chunked POST to the Runtime API (facts/lambda-runtime.md §1)."""

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

CURL = """\
    #!/bin/sh
    while true; do
      id=$(curl -sS -D - -o /tmp/event "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next" \\
        | tr -d '\\r' | sed -n 's/^lambda-runtime-aws-request-id: //ip')
      (printf first; sleep 0.2; printf second; cat /tmp/event) | curl -sS -o /tmp/status -X POST -T - \\
        -H "Lambda-Runtime-Function-Response-Mode: streaming" -H "Content-Type: text/plain" \\
        "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response"
    done
"""

RAW = """\
    #!/usr/bin/python3
    # Does with its socket what the event says: [bytes to send, ...]; "next" waits for an answer in between.
    import json, os, socket

    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    BASE = "/2018-06-01/runtime/invocation/"

    def answer(reader):
        status = int(reader.readline().split()[1])
        headers = {}
        while (line := reader.readline()) != b"\\r\\n":
            name, value = line.decode().split(": ", 1)
            headers[name.lower()] = value.strip()
        return status, headers, reader.read(int(headers.get("content-length", 0)))

    told = None
    while True:
        connection = socket.create_connection((host, int(port)))
        reader = connection.makefile("rb")
        connection.sendall(f"GET {BASE}next HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n".encode())
        _, headers, event = answer(reader)
        id = headers["lambda-runtime-aws-request-id"]
        wanted = json.loads(event)
        if wanted == "told":
            body = json.dumps(told).encode()
            head = f"POST {BASE}{id}/response HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n"
            connection.sendall(head.encode() + body)
            answer(reader)
            continue
        mode = wanted.pop(0)
        head = (f"POST {BASE}{id}/response HTTP/1.1\\r\\nHost: x\\r\\nTransfer-Encoding: chunked\\r\\n"
                f"Lambda-Runtime-Function-Response-Mode: {mode}\\r\\n"
                "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\\r\\n\\r\\n")
        connection.sendall(head.encode() + "".join(wanted).encode())
        if "hang up" in mode or not wanted or not wanted[-1].endswith("\\r\\n\\r\\n"):
            connection.shutdown(socket.SHUT_WR)
        status, _, body = answer(reader)
        told = [status, body.decode()]
        connection.close()
"""


def chunk(text: str) -> str:
    return f"{len(text):x}\r\n{text}\r\n"


@pytest.fixture
def bootstrap(platform: Any, deploy: Callable[..., Any]) -> Callable[[str], Any]:
    def bootstrap(source: str) -> Any:
        program = source.split("\n", 1)[0].split("!")[1]
        if not Path(program).exists() or (source is CURL and not Path("/usr/bin/curl").exists()):
            pytest.skip(f"{program} and what it needs aren't here")
        function = deploy({"bootstrap": source}, Runtime="provided.al2023", modes={"bootstrap": 0o755}, Timeout=20)
        client = platform.client("lambda")
        client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=1)
        return function

    return bootstrap


def ask(function: Any, event: Any) -> Any:
    """Invoke the function's only environment, which may still be on its way to its next invocation."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return function(event)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 429 or time.monotonic() > deadline:
                raise


def told(function: Any) -> tuple[int, Any]:
    """What the Runtime API answered to the invocation before."""
    status, body = ask(function, "told").result
    return status, json.loads(body)


def test_a_shell_script_streams_with_curl(bootstrap, invoke, url):
    function = bootstrap(CURL)
    events = invoke(function, Payload=b'{"n": 1}')
    assert events.piece() == b"first"
    assert events.rest() == b'second{"n": 1}'
    assert events.complete == {}
    assert ask(function, 2).payload == b"firstsecond2"
    visitor = url(function)
    while (answer := visitor.get()).status == 429:
        answer.close()
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.read().startswith(b"firstsecond{")


def test_what_was_streamed_is_accepted_at_its_end(bootstrap, invoke):
    function = bootstrap(RAW)
    events = invoke(function, Payload=json.dumps(["streaming", chunk("a"), chunk("bc"), "0\r\n\r\n"]))
    assert events.rest() == b"abc" and events.complete == {}
    assert told(function) == (202, {"status": "OK"})


def test_an_error_comes_in_trailers(bootstrap, invoke):
    report = json.dumps({"errorMessage": "half-way", "errorType": "Oops"})
    trailers = (
        "Lambda-Runtime-Function-Error-Type: Function.Oops\r\n"
        f"Lambda-Runtime-Function-Error-Body: {base64.b64encode(report.encode()).decode()}\r\n\r\n"
    )
    function = bootstrap(RAW)
    payload = json.dumps(["streaming", chunk("some"), "0\r\n" + trailers])
    events = invoke(function, Payload=payload)
    assert events.rest() == b"some"
    assert events.complete == {"ErrorCode": "Oops", "ErrorDetails": report}
    assert ask(function, payload.encode()).failure == ("Oops", "half-way")
    assert told(function)[0] == 202


def test_an_error_without_a_report_has_its_type(bootstrap, invoke):
    payload = json.dumps(["streaming", chunk("some"), "0\r\nLambda-Runtime-Function-Error-Type: Function.Oops\r\n\r\n"])
    events = invoke(bootstrap(RAW), Payload=payload)
    assert events.rest() == b"some"
    assert events.complete["ErrorCode"] == "Function.Oops"


def test_a_response_that_breaks_off_is_truncated(bootstrap, invoke):
    function = bootstrap(RAW)
    events = invoke(function, Payload=json.dumps(["streaming", chunk("some")]))
    assert events.rest() == b"some"
    assert events.complete["ErrorCode"] == "Runtime.TruncatedResponse"
    status, body = told(function)
    assert (status, body["errorType"]) == (400, "TruncatedHTTPRequest")


def test_another_mode_is_refused_and_fails_the_invocation(bootstrap):
    function = bootstrap(RAW)
    failure = function(json.dumps(["buffered", chunk("some"), "0\r\n\r\n"]).encode()).failure
    assert failure[0] == "Runtime.InvalidResponseModeHeader"
    status, body = told(function)
    assert (status, body["errorType"]) == (400, "InvalidFunctionResponseMode")


FLOOD = """\
    #!/usr/bin/python3
    import http.client, os

    BASE = "/2018-06-01/runtime/invocation/"
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        connection.request("GET", BASE + "next")
        event = connection.getresponse()
        size, id = int(event.read()), event.headers["lambda-runtime-aws-request-id"]

        def body():
            for n in range(1, size + 1):
                print("written", n, flush=True)
                yield bytes(1 << 20)

        headers = {"Lambda-Runtime-Function-Response-Mode": "streaming"}
        connection.request("POST", f"{BASE}{id}/response", body(), headers, encode_chunked=True)
        connection.getresponse().read()
"""


def test_a_slow_reader_holds_a_custom_runtime_back(bootstrap, platform):
    function = bootstrap(FLOOD)
    response = platform.client("lambda").invoke_with_response_stream(FunctionName=function.name, Payload=b"60")

    def written() -> int:
        return sum("written" in line for lines in function.log().values() for line in lines)

    same, last = 0, -1
    while same < 20:  # looks at it at which it hasn't gone on
        time.sleep(0.02)
        same, last = (same + 1, last) if last > 0 and written() == last else (0, written())
    assert last < 40
    received = sum(len(event.get("PayloadChunk", {}).get("Payload", b"")) for event in response["EventStream"])
    assert received == 60 << 20


def test_invoke_takes_no_more_than_six_megabytes_from_a_custom_runtime(bootstrap):
    function = bootstrap(FLOOD)
    assert len(function(5).payload) == 5 << 20
    assert ask(function, 7).failure[0] == "Function.ResponseSizeTooLarge"
    assert len(ask(function, 1).payload) == 1 << 20
