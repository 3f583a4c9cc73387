"""Asynchronous invocations on a running platform whose clock the tests move."""

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
DEADLINE_S = 60


def wait_until(condition: Callable[[], T], why: str = "") -> T:
    """What `condition` gives as soon as that is true."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"it didn't come to that: {why or condition}"
        time.sleep(0.02)


@pytest.fixture
def until() -> Callable[..., Any]:
    return wait_until


@pytest.fixture
def send(platform) -> Callable[..., str]:
    """Invokes with `Event`; the request id."""

    def invoke(function, payload: bytes = b"{}", **options: Any) -> str:
        answer = platform.client("lambda").invoke(
            FunctionName=function.name, InvocationType="Event", Payload=payload, **options
        )
        assert answer["StatusCode"] == 202
        assert answer["Payload"].read() == b""
        assert "ExecutedVersion" not in answer
        request_id: str = answer["ResponseMetadata"]["RequestId"]
        return request_id

    return invoke


@pytest.fixture
def lines() -> Callable[..., list[str]]:
    """What a function has printed that begins so, in order of its environments."""

    def found(function, start: str) -> list[str]:
        messages = [message for stream in function.log().values() for message in stream]
        return [message.strip().removeprefix(start) for message in messages if message.startswith(start)]

    return found


@pytest.fixture
def journal(platform) -> Callable[..., list[dict[str, Any]]]:
    """The entries that `GET /_samovar/events` shows."""

    def look(**wanted: str) -> list[dict[str, Any]]:
        query = urllib.parse.urlencode({"limit": "1000", **wanted})
        with urllib.request.urlopen(f"{platform.endpoint}/_samovar/events?{query}", timeout=30) as answer:
            events: list[dict[str, Any]] = json.load(answer)["events"]
        return events

    return look


@pytest.fixture
def outcomes(journal) -> Callable[[str], list[str]]:
    """What became of each attempt of an event."""
    return lambda id: [entry["outcome"] for entry in journal(event_id=id, source="lambda")]
