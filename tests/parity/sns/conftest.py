"""Topics, queues behind them, and a web server that plays the subscriber."""

import http.server
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

DEADLINE_S = 60


def until(condition: Callable[[], Any]) -> Any:
    """What the condition gives when it first gives anything."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it didn't happen in time")


@pytest.fixture
def sns(client: Callable[..., Any]) -> Any:
    return client("sns")


@pytest.fixture
def sqs(client: Callable[..., Any]) -> Any:
    return client("sqs")


@pytest.fixture
def topic(sns: Any) -> str:
    """A standard topic's ARN."""
    return sns.create_topic(Name="standard")["TopicArn"]


@pytest.fixture
def fifo(sns: Any) -> str:
    attributes = {"FifoTopic": "true", "ContentBasedDeduplication": "true"}
    return sns.create_topic(Name="ordered.fifo", Attributes=attributes)["TopicArn"]


class Queue:
    """A queue that is subscribed to a topic."""

    def __init__(self, sns: Any, sqs: Any, topic: str, name: str, attributes: dict[str, str]) -> None:
        self.sqs = sqs
        fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        self.url = sqs.create_queue(QueueName=name, Attributes=fifo)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        self.arn = found["Attributes"]["QueueArn"]
        subscribed = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=self.arn, Attributes=attributes)
        self.subscription = subscribed["SubscriptionArn"]

    def receive(self, count: int = 1) -> list[Any]:
        """So many messages, when they are there; they are deleted."""
        found: list[Any] = []

        def enough() -> bool:
            asked = {"MaxNumberOfMessages": 10, "AttributeNames": ["All"], "MessageAttributeNames": ["All"]}
            for message in self.sqs.receive_message(QueueUrl=self.url, **asked).get("Messages", []):
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                found.append(message)
            return len(found) >= count

        until(enough)
        return found

    def bodies(self, count: int = 1) -> list[Any]:
        return [json.loads(message["Body"]) for message in self.receive(count)]


@pytest.fixture
def subscribe(sns: Any, sqs: Any) -> Callable[..., Queue]:
    """Subscribes a queue of its own: `subscribe(topic, RawMessageDelivery="true")`."""
    numbers = itertools.count(1)

    def subscribe(topic: str, suffix: str = "", **attributes: str) -> Queue:
        return Queue(sns, sqs, topic, f"s{next(numbers)}{suffix}", attributes)

    return subscribe


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


class Site:
    """A web server: the requests that it got as (headers, body), and the statuses that it answers next."""

    def __init__(self) -> None:
        self.got: list[tuple[Any, bytes]] = []
        self.statuses: list[int] = []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                site.got.append((self.headers, body))
                self.send_response(site.statuses.pop(0) if site.statuses else 200)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook?a=1"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def requests(self, count: int) -> list[tuple[Any, bytes]]:
        until(lambda: len(self.got) >= count)
        return self.got


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()
