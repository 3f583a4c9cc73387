"""Queues with functions behind them: what was sent, and what the functions got."""

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

DEADLINE_S = 60
_NUMBERS = itertools.count(1)


def until(condition: Callable[[], Any]) -> Any:
    """What the condition gives when it first gives anything."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it didn't happen in time")


class Mapped:
    """A queue, a function, and the mapping between them."""

    def __init__(self, platform: Any, function: Any, fifo: bool, attributes: Mapping[str, str], options: Any) -> None:
        self.platform = platform
        self.function = function
        self.sqs = platform.client("sqs")
        self.lambda_ = platform.client("lambda")
        suffix = ".fifo" if fifo else ""
        extra = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if fifo else {}
        self.url = self.sqs.create_queue(QueueName=f"m{next(_NUMBERS)}{suffix}", Attributes={**extra, **attributes})[
            "QueueUrl"
        ]
        self.uuid = self.lambda_.create_event_source_mapping(
            EventSourceArn=self.arn, FunctionName=function.name, **options
        )["UUID"]

    @property
    def arn(self) -> str:
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        return found["Attributes"]["QueueArn"]

    def send(self, *bodies: str, group: str = "g", **options: Any) -> None:
        more = {"MessageGroupId": group} if self.url.endswith(".fifo") else {}
        for start in range(0, len(bodies), 10):
            entries = [
                {"Id": str(number), "MessageBody": body, **more, **options}
                for number, body in enumerate(bodies[start : start + 10])
            ]
            self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)

    def events(self) -> list[Any]:
        """The events that the function has printed, oldest first by environment."""
        lines = [line for stream in self.function.log().values() for line in stream]
        return [json.loads(line) for line in lines if line.startswith('{"Records"')]

    def bodies(self) -> list[str]:
        return [record["body"] for event in self.events() for record in event["Records"]]

    def left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(map(int, found.values()))

    def drained(self) -> list[str]:
        """Waits until nothing is left; the bodies that the function got."""
        until(lambda: self.left() == 0)
        return self.bodies()

    def wait_for(self, count: int) -> list[Any]:
        """The events, when there are so many."""
        return until(lambda: (events := self.events()) and len(events) >= count and events)

    def settle(self, state: str) -> None:
        until(lambda: self.lambda_.get_event_source_mapping(UUID=self.uuid)["State"] == state)

    def delete(self) -> None:
        self.settled()
        self.lambda_.delete_event_source_mapping(UUID=self.uuid)
        self.sqs.delete_queue(QueueUrl=self.url)

    def settled(self) -> None:
        until(lambda: self.lambda_.get_event_source_mapping(UUID=self.uuid)["State"] in ("Enabled", "Disabled"))


PRINTS = """
import json
def handler(event, context):
    print(json.dumps(event))
    %s
"""


@pytest.fixture
def mapped(platform: Any, deploy: Any) -> Iterator[Callable[..., Mapped]]:
    """Makes a queue with a function that prints its events and then runs `then`."""
    made: list[Mapped] = []

    def mapped(then: str = "", fifo: bool = False, attributes: Mapping[str, str] = {}, **options: Any) -> Mapped:
        function = deploy(PRINTS % then)
        made.append(Mapped(platform, function, fifo, attributes, options))
        return made[-1]

    yield mapped
    for each in made:
        each.delete()
