"""Function URLs with InvokeMode RESPONSE_STREAM (facts/lambda-runtime.md §3.1)."""

import http.client
import json

import pytest

INTEGRATION = "application/vnd.awslambda.http-integration-response"
FROM = "awslambda.HttpResponseStream.from(stream, "


def test_the_body_is_sent_as_it_arrives(stream, url, open_gate):
    function = stream("stream.write('first'); await gate(context, 'go'); stream.end('last');")
    answer = url(function).get()
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/octet-stream")
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.read(5) == b"first"
    open_gate(function, "go")
    assert answer.read() == b"last"


def test_the_content_type_is_passed_on(stream, url):
    answer = url(stream("stream.setContentType('text/event-stream'); stream.end('data: 1\\n\\n');")).get()
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.read() == b"data: 1\n\n"


def test_a_prelude_gives_status_headers_and_cookies(stream, url, open_gate):
    function = stream(
        f"stream = {FROM}{{statusCode: 201, headers: {{'Content-Type': 'text/html', 'X-A': 'b'}},"
        " cookies: ['a=1', 'b=2; Secure']});"
        " stream.write('<p>'); await gate(context, 'go'); stream.end('</p>');"
    )
    answer = url(function).get()
    assert (answer.status, answer.headers["Content-Type"], answer.headers["X-A"]) == (201, "text/html", "b")
    assert answer.headers.get_all("set-cookie") == ["a=1", "b=2; Secure"]
    assert answer.read(3) == b"<p>"
    open_gate(function, "go")
    assert answer.read() == b"</p>"


def test_a_prelude_may_come_in_pieces(stream, url):
    function = stream(
        f"stream.setContentType('{INTEGRATION}');"
        " const pause = () => new Promise((resolve) => setTimeout(resolve, 5));"
        " for (const part of ['{\"status', 'Code\":', '418}', '\\0\\0\\0', '\\0\\0\\0\\0\\0tea', 'pot']) {"
        " stream.write(part); await pause(); } stream.end();"
    )
    answer = url(function).get()
    assert (answer.status, answer.headers["Content-Type"]) == (418, "application/json")
    assert answer.read() == b"teapot"


@pytest.mark.parametrize(
    "body",
    [
        "throw new Error('at once');",
        f"stream = {FROM}{{statusCode: 42}}); stream.end('x');",
        f"stream = {FROM}{{headers: {{'a b': 'c'}}}}); stream.end('x');",
        f"stream.setContentType('{INTEGRATION}'); stream.end('{{}}');",
        f"stream.setContentType('{INTEGRATION}'); stream.end('no' + '\\0'.repeat(8));",
    ],
)
def test_what_cant_be_sent_is_a_502(stream, url, body):
    answer = url(stream(body)).get()
    assert (answer.status, answer.read()) == (502, b"Internal Server Error")


def test_an_error_in_the_middle_cuts_the_client_off(stream, url, open_gate):
    function = stream("stream.write('some'); await gate(context, 'go'); throw new Error('m');")
    answer = url(function).get()
    assert answer.read(4) == b"some"
    open_gate(function, "go")
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        answer.read()


def test_cors_stands_above_what_the_prelude_says(stream, url):
    headers = "{headers: {'Access-Control-Allow-Origin': 'https://evil'}}"
    function = stream(f"stream = {FROM}{headers}); stream.end('x');")
    answer = url(function, Cors={"AllowOrigins": ["https://a"]}).get(Origin="https://a")
    assert answer.headers.get_all("Access-Control-Allow-Origin") == ["https://a"]
    assert answer.read() == b"x"


def test_a_function_that_doesnt_stream_answers_its_result_as_it_is(deploy, url):
    visitor = url(deploy("def handler(event, context):\n    return {'statusCode': 201, 'body': event['rawPath']}"))
    answer = visitor.get("/here")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert json.loads(answer.read()) == {"statusCode": 201, "body": "/here"}


def test_a_python_error_is_a_502(deploy, url):
    answer = url(deploy("def handler(event, context):\n    raise KeyError('k')")).get()
    assert (answer.status, answer.read()) == (502, b"Internal Server Error")


def test_a_head_request_has_no_body_and_the_function_runs_to_its_end(stream, url, platform):
    function = stream("stream.end(Buffer.alloc(4 << 20));")
    visitor = url(function)
    connection = http.client.HTTPConnection(platform.endpoint.removeprefix("http://"), timeout=30)
    for _ in range(2):
        connection.request("HEAD", "/", headers={"Host": visitor.host})
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
    connection.close()
    assert function(1).error is None
