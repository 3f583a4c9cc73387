"""kill -9 of the server while messages are sent, published, received and deleted: what was acknowledged arrives."""

import contextlib
import json
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

pytestmark = [
    # A client whose server was killed while it answered leaves its socket to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ROUNDS = 2
SENDERS = 4


class Sender(threading.Thread):
    """Calls `send(number)` until it fails; the numbers that were acknowledged."""

    def __init__(self, send: Callable[[int], Any]) -> None:
        super().__init__()
        self._send = send
        self.acknowledged: list[int] = []

    def run(self) -> None:
        with contextlib.suppress(BotoCoreError, ClientError):
            for number in range(100_000):
                self._send(number)
                self.acknowledged.append(number)


def drain(sqs: Any, url: str, expected: Callable[[list[str]], bool], wait: Callable[..., Any]) -> list[str]:
    """Receives and deletes until what was received is what is expected; in order."""
    bodies: list[str] = []

    def step() -> bool:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
        for message in found:
            bodies.append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return not found and expected(bodies)

    wait(step, within_s=90, what=lambda: len(bodies))
    return bodies


@pytest.mark.timeout(180)
def test_every_acknowledged_message_arrives_and_fifo_groups_keep_their_order(
    start: Callable[..., Any], wait: Callable[..., Any], tmp_path: Path
) -> None:
    acknowledged: list[str] = []
    rng = random.Random(1)
    for round_ in range(ROUNDS):
        platform = start(tmp_path, "--prefork", "0")
        sqs = platform.client("sqs")
        attributes = {"FifoQueue": "true", "VisibilityTimeout": "1"}
        url = sqs.create_queue(QueueName="q.fifo", Attributes=attributes)["QueueUrl"]

        def send(group: int, number: int, round_: int = round_, url: str = url, sqs: Any = sqs) -> None:
            body = f"{group}-{round_:02}{number:06}"
            sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=str(group), MessageDeduplicationId=body)

        senders = [Sender(lambda number, group=group: send(group, number)) for group in range(SENDERS)]
        for sender in senders:
            sender.start()
        wait(lambda senders=senders: all(len(each.acknowledged) > rng.randrange(5, 40) for each in senders))
        sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)  # in flight when the server dies
        platform.kill()
        for group, sender in enumerate(senders):
            sender.join()
            acknowledged += [f"{group}-{round_:02}{number:06}" for number in sender.acknowledged]
    platform = start(tmp_path, "--prefork", "0")
    sqs = platform.client("sqs")
    url = sqs.get_queue_url(QueueName="q.fifo")["QueueUrl"]
    bodies = drain(sqs, url, lambda found: set(acknowledged) <= set(found), wait)
    for group in range(SENDERS):
        own = [body for body in bodies if body.startswith(f"{group}-")]
        assert own == sorted(own)
    assert len(bodies) == len(set(bodies))
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    assert set(counts.values()) == {"0"}


@pytest.mark.timeout(180)
def test_every_acknowledged_notification_arrives_at_the_queue(
    start: Callable[..., Any], wait: Callable[..., Any], tmp_path: Path
) -> None:
    acknowledged: set[str] = set()
    for round_ in range(ROUNDS):
        platform = start(tmp_path, "--prefork", "0")
        sns, sqs = platform.client("sns"), platform.client("sqs")
        url = sqs.create_queue(QueueName="q")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        topic = sns.create_topic(Name="t")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        senders = [
            Sender(
                lambda number, who=who, sns=sns, topic=topic, round_=round_: sns.publish(
                    TopicArn=topic, Message=f"{round_}-{who}-{number}"
                )
            )
            for who in range(SENDERS)
        ]
        for sender in senders:
            sender.start()
        wait(lambda senders=senders: all(len(each.acknowledged) > 15 for each in senders))
        platform.kill()
        for who, sender in enumerate(senders):
            sender.join()
            acknowledged |= {f"{round_}-{who}-{number}" for number in sender.acknowledged}
    platform = start(tmp_path, "--prefork", "0")
    sqs = platform.client("sqs")

    def texts(bodies: list[str]) -> set[str]:
        return {json.loads(body)["Message"] for body in bodies}

    drain(sqs, sqs.get_queue_url(QueueName="q")["QueueUrl"], lambda bodies: acknowledged <= texts(bodies), wait)
