"""Event source mappings, as far as they are the same for every source: which records are wanted, how they are put into
events, and what a function says of those that failed (facts/lambda-events.md §4.3, §5, §7). Pure.
"""

import base64
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec

from samovar.core import pattern
from samovar.core.context import Params

EVENT_LIMIT = 6_291_456
"""Bytes of an event (facts/lambda-events.md §4.3)."""
_ENVELOPE = len(b'{"Records":[]}')


class Mapping(msgspec.Struct, frozen=True):
    """What a poller must know."""

    uuid: str
    account: str
    region: str
    source_arn: str
    function: str
    """Its ARN, with the qualifier that was given."""
    batch_size: int
    window_s: float = 0
    patterns: tuple[str, ...] = ()
    reports_failures: bool = False
    most_at_once: int = 0
    """MaximumConcurrency; 0 when there is none."""
    pollers: tuple[int, int] | None = None
    """ProvisionedPollerConfig: the fewest and the most; None when it isn't provisioned."""


class Filter:
    """FilterCriteria, compiled once: a record is wanted when any pattern matches, or when there are none."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = [pattern.compile(text, pattern.FILTERS) for text in patterns]

    def wants(self, record: Params, data: str) -> bool:
        """`data`: the member that holds what the producer sent. It is compared as JSON if it is a JSON object or
        array, else as the text that it is."""
        if not self._patterns:
            return True
        seen = {**record, data: _parsed(record.get(data))}
        return any(each.matches(seen) for each in self._patterns)


def _parsed(value: Any) -> Any:
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return value
    try:
        return pattern.exact(value)
    except (ValueError, RecursionError):
        return value


def failed_records(payload: bytes, ids: Collection[str]) -> Collection[str] | None:
    """What ReportBatchItemFailures says: the ids of the records that failed; None when all of them did."""
    try:
        answer = msgspec.json.decode(payload) if payload else None
    except (msgspec.DecodeError, RecursionError):
        return None
    if answer in (None, "", {}):
        return ()
    if not isinstance(answer, dict) or "batchItemFailures" not in answer:
        return None
    entries = answer["batchItemFailures"]
    if entries is None:
        return ()
    if not isinstance(entries, list):
        return None
    failed = [entry.get("itemIdentifier") if isinstance(entry, dict) else None for entry in entries]
    known = set(ids)
    return None if any(not isinstance(id, str) or id not in known for id in failed) else [str(id) for id in failed]


def events(records: Sequence[Params], most: int) -> list[tuple[list[Params], bytes]]:
    """Records as events of at most `most` records and 6 MB: (the records of each, its JSON)."""
    made: list[tuple[list[Params], bytes]] = []
    chosen: list[Params] = []
    parts: list[bytes] = []
    size = _ENVELOPE
    for record in records:
        part = msgspec.json.encode(record)
        if parts and (size + len(part) + 1 > EVENT_LIMIT or len(parts) >= most):
            made.append((chosen, _event(parts)))
            chosen, parts, size = [], [], _ENVELOPE
        chosen.append(record)
        parts.append(part)
        size += len(part) + 1
    if parts:
        made.append((chosen, _event(parts)))
    return made


def _event(parts: list[bytes]) -> bytes:
    return b'{"Records":[' + b",".join(parts) + b"]}"


def sqs_record(message: Params, source_arn: str, region: str) -> Params:
    """One message as functions see it, with every key that AWS sends."""
    record: Params = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {
            name: _sqs_attribute(value) for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": source_arn,
        "awsRegion": region,
    }
    if "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def _sqs_attribute(value: Params) -> Params:
    shown: Params = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "BinaryValue" in value:
        return {"binaryValue": base64.b64encode(value["BinaryValue"]).decode(), **shown}
    return {"stringValue": value["StringValue"], **shown}


def sqs_letter(record: Params) -> Params:
    """A record as the message that it was, to be sent to another queue."""
    letter: Params = {
        "MessageBody": record["body"],
        "MessageAttributes": {
            name: {"DataType": value["dataType"], "BinaryValue": base64.b64decode(value["binaryValue"])}
            if "binaryValue" in value
            else {"DataType": value["dataType"], "StringValue": value["stringValue"]}
            for name, value in record["messageAttributes"].items()
        },
    }
    for name in ("MessageGroupId", "MessageDeduplicationId"):
        if name in record["attributes"]:
            letter[name] = record["attributes"][name]
    return letter
