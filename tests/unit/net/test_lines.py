"""The lines of a head as they were sent, beside the folded `headers`."""

from samovar.net.message import Limits, Request
from samovar.net.reader import Reader


def read(data: bytes) -> list[Request]:
    reader = Reader(lambda method, path, headers: 1000, Limits(), None)
    reader.feed(data)
    return [each for each in reader.waiting if isinstance(each, Request)]


def test_lines_keep_the_clients_case_and_order_and_each_duplicate():
    [request] = read(b"GET / HTTP/1.1\r\nHost: x\r\nX-Tag: a,b \r\nx-tag: c\r\n\r\n")
    assert request.lines() == [("Host", "x"), ("X-Tag", "a,b"), ("x-tag", "c")]
    assert request.headers["x-tag"] == "a,b,c"


def test_each_request_of_a_connection_has_its_own_and_trailers_are_none():
    chunked = b"POST / HTTP/1.1\r\nA: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nTrailer: t\r\n\r\n"
    first, second = read(chunked + b"GET / HTTP/1.1\r\nB: 2\r\n\r\n")
    assert first.lines() == [("A", "1"), ("Transfer-Encoding", "chunked")]
    assert second.lines() == [("B", "2")]


def test_a_request_made_by_hand_has_the_lines_of_its_headers():
    assert Request("GET", "/", "", {"a": "1"}, b"").lines() == [("a", "1")]
