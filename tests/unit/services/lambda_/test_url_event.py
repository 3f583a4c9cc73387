"""Any request becomes an event: JSON that holds the request's parts."""

import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from samovar.core.context import Context
from samovar.net.message import Request
from samovar.services.lambda_ import url_event
from samovar.services.lambda_.url_event import Visit
from samovar.services.lambda_.urls import Url

URL = Url("u" * 32, ("1" * 12, "us-east-1", "f", ""), "NONE", None, "", 0.0, 0.0)
VISIT = Visit(URL, "u.lambda-url.us-east-1.localhost", "/p")
LATIN = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=20)


class Nobody:
    async def call(self, *args: object) -> dict[str, object]:
        raise AssertionError


CTX = Context("1" * 12, "us-east-1", "id", "arn", "http://h", Nobody())


def event(headers: dict[str, str], query: str = "", body: bytes = b"") -> dict:
    request = Request("POST", "/p", query, headers, body)
    return json.loads(url_event.written(VISIT, request, CTX, "Root=1-0-0;Parent=1", 1_763_999_999.123))


@given(
    st.dictionaries(st.sampled_from(["cookie", "host", "content-type", "user-agent", "x-a"]), LATIN),
    LATIN,
    st.binary(max_size=20),
)
def test_any_request_becomes_an_event(headers: dict[str, str], query: str, body: bytes) -> None:
    made = event(headers, query, body)
    assert made["rawQueryString"] == query
    assert headers.items() <= made["headers"].items()
    if made["isBase64Encoded"]:
        assert base64.b64decode(made["body"]) == body
    else:
        assert made.get("body", "").encode() == body
    assert all(isinstance(value, str) for value in made.get("queryStringParameters", {}).values())


def test_the_time_is_given_in_words_and_in_milliseconds() -> None:
    context = event({})["requestContext"]
    assert (context["time"], context["timeEpoch"]) == ("24/Nov/2025:15:59:59 +0000", 1_763_999_999_123)


def test_headers_between_connections_and_the_parts_of_a_trace_stay_outside() -> None:
    headers = event(
        {"connection": "close", "transfer-encoding": "chunked", "host": "h:4566", "x-forwarded-for": "1.2.3.4"}
    )
    assert headers["headers"] == {
        "host": "h:4566",
        "x-forwarded-for": "1.2.3.4, 127.0.0.1",
        "x-amzn-trace-id": "Root=1-0-0",
        "x-forwarded-port": "4566",
        "x-forwarded-proto": "http",
    }
