"""FastAPI, Flask, Express and Powertools, as they come from their registries, behind every front, asked the same."""

import itertools
import re

import pytest

FRONTS = ("url", "http-2.0", "http-1.0", "rest", "alb")
ADAPTED = ("fastapi", "flask", "express", "serverless-http")
"""Frameworks whose adapter makes one request of every front's event."""
RESOLVERS = (
    ("powertools-url", "url"),
    ("powertools-http", "http-2.0"),
    ("powertools-rest", "rest"),
    ("powertools-alb", "alb"),
)
ALL = [*itertools.product(ADAPTED, FRONTS), *RESOLVERS]
pytestmark = pytest.mark.timeout(400)  # the first run installs

BOUNDARY = "tea-time"
UPLOAD = b"".join(
    (
        b'--tea-time\r\nContent-Disposition: form-data; name="note"\r\n\r\nfor two\r\n',
        b'--tea-time\r\nContent-Disposition: form-data; name="file"; filename="tea.bin"\r\n',
        b"Content-Type: application/octet-stream\r\n\r\n",
        bytes(range(256)),
        b"\r\n--tea-time--\r\n",
    )
)


@pytest.fixture(params=ALL, ids="-behind-".join)
def ask(request, site):
    framework, front = request.param
    asked = site(framework, front)
    asked.framework, asked.front = framework, front
    return asked


def only(*frameworks):
    """The pairs of some frameworks."""
    pairs = [each for each in ALL if each[0] in frameworks]
    return pytest.mark.parametrize("ask", pairs, indirect=True, ids="-behind-".join)


def test_a_get_has_its_path_its_query_and_its_headers(ask):
    name = "green%20tea" if ask.framework in ADAPTED else "green"  # Powertools leaves paths as they are in the event
    page = ask("GET", f"/items/{name}?tag=a&tag=b&q=1%2B1%20%C3%BC", headers={"User-Agent": "tests/1"})
    assert page.status == 200, page
    assert page.headers["content-type"].startswith("application/json")
    got = page.value
    assert (got["item"], got["tags"], got["q"]) == (name.replace("%20", " "), ["a", "b"], "1+1 ü")
    assert (got["agent"], got["method"], got["ip"]) == ("tests/1", "GET", "127.0.0.1")
    assert got["host"] == ask.host


def test_json_goes_in_and_comes_out(ask):
    page = ask("POST", "/json", '{"tea": ["grün", 2]}'.encode(), {"Content-Type": "application/json"})
    assert (page.status, page.value) == (201, {"tea": ["grün", 2]}), page


def test_a_form_is_read(ask):
    sent = b"name=Anna+K%C3%B6nig&drink=tea%26milk"
    page = ask("POST", "/form", sent, {"Content-Type": "application/x-www-form-urlencoded"})
    assert (page.status, page.value) == (200, {"name": "Anna König", "drink": "tea&milk"}), page


@only(*ADAPTED)
def test_a_file_is_uploaded_byte_for_byte(ask):
    page = ask("POST", "/upload", UPLOAD, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
    assert (page.status, page.value) == (200, {"name": "tea.bin", "bytes": list(range(256)), "note": "for two"}), page


@only(*ADAPTED)
def test_bytes_go_in_and_come_out(ask):
    page = ask("POST", "/raw", bytes(range(256)) * 400, {"Content-Type": "application/octet-stream"})
    assert (page.status, page.body) == (200, bytes(range(256)) * 400)


def test_a_picture_comes_out_byte_for_byte(ask):
    page = ask("GET", "/binary", headers={"Accept": "image/png"})
    assert (page.status, page.headers["content-type"], page.body) == (200, "image/png", bytes(range(256))), page


def test_cookies_go_in_and_come_out_one_by_one(ask):
    page = ask("GET", "/cookies", headers={"Cookie": "cup=2; pot=red"})
    assert (page.status, page.value) == (200, {"cup": "2", "pot": "red"}), page
    a, b = page.headers.get_all("set-cookie")
    assert re.match(r"a=1;.*httponly", a, re.IGNORECASE) and b.startswith("b=2")


def test_a_redirect_is_one(ask):
    page = ask("GET", "/redirect")
    assert (page.status, page.headers["location"]) == (302, "/items/9"), page


def test_an_answer_without_content_has_none(ask):
    page = ask("DELETE", "/nothing")
    assert (page.status, page.body) == (204, b""), page


def test_what_is_not_there_is_the_framework_s_404(ask):
    assert ask("GET", "/missing").status == 404
    if ask.framework in ADAPTED:
        assert ask("POST", "/redirect").status in (404, 405)


def test_an_exception_is_an_error_and_the_next_request_works(ask):
    broken = ask("GET", "/boom")
    expected = 500 if ask.framework in ADAPTED or ask.front.startswith("http") else 502
    assert broken.status == expected, broken
    assert ask("GET", "/items/1").status == 200


def test_a_preflight_is_answered_by_the_app(ask):
    asks = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    page = ask("OPTIONS", "/json", headers=asks | {"Access-Control-Request-Headers": "content-type"})
    assert page.status in (200, 204), page
    assert page.headers["access-control-allow-origin"] == "https://app.example"
    assert "content-type" in page.headers["access-control-allow-headers"].lower()
    assert "POST" in page.headers["access-control-allow-methods"]
    shared = ask("GET", "/items/1", headers={"Origin": "https://app.example"})
    assert shared.headers["access-control-allow-origin"] == "https://app.example"


@only(*ADAPTED)
def test_a_streamed_answer_comes_whole(ask):
    page = ask("GET", "/stream")
    assert (page.status, page.body) == (200, b"line 0\nline 1\nline 2\n"), page


def test_head_has_no_body(ask):
    page = ask("HEAD", "/items/1")
    assert page.body == b""


def test_hono_streams_piece_by_piece_what_it_reads_and_what_it_says(site):
    ask = site("hono", "stream")
    page = ask("GET", "/stream")
    assert (page.status, page.body) == (200, b"line 0\nline 1\nline 2\n"), page
    assert page.headers["transfer-encoding"] == "chunked"
    page = ask("GET", "/cookies?tag=a&tag=b")
    assert (page.status, page.value) == (201, {"path": "/cookies", "tags": ["a", "b"]}), page
    assert page.headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert ask("POST", "/raw", bytes(range(256))).body == bytes(range(256))
