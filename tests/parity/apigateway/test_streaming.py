"""Answers that stream: `responseTransferMode` STREAM (facts/apigateway.md §4)."""

import http.client
import shutil
import threading
from urllib.parse import urlsplit

import pytest
from backend import Backend, Streaming
from botocore.exceptions import ClientError
from gates import GATE, open_for

FROM = "awslambda.HttpResponseStream.from(stream, "


@pytest.fixture
def streaming(rest, deploy):
    """Deploys the body of a handler in Node.js, and an API whose method GET / streams it."""
    if shutil.which("node") is None:
        pytest.skip("there is no node on this machine")

    def make(body):
        code = f"{GATE}exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {{ {body} }});"
        function = deploy({"index.js": code}, Runtime="nodejs20.x", Handler="index.handler", Timeout=60)
        return api_of(rest(), function), function

    return make


def api_of(api, function):
    of = f"functions/{api.arn(function)}/response-streaming-invocations"
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/{of}"
    api.method("/", "GET", api.proxy(function, uri=uri, responseTransferMode="STREAM", timeoutInMillis=60_000))
    api.deploy()
    return api


@pytest.fixture
def get(platform):
    """The head of an answer, whose body the test reads."""
    opened = []

    def get(api):
        opened.append(http.client.HTTPConnection(urlsplit(platform.endpoint).netloc, timeout=60))
        opened[-1].request("GET", "/dev/", headers={"Host": api.host})
        return opened[-1].getresponse()

    yield get
    for each in opened:
        each.close()


def test_the_first_piece_is_there_while_the_function_still_runs(streaming, get, platform):
    head = "{statusCode: 201, headers: {'X-A': 'b'}, cookies: ['c=1', 'd=2']}"
    api, function = streaming(
        f"stream = {FROM}{head}); stream.write('first'); await gate(context, 'go'); stream.end(' last ' + event.path);"
    )
    answer = get(api)
    assert (answer.status, answer.headers["X-A"]) == (201, "b")
    assert answer.headers.get_all("Set-Cookie") == ["c=1", "d=2"]
    assert answer.headers["x-amzn-RequestId"] and answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.read(5) == b"first"
    open_for(platform.client("lambda"), function.name, "go")
    assert answer.read() == b" last /"


def test_what_breaks_off_cuts_the_client_off(streaming, get):
    api, _ = streaming(f"stream = {FROM}{{statusCode: 200}}); stream.write('some'); throw new Error('m');")
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        get(api).read()


@pytest.mark.parametrize(
    "body",
    [
        "stream.end('no head');",
        "stream.end('no' + '\\0'.repeat(8));",
        "stream.end('{\"body\": \"b\"}' + '\\0'.repeat(8));",
        "stream.end(' '.repeat(17000) + '{}' + '\\0'.repeat(8) + 'x');",
    ],
)
def test_a_stream_without_a_head_is_a_500(streaming, body):
    page = streaming(body)[0]("GET", "/")
    assert (page.status, page.body) == (500, b'{"message": "Internal server error"}')


def test_a_function_that_returns_in_one_piece_has_no_head_either(rest, echo):
    page = api_of(rest(), echo)("GET", "/")
    assert (page.status, page.body) == (500, b'{"message": "Internal server error"}')


def test_a_function_that_fails_first_is_a_502(rest, deploy):
    page = api_of(rest(), deploy("def handler(event, context): raise KeyError"))("GET", "/")
    assert (page.status, page.body) == (502, b'{"message": "Internal server error"}')


def test_trying_out_shows_the_whole(streaming):
    api, _ = streaming(f"stream = {FROM}{{statusCode: 202}}); stream.write('a'); stream.end('b');")
    tried = api.test_invoke_method(resourceId=api.root, httpMethod="GET")
    assert (tried["status"], tried["body"]) == (202, "ab")


def test_another_servers_answer_streams_too(rest, get):
    go = threading.Event()
    with Backend(lambda asked: (200, [], Streaming([b"first", go, b" last"]))) as backend:
        api = rest()
        api.method(
            "/",
            "GET",
            {
                "type": "HTTP_PROXY",
                "integrationHttpMethod": "GET",
                "uri": backend.url,
                "responseTransferMode": "STREAM",
            },
        )
        api.deploy()
        answer = get(api)
        assert answer.read(5) == b"first"
        go.set()
        assert answer.read() == b" last"


def test_only_proxies_stream_and_functions_by_their_own_operation(rest, echo):
    api = rest()
    buffered = api.proxy(echo, responseTransferMode="STREAM")
    with pytest.raises(ClientError, match="InvokeWithResponseStream"):
        api.method("/a", "GET", buffered)
    with pytest.raises(ClientError, match="only supported for integrations of type"):
        api.method("/b", "GET", {"type": "MOCK", "responseTransferMode": "STREAM"})
    with pytest.raises(ClientError, match="Timeout should be between"):
        api.method("/c", "GET", api.proxy(echo, timeoutInMillis=60_000))
