"""Whatever arrives at the door of an API, in odd paths, encodings, headers: one answer, and never a 5xx of ours."""

import socket
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FEW = settings(max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))

SEGMENT = st.text(st.sampled_from("ab%/{}+.~$&=?#:;@!*'() \té\x00\x7f"), max_size=12)
PATHS = st.one_of(
    st.lists(SEGMENT, max_size=6).map("/".join).map(lambda path: f"/{path}"),
    st.sampled_from(["*", "//", "/%", "/%zz", "/%00", "/..%2f..", "http://other/", "/a?" + "b=%ff&" * 9, "/$default"]),
)
NAMES = st.text(st.sampled_from("aX-_!:( é"), min_size=1, max_size=8)
VALUES = st.text(st.sampled_from("ab ,;=\"\té\x01"), max_size=20)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=6)
METHODS = st.sampled_from("GET POST PUT DELETE PATCH OPTIONS HEAD TRACE CONNECT BREW get".split())


@pytest.fixture(scope="module")
def served(platform, request):
    """An API that takes everything, with every kind of gate closed but one: (its host, host and port of the server)."""
    v2 = platform.client("apigatewayv2")
    function = platform.deploy("def handler(event, context): return {'statusCode': 200, 'body': event['rawPath'][:9]}")
    arn = platform.client("lambda").get_function_configuration(FunctionName=function.name)["FunctionArn"]
    id = v2.create_api(
        Name="any", ProtocolType="HTTP", Target=arn, CorsConfiguration={"AllowOrigins": ["*"], "AllowMethods": ["*"]}
    )["ApiId"]
    server = urlsplit(platform.endpoint)
    yield f"{id}.execute-api.us-east-1.localhost", (server.hostname, server.port)
    v2.delete_api(ApiId=id)
    function.delete()


def status_of(server, sent):
    """The status of the answer to these bytes; 0 where the server hangs up without one."""
    with socket.create_connection(server, timeout=60) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while part := client.recv(65536):
            answer += part
    return int(answer[9:12]) if answer else 0


@FEW
@given(method=METHODS, path=PATHS, headers=HEADERS, body=st.binary(max_size=40))
def test_any_request_is_answered_once_and_not_by_a_fault_of_ours(served, method, path, headers, body):
    host, server = served
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    framing = f"Content-Length: {len(body)}\r\nConnection: close\r\n"
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{framing}{lines}\r\n"
    status = status_of(server, head.encode("latin-1") + body)
    assert status < 500, (status, head)


@FEW
@given(junk=st.binary(max_size=60))
def test_bytes_that_are_no_request_do_no_harm(served, junk):
    host, server = served
    status_of(server, b"GET /" + junk)
    ask = f"GET /well HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    assert status_of(server, ask.encode()) == 200
