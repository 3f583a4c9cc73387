"""Sizes decided from the head: facts/lambda-api.md §5, lambda-limits.md §1."""

import json

import pytest

from samovar.gateway.admission import admit
from samovar.net.message import Response

INVOKE = "/2015-03-31/functions/f/invocations"


def refusal(method: str, path: str, length: int, **headers: str) -> Response:
    answer = admit(method, path, {"content-length": str(length), **headers})
    assert isinstance(answer, Response)
    return answer


@pytest.mark.parametrize(
    ("method", "path", "limit", "operation"),
    [
        ("POST", INVOKE, 6291456, "InvokeFunction"),
        ("POST", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Ax/invocations", 6291456, "InvokeFunction"),
        ("POST", "/2021-11-15/functions/f/response-streaming-invocations", 6291456, "InvokeWithResponseStream"),
        ("POST", "/2015-03-31/functions", 70167211, "CreateFunction"),
        ("POST", "/2015-03-31/functions/", 70167211, "CreateFunction"),
        ("PUT", "/2015-03-31/functions/f/code", 70167211, "UpdateFunctionCode"),
        ("POST", "/2018-10-31/layers/l/versions", 70167211, "PublishLayerVersion"),
    ],
)
def test_each_operation_takes_exactly_its_limit_and_refuses_more_in_awss_words(
    method: str, path: str, limit: int, operation: str
) -> None:
    assert admit(method, path, {"content-length": str(limit)}) == limit
    answer = refusal(method, path, limit + 1)
    assert answer.status == 413
    assert ("x-amzn-ErrorType", "RequestEntityTooLargeException") in answer.headers
    assert "x-amzn-RequestId" in dict(answer.headers)
    assert isinstance(answer.body, bytes)
    assert json.loads(answer.body) == {
        "message": f"Request must be smaller than {limit} bytes for the {operation} operation"
    }


def test_an_event_invocation_takes_one_megabyte() -> None:
    assert admit("POST", INVOKE, {"x-amz-invocation-type": "Event"}) == 1048576
    refusal("POST", INVOKE, 1048577, **{"x-amz-invocation-type": "Event"})


def test_everything_else_takes_what_the_hungriest_service_takes() -> None:
    assert admit("POST", "/", {}) == 16 << 20
    assert admit("GET", "/2015-03-31/functions", {}) == 16 << 20
    assert b"Request must be smaller than 16777216 bytes" in bytes(refusal("POST", "/", (16 << 20) + 1).body)  # type: ignore[arg-type]
