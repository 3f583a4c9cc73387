"""Scheduler on the session's platform, each test in an account of its own, with a clock that is moved."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

DEADLINE_S = 60


class Lab:
    def __init__(self, platform: Any, client: Callable[..., Any], account: str) -> None:
        self.platform = platform
        self.account = account
        self.scheduler = client("scheduler")
        self.sqs = client("sqs")
        self.client = client
        self.role = f"arn:aws:iam::{account}:role/r"

    def now(self) -> datetime:
        """By the platform's clock."""
        with urllib.request.urlopen(f"{self.platform.endpoint}/_samovar/clock", timeout=30) as answer:
            return datetime.fromtimestamp(json.load(answer)["epoch_s"], UTC)

    def queue(self, name: str = "q") -> str:
        self.sqs.create_queue(QueueName=name)
        return f"arn:aws:sqs:us-east-1:{self.account}:{name}"

    def create(self, expression: str, target: Any, name: str = "s", **options: Any) -> str:
        whole = {"Arn": target, "Input": "fired"} if isinstance(target, str) else target
        arn: str = self.scheduler.create_schedule(
            **{
                "Name": name,
                "ScheduleExpression": expression,
                "Target": {"RoleArn": self.role} | whole,
                "FlexibleTimeWindow": {"Mode": "OFF"},
            }
            | options
        )["ScheduleArn"]
        return arn

    def messages(self, queue: str, count: int = 1) -> list[dict[str, Any]]:
        url, found, deadline = self.sqs.get_queue_url(QueueName=queue.rpartition(":")[2])["QueueUrl"], [], None
        deadline = time.monotonic() + DEADLINE_S
        while len(found) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count} messages"
            answer = self.sqs.receive_message(
                QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
            )
            for message in answer.get("Messages", []):
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found.append(message)
        assert len(found) == count
        return found

    def bodies(self, queue: str, count: int = 1) -> list[str]:
        return [message["Body"] for message in self.messages(queue, count)]

    def waiting(self, queue: str) -> int:
        url = self.sqs.get_queue_url(QueueName=queue.rpartition(":")[2])["QueueUrl"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(found["Attributes"]["ApproximateNumberOfMessages"])


@pytest.fixture
def lab(platform: Any, client: Callable[..., Any], account: str) -> Iterator[Lab]:
    made = Lab(platform, client, account)
    yield made
    for schedule in made.scheduler.list_schedules()["Schedules"]:
        made.scheduler.delete_schedule(Name=schedule["Name"], GroupName=schedule["GroupName"])
