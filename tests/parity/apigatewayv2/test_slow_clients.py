"""Clients that take their time, or leave: nobody else waits for them, and what they asked for is right."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest

TEXT = {"content-type": "text/plain"}
LARGE = """
    import time

    def handler(event, context):
        if event["rawPath"] == "/large":
            return {"statusCode": 200, "body": "x" * 5_000_000}
        if event["rawPath"] == "/late":
            time.sleep(1)
        return {"statusCode": 200, "body": event.get("body", "none"), "headers": {"content-type": "text/plain"}}
"""


@pytest.fixture
def web(api: Any, deploy: Any) -> Any:
    made = api()
    made.route("$default", target=made.function(deploy(LARGE, Timeout=20)))
    return made


@pytest.fixture
def dial(web: Any, platform: Any) -> Iterator[Callable[[], socket.socket]]:
    """Connections that say nothing by themselves."""
    opened: list[socket.socket] = []
    address = urlsplit(platform.endpoint)

    def dial() -> socket.socket:
        opened.append(socket.create_connection((address.hostname, address.port), timeout=30))
        return opened[-1]

    yield dial
    for each in opened:
        each.close()


def head(web: Any, path: str, method: str = "GET", length: int = 0) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {web.host}", "Content-Type: text/plain", f"Content-Length: {length}"]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode()


def rest(connection: socket.socket) -> bytes:
    """What still comes, to the end."""
    found = b""
    while data := connection.recv(65536):
        found += data
    return found


def test_a_body_that_comes_in_pieces_keeps_nobody_waiting_and_arrives_whole(web, dial):
    slow = dial()
    slow.sendall(head(web, "/slow", "POST", 6) + b"sl")
    for _ in range(3):
        assert web("POST", "/", b"quick", TEXT).body == b"quick"
    slow.sendall(b"ow")
    assert web("POST", "/", b"quick", TEXT).body == b"quick"
    slow.sendall(b"ly")
    answer = rest(slow)
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"slowly")


def test_an_answer_that_is_not_read_keeps_nobody_waiting_and_stays_whole(web, dial):
    slow = dial()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    slow.sendall(head(web, "/large"))
    first = slow.recv(1024)  # it has begun, and no more of it is taken
    for _ in range(3):
        assert web("POST", "/", b"quick", TEXT).body == b"quick"
    answer = first + rest(slow)
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"x" * 5_000_000)


def test_clients_that_leave_before_the_answer_leave_the_function_to_others(web, dial):
    for _ in range(5):
        with closing(dial()) as leaving:
            leaving.sendall(head(web, "/late"))
        with closing(dial()) as torn:
            torn.sendall(head(web, "/late", "POST", 100) + b"never whole")
    assert web("POST", "/", b"here", TEXT).body == b"here"


def test_a_client_that_only_begins_is_answered_in_time_to_others(web, dial):
    begun = [dial() for _ in range(20)]
    for each in begun:
        each.sendall(head(web, "/")[:30])
    assert web("POST", "/", b"here", TEXT).body == b"here"
    for each in begun:
        each.sendall(head(web, "/")[30:])
    assert all(rest(each).startswith(b"HTTP/1.1 200 ") for each in begun)
