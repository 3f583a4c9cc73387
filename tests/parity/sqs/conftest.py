"""An SQS client of an account of its own, queues, and what a call that must fail answers."""

import itertools
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError

import pytest


@pytest.fixture
def sqs(client: Callable[..., Any]) -> Any:
    return client("sqs")


@pytest.fixture
def make(sqs: Any) -> Callable[..., str]:
    """Makes a queue: `make(fifo=True, VisibilityTimeout="1")`; its URL."""
    numbers = itertools.count(1)

    def make(name: str = "", fifo: bool = False, **attributes: str) -> str:
        name = name or f"q{next(numbers)}" + (".fifo" if fifo else "")
        given = {**({"FifoQueue": "true"} if fifo else {}), **attributes}
        return sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"]

    return make


@pytest.fixture
def url(make: Callable[..., str]) -> str:
    """A standard queue."""
    return make("standard")


@pytest.fixture
def fifo(make: Callable[..., str]) -> str:
    """A FIFO queue that takes message bodies for deduplication ids."""
    return make("first.fifo", fifo=True, ContentBasedDeduplication="true")


@pytest.fixture
def arn_of(sqs: Any) -> Callable[[str], str]:
    def arn_of(url: str) -> str:
        return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    return arn_of


@pytest.fixture
def receive(sqs: Any) -> Callable[..., list[Any]]:
    """The messages of one receive of at most ten."""

    def receive(url: str, **options: Any) -> list[Any]:
        return sqs.receive_message(**{"QueueUrl": url, "MaxNumberOfMessages": 10} | options).get("Messages", [])

    return receive


@pytest.fixture
def bodies(receive: Callable[..., list[Any]]) -> Callable[..., list[str]]:
    def bodies(url: str, **options: Any) -> list[str]:
        return [message["Body"] for message in receive(url, **options)]

    return bodies


@pytest.fixture
def counts(sqs: Any) -> Callable[[str], tuple[int, int, int]]:
    """Visible, in flight, delayed."""
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]

    def counts(url: str) -> tuple[int, int, int]:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        visible, in_flight, delayed = (int(found[name]) for name in names)
        return visible, in_flight, delayed

    return counts


@pytest.fixture
def refused() -> Callable[..., tuple[str, str, int]]:
    """Code, message and HTTP status of a call that must fail."""

    def refused(operation: Callable[..., Any], **params: Any) -> tuple[str, str, int]:
        client = operation.__self__  # type: ignore[attr-defined]
        with pytest.raises(client.exceptions.ClientError) as caught:
            operation(**params)
        answer = caught.value.response
        return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]

    return refused


@pytest.fixture
def query(account: str) -> Callable[..., tuple[int, str]]:
    """A call in the query protocol, to the address of a queue or of the endpoint: (status, XML)."""

    def query(address: str, action: str, **form: str) -> tuple[int, str]:
        body = urllib.parse.urlencode({"Action": action, "Version": "2012-11-05", **form}).encode()
        scope = f"{account}/20260101/us-east-1/sqs/aws4_request"
        signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
        try:
            with urllib.request.urlopen(urllib.request.Request(address, body, {"Authorization": signed})) as response:
                return response.status, response.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    return query
