"""A Logs client of an account of its own, with a group and a stream."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def logs(client: Callable[..., Any]) -> Any:
    return client("logs")


@pytest.fixture
def group(logs: Any) -> str:
    logs.create_log_group(logGroupName="/app/web")
    logs.create_log_stream(logGroupName="/app/web", logStreamName="one")
    return "/app/web"


@pytest.fixture
def now(platform: Any) -> int:
    """By the platform's clock, which other tests have moved."""
    return int(platform.now() * 1000)


@pytest.fixture
def put(logs: Any, group: str) -> Callable[..., Any]:
    """Writes (timestamp, message) pairs to a stream, which is created when it isn't there."""
    streams = {"one"}

    def put(*events: tuple[int, str], stream: str = "one") -> Any:
        if stream not in streams:
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
            streams.add(stream)
        written = [{"timestamp": timestamp, "message": message} for timestamp, message in events]
        return logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=written)

    return put


@pytest.fixture
def refused() -> Callable[..., tuple[str, str, int]]:
    """Code, message and HTTP status of a call that must fail."""

    def refused(operation: Callable[..., Any], **params: Any) -> tuple[str, str, int]:
        client = operation.__self__  # type: ignore[attr-defined]
        with pytest.raises(client.exceptions.ClientError) as caught:
            operation(**params)
        answer = caught.value.response
        return (
            answer["Error"]["Code"],
            answer["Error"]["Message"],
            answer["ResponseMetadata"]["HTTPStatusCode"],
        )

    return refused
