"""Payload format 1.0: the event, and what a result means as an answer."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samovar.web import answer_v1, event_v1
from samovar.web.answer_v1 import Malformed

LINES = [("X-A", "1"), ("x-a", "2"), ("X-A", "3,4"), ("Connection", "close"), ("Content-Length", "2")]
HEADERS = {"x-a": "1,2,3,4", "connection": "close", "content-length": "2"}


def told(**changes):
    base = {
        "resource": "/{proxy+}",
        "path": "/a%20b/",
        "method": "GET",
        "lines": event_v1.forwarded(LINES, HEADERS, "Root=1-x;Parent=y", "10.0.0.1", "4566"),
        "query": "",
        "parameters": {},
        "variables": {},
        "context": {"stage": "dev"},
    }
    return event_v1.Told(**(base | changes))


def written(body=b"", is_binary=False, **changes):
    return json.loads(event_v1.written(told(**changes), body, is_binary))


def test_names_keep_their_case_and_the_last_value_counts_beside_all_values():
    event = written()
    assert event["headers"] == {
        "X-A": "3,4",
        "x-a": "2",
        "X-Amzn-Trace-Id": "Root=1-x",
        "X-Forwarded-For": "10.0.0.1",
        "X-Forwarded-Port": "4566",
        "X-Forwarded-Proto": "http",
    }
    assert event["multiValueHeaders"]["X-A"] == ["1", "3,4"]


def test_who_forwarded_before_stands_in_front():
    given = [("x-forwarded-for", "1.2.3.4")]
    lines = event_v1.forwarded(given, dict(given), "t", "10.0.0.1", "80")
    assert ("X-Forwarded-For", "1.2.3.4, 10.0.0.1") in lines


def test_what_isnt_there_is_null():
    event = written()
    for member in ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables"):
        assert event[member] is None
    assert (event["body"], event["isBase64Encoded"]) == (None, False)
    assert "version" not in event


def test_the_query_is_decoded_and_the_path_isnt():
    event = written(query="a=x+y&a=%2B&b&c=%C3%A9")
    assert event["queryStringParameters"] == {"a": "+", "b": "", "c": "é"}
    assert event["multiValueQueryStringParameters"] == {"a": ["x y", "+"], "b": [""], "c": ["é"]}
    assert event["path"] == "/a%20b/"


def test_a_binary_body_goes_as_base64_and_any_other_as_text():
    assert written(b"\xff\x00", is_binary=True)["body"] == base64.b64encode(b"\xff\x00").decode()
    assert written(b"\xff\x00", is_binary=True)["isBase64Encoded"] is True
    event = written(b"h\xc3\xa9\xff")
    assert (event["body"], event["isBase64Encoded"]) == ("hé�", False)


def read(value):
    return answer_v1.read(json.dumps(value).encode())


def test_headers_of_both_members_come_together_spelled_as_the_lists_spell_them():
    answered = read({"headers": {"set-cookie": "c", "X": True}, "multiValueHeaders": {"Set-Cookie": ["a", "b"]}})
    assert answered.status == 200
    cookies = [("Set-Cookie", "a"), ("Set-Cookie", "b"), ("Set-Cookie", "c")]
    assert answered.headers == [("Content-Type", "application/json"), *cookies, ("X", "true")]


@pytest.mark.parametrize("status", [201, "201", None])
def test_a_status_may_be_a_number_or_its_text_or_missing(status):
    assert read({"statusCode": status, "body": "x", "headers": None}).status == (201 if status else 200)


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        None,
        "text",
        1,
        {"statusCode": 200, "extra": 1},
        {"statusCode": "abc"},
        {"statusCode": 99},
        {"statusCode": 600},
        {"statusCode": True},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": 1},
        {"statusCode": 200, "headers": []},
        {"statusCode": 200, "headers": {"a": 1}},
        {"statusCode": 200, "headers": {"a": "x\r\nb: y"}},
        {"statusCode": 200, "headers": {"a b": "x"}},
        {"statusCode": 200, "multiValueHeaders": {"a": "x"}},
        {"statusCode": 200, "multiValueHeaders": {"a": [None]}},
        {"statusCode": 200, "isBase64Encoded": "true"},
        {"errorMessage": "x", "errorType": "y"},
    ],
)
def test_whatever_else_is_malformed(value):
    with pytest.raises(Malformed):
        read(value)


def test_base64_that_is_none_is_malformed_only_when_it_is_decoded():
    answered = read({"body": "%%%", "isBase64Encoded": True})
    assert answered.encoded() == b"%%%"
    with pytest.raises(Malformed):
        answered.decoded()


@given(st.binary(max_size=200))
def test_any_payload_is_an_answer_or_malformed(payload):
    try:
        answer_v1.read(payload)
    except Malformed:
        pass


@given(st.binary(max_size=200))
def test_bytes_survive_both_ways(content):
    event = written(content, is_binary=True)
    answered = read({"body": event["body"] or "", "isBase64Encoded": True})
    assert answered.decoded() == content
