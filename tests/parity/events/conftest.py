"""EventBridge on the session's platform, each test in an account of its own."""

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

DEADLINE_S = 60


class Bridge:
    def __init__(self, platform: Any, client: Callable[..., Any], account: str) -> None:
        self.platform = platform
        self.account = account
        self.events = client("events")
        self.sqs = client("sqs")
        self.client = client

    def queue(self, name: str = "q") -> str:
        """Its ARN."""
        self.sqs.create_queue(QueueName=name)
        return f"arn:aws:sqs:us-east-1:{self.account}:{name}"

    def url(self, arn: str) -> str:
        return str(self.sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"])

    def rule(self, pattern: Any = None, *targets: Any, name: str = "r", **options: Any) -> str:
        """A rule with targets, given as ARNs or whole; its ARN."""
        if pattern is not None:
            options["EventPattern"] = json.dumps(pattern)
        arn: str = self.events.put_rule(Name=name, **options)["RuleArn"]
        bus = {"EventBusName": options["EventBusName"]} if "EventBusName" in options else {}
        whole = [
            {"Id": str(n), "Arn": target} if isinstance(target, str) else {"Id": str(n)} | target
            for n, target in enumerate(targets)
        ]
        if whole:
            assert self.events.put_targets(Rule=name, Targets=whole, **bus)["FailedEntryCount"] == 0
        return arn

    def put(self, detail: Any, source: str = "app", **entry: Any) -> str:
        """The event's id."""
        entry = {"Source": source, "DetailType": "happened", "Detail": json.dumps(detail)} | entry
        answer = self.events.put_events(Entries=[entry])
        assert answer["FailedEntryCount"] == 0, answer
        id: str = answer["Entries"][0]["EventId"]
        return id

    def until(self, condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + DEADLINE_S
        while not (found := condition()):
            assert time.monotonic() < deadline, self.journal()
            time.sleep(0.02)
        return found

    def messages(self, arn: str, count: int = 1) -> list[dict[str, Any]]:
        """So many messages of a queue, gone from it."""
        found: list[dict[str, Any]] = []

        def enough() -> bool:
            answer = self.sqs.receive_message(
                QueueUrl=self.url(arn),
                MaxNumberOfMessages=10,
                WaitTimeSeconds=1,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            )
            for message in answer.get("Messages", []):
                self.sqs.delete_message(QueueUrl=self.url(arn), ReceiptHandle=message["ReceiptHandle"])
                found.append(message)
            return len(found) >= count

        self.until(enough)
        assert len(found) == count
        return found

    def bodies(self, arn: str, count: int = 1) -> list[str]:
        return [message["Body"] for message in self.messages(arn, count)]

    def journal(self, **wanted: str) -> list[dict[str, Any]]:
        query = urllib.parse.urlencode({"limit": "1000", "account": self.account, **wanted})
        with urllib.request.urlopen(f"{self.platform.endpoint}/_samovar/events?{query}", timeout=30) as answer:
            events: list[dict[str, Any]] = json.load(answer)["events"]
        return events


@pytest.fixture
def bridge(platform: Any, client: Callable[..., Any], account: str) -> Iterator[Bridge]:
    made = Bridge(platform, client, account)
    yield made
    for rule in made.events.list_rules()["Rules"]:
        if "ScheduleExpression" in rule:  # or it fires whenever a later test moves the clock
            made.events.disable_rule(Name=rule["Name"])


@pytest.fixture
def refused() -> Callable[..., tuple[str, str]]:
    """(code, message) of a call that must be refused."""

    def call(operation: Callable[..., Any], **params: Any) -> tuple[str, str]:
        try:
            answer = operation(**params)
        except operation.__self__.exceptions.ClientError as error:  # type: ignore[attr-defined]
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
            return error.response["Error"]["Code"], error.response["Error"]["Message"]
        raise AssertionError(f"it was accepted: {answer}")

    return call
