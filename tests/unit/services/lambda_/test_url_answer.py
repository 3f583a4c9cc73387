"""Whatever a function returns, its URL has an answer that HTTP can carry."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samovar.core.clock import FakeClock
from samovar.core.errors import AwsError
from samovar.engine.model import Outcome, Result
from samovar.net.head import HeadWriter
from samovar.net.message import Request, Response
from samovar.services.lambda_ import url_answer
from samovar.services.lambda_.urls import Cors

HEADS = HeadWriter(FakeClock())
REQUEST = Request("GET", "/", "", {"host": "h", "origin": "https://a.example"}, b"")
ANYBODY = Cors(allow_origins=["*"], expose_headers=["x-a"])


def answered(value: Any, outcome: Outcome = Outcome.OK, cors: Cors | None = None) -> Response:
    payload = value if isinstance(value, bytes) else json.dumps(value).encode()
    return url_answer.answer(Result(outcome, payload), cors, REQUEST, "id")


TEXT = st.text(max_size=6) | st.sampled_from(["content-type", "Content-Length", "a\r\nb", "x", "ü", "\u20ac", ""])
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=5,
)
RESULT = st.fixed_dictionaries(
    {},
    optional={
        "statusCode": st.integers(190, 610) | st.sampled_from(["200", "404", "2.0", "²00", True, None, 200.0]),
        "headers": st.dictionaries(TEXT, VALUE, max_size=3) | VALUE,
        "cookies": st.lists(TEXT, max_size=2) | VALUE,
        "body": TEXT | VALUE,
        "isBase64Encoded": st.booleans() | VALUE,
    },
)


@given(RESULT | VALUE, st.none() | st.just(ANYBODY))
def test_every_result_becomes_an_answer_that_http_can_carry(value: Any, cors: Cors | None) -> None:
    answer = answered(value, cors=cors)
    assert 200 <= answer.status <= 599
    assert isinstance(answer.body, bytes)
    assert HEADS.render(answer.status, answer.headers, "Content-Length: 0\r\n").count(b"\r\n\r\n") == 1
    assert dict(answer.headers)["x-amzn-RequestId"] == "id"
    assert all(re.fullmatch(r"[!#-'*+.^-`|~0-9A-Za-z-]+", name) for name, _ in answer.headers)


@given(st.binary(max_size=40))
def test_bytes_that_arent_json_are_502(payload: bytes) -> None:
    try:
        json.loads(payload)
    except (ValueError, UnicodeDecodeError):
        assert answered(payload).status == 502


def test_a_failed_function_is_502_even_if_it_returned_a_status() -> None:
    answer = answered({"statusCode": 200}, Outcome.FUNCTION_ERROR, ANYBODY)
    assert (answer.status, answer.body) == (502, b"Internal Server Error")
    assert ("Access-Control-Allow-Origin", "*") in answer.headers


def test_a_function_that_cant_be_invoked_now_is_502_and_names_the_reason() -> None:
    answer = url_answer.refused(AwsError("ResourceConflictException", "Pending"), "id")
    assert (answer.status, answer.body) == (502, b"Internal Server Error")
    assert ("x-amzn-ErrorType", "ResourceConflictException") in answer.headers


@pytest.mark.parametrize(
    ("cors", "origin", "allowed"),
    [
        (Cors(allow_origins=["*"]), "https://a.example", "*"),
        (Cors(allow_origins=["*"], allow_credentials=True), "https://a.example", "https://a.example"),
        (Cors(allow_origins=["https://a.example"]), "https://a.example", "https://a.example"),
        (Cors(allow_origins=["https://a.example"]), "https://b.example", None),
        (Cors(allow_origins=["https://a.example"]), None, None),
        (Cors(), "https://a.example", None),
        (Cors(allow_origins=["*"]), "null", "*"),
    ],
)
def test_which_origin_is_allowed(cors: Cors, origin: str | None, allowed: str | None) -> None:
    headers = {"origin": origin} if origin else {}
    found = dict(url_answer.cors_headers(cors, Request("GET", "/", "", headers, b"")))
    assert found.get("Access-Control-Allow-Origin") == allowed
