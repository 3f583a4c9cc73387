"""What a run used, as the platform tells it: REPORT lines, and the lines that the functions log about their calls."""

import collections
import json
import re
import time
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import stack

REPORT = re.compile(
    r"REPORT RequestId: (?P<id>\S+)\tDuration: (?P<duration>[\d.]+) ms\tBilled Duration: (?P<billed>\d+) ms"
    r"\tMemory Size: (?P<memory>\d+) MB\tMax Memory Used: (?P<used>\d+) MB(?:\tInit Duration: (?P<init>[\d.]+) ms)?"
)
LOGGED_EXTRA_BYTES = 26
"""What CloudWatch Logs counts for each event beside its text."""
PATIENCE_S = 60


class Ran(NamedTuple):
    """One function's invocations."""

    invocations: int
    cold: int
    billed_ms: int
    gb_s: float
    memory_used_mb: int


class Usage:
    """Read from the logs of both functions."""

    def __init__(self) -> None:
        self.ran: dict[str, Ran] = {}
        self.calls: collections.Counter[str] = collections.Counter()
        self.logged_bytes = 0
        self.pictures: dict[str, dict[str, Any]] = {}
        """id -> the last line about it."""
        self.complete = True
        """Whether the logs told of everything in time."""


class Dead(NamedTuple):
    """What waits in the dead-letter queue."""

    ids: set[str]
    others: int
    """Messages of earlier runs."""


def finished(cloud: stack.Cloud, bucket: str) -> tuple[set[str], set[str]]:
    """(ids that have both formats, ids that failed at least once)"""
    made = (key.rpartition(".") for key in _keys(cloud, bucket, "optimised/"))
    done = {id for id, _, format in made if format == "webp"}  # it is stored last
    failed = {key.removesuffix(".json") for key in _keys(cloud, bucket, "failed/")}
    return done, failed - done


def _keys(cloud: stack.Cloud, bucket: str, prefix: str) -> Iterator[str]:
    for page in cloud("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for each in page.get("Contents", []):
            yield each["Key"].removeprefix(prefix)


def dead_letters(cloud: stack.Cloud, url: str, expected: Collection[str]) -> Dead:
    """Look into the dead-letter queue until everything expected was seen. Nothing is taken out."""
    sqs, seen, deadline = cloud("sqs"), set(), time.monotonic() + PATIENCE_S
    others = 0
    met: set[str] = set()
    while time.monotonic() < deadline:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, VisibilityTimeout=15)
        fresh = [each for each in found.get("Messages", []) if each["MessageId"] not in met]
        met |= {each["MessageId"] for each in fresh}
        for message in fresh:
            ids = {each["s3"]["object"]["key"].rpartition("/")[2] for each in json.loads(message["Body"])["Records"]}
            seen |= ids & set(expected)
            others += not ids & set(expected)
        if not fresh and seen >= set(expected):
            break
    return Dead(seen, others)


def read(cloud: stack.Cloud, since: float, visits: int, ids: Collection[str]) -> Usage:
    """The usage since a moment (epoch seconds), once the logs tell of all visits and of the pictures `ids`."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        usage = _read(cloud, since)
        door = usage.ran.get(stack.DOOR)
        usage.complete = usage.pictures.keys() >= set(ids) and (door.invocations if door else 0) >= visits
        if usage.complete or time.monotonic() > deadline:
            return usage
        time.sleep(1)


def _read(cloud: stack.Cloud, since: float) -> Usage:
    usage = Usage()
    for function in (stack.DOOR, stack.OPTIMISE):
        reports = []
        for message in _messages(cloud, f"/aws/lambda/{function}", since):
            usage.logged_bytes += len(message.encode()) + LOGGED_EXTRA_BYTES
            report = REPORT.match(message)
            if report:
                reports.append(report)
            elif message.startswith("{"):
                _take(usage, json.loads(message))
        usage.ran[function] = Ran(
            invocations=len(reports),
            cold=sum(report["init"] is not None for report in reports),
            billed_ms=sum(int(report["billed"]) for report in reports),
            gb_s=sum(int(report["billed"]) / 1000 * int(report["memory"]) / 1024 for report in reports),
            memory_used_mb=max((int(report["used"]) for report in reports), default=0),
        )
    return usage


def _take(usage: Usage, line: dict[str, Any]) -> None:
    usage.calls.update(line.get("calls", {}))
    if "picture" in line:
        before = usage.pictures.get(line["picture"])
        if before is None or before["at"] <= line["at"]:
            usage.pictures[line["picture"]] = line


def _messages(cloud: stack.Cloud, group: str, since: float) -> Iterator[str]:
    logs = cloud("logs")
    try:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=int(since * 1000))
        for page in pages:
            for event in page["events"]:
                yield event["message"]
    except logs.exceptions.ResourceNotFoundException:
        return  # the function has not run yet
