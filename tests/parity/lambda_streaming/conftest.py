"""Streaming functions on the running platform, their clients, and a gate through which tests let them go on."""

import http.client
import shutil
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from gates import GATE, open_for


class Events:
    """The events of an invocation, as boto3 gives them."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self._events = iter(response["EventStream"])
        self.complete: dict[str, str] | None = None

    def piece(self) -> bytes:
        """The next payload; empty at the end, and then there is `complete`."""
        for event in self._events:
            assert self.complete is None, "InvokeComplete is the last event"
            if "PayloadChunk" in event:
                payload: bytes = event["PayloadChunk"]["Payload"]
                return payload
            self.complete = event["InvokeComplete"]
        return b""

    def rest(self) -> bytes:
        return b"".join(iter(self.piece, b""))


@pytest.fixture
def stream(deploy: Callable[..., Any]) -> Callable[..., Any]:
    """Deploy the body of a streaming handler in Node.js; it has `event`, `stream`, `context` and `gate`."""
    if shutil.which("node") is None:
        pytest.skip("there is no node on this machine")

    def stream(body: str, **configuration: Any) -> Any:
        code = f"{GATE}exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {{ {body} }});"
        wanted = {"Runtime": "nodejs20.x", "Handler": "index.handler", "Timeout": 60} | configuration
        return deploy({"index.js": code}, **wanted)

    return stream


@pytest.fixture
def invoke(platform: Any) -> Iterator[Callable[..., Events]]:
    """InvokeWithResponseStream. What a test doesn't read to its end is closed with it."""
    made: list[Events] = []

    def invoke(function: Any, **options: Any) -> Events:
        lambda_ = platform.client("lambda")
        made.append(Events(lambda_.invoke_with_response_stream(FunctionName=function.name, **options)))
        return made[-1]

    yield invoke
    for events in made:
        events.response["EventStream"].close()


@pytest.fixture
def open_gate(platform: Any) -> Callable[[Any, str], None]:
    def open_gate(function: Any, name: str) -> None:
        open_for(platform.client("lambda"), function.name, name)

    return open_gate


class Visitor:
    """A client of one URL."""

    def __init__(self, endpoint: str, address: str) -> None:
        self.host = urlsplit(address).netloc
        self._server = urlsplit(endpoint)
        self._opened: list[Any] = []

    def get(self, path: str = "/", **headers: str) -> http.client.HTTPResponse:
        """The answer's head; its body is read by the test."""
        connection = http.client.HTTPConnection(self._server.netloc, timeout=60)
        self._opened.append(connection)
        connection.request("GET", path, headers={"Host": self.host} | headers)
        return connection.getresponse()

    def raw(self) -> socket.socket:
        """A connection on which a GET was sent and nothing is read yet, with a small buffer."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.settimeout(60)
        connection.connect((self._server.hostname, self._server.port))
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {self.host}\r\nConnection: close\r\n\r\n".encode())
        self._opened.append(connection)
        return connection

    def close(self) -> None:
        for opened in self._opened:
            opened.close()


@pytest.fixture
def url(platform: Any) -> Iterator[Callable[..., Visitor]]:
    """Gives a function a URL that streams and is open to everybody."""
    made: list[Visitor] = []

    def url(function: Any, **configuration: Any) -> Visitor:
        lambda_ = platform.client("lambda")
        wanted = {"FunctionName": function.name, "AuthType": "NONE", "InvokeMode": "RESPONSE_STREAM"} | configuration
        address = lambda_.create_function_url_config(**wanted)["FunctionUrl"]
        lambda_.add_permission(
            FunctionName=function.name,
            StatementId="everybody",
            Action="lambda:InvokeFunctionUrl",
            Principal="*",
            FunctionUrlAuthType="NONE",
        )
        made.append(Visitor(platform.endpoint, address))
        return made[-1]

    yield url
    for each in made:
        each.close()
