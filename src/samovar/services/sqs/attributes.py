"""Attributes of queues: which there are, what they may be, how they are shown (facts/sqs.md §3). Pure.

Rule: a queue keeps what it was given; defaults are added when somebody looks.
"""

import re
from collections.abc import Mapping

import msgspec

from samovar.core.errors import AwsError
from samovar.services.sqs.errors import invalid_value, unfit_attribute, unknown_attribute

LONGEST_POLICY = 8192

_NUMBERS = {
    "VisibilityTimeout": (30, 0, 43_200),
    "DelaySeconds": (0, 0, 900),
    "ReceiveMessageWaitTimeSeconds": (0, 0, 20),
    "MessageRetentionPeriod": (345_600, 60, 1_209_600),
    "MaximumMessageSize": (1_048_576, 1024, 1_048_576),
    "KmsDataKeyReusePeriodSeconds": (300, 60, 86_400),
}
"""Name -> (default, least, most)."""
_SWITCHES = ("FifoQueue", "ContentBasedDeduplication", "SqsManagedSseEnabled")
_CHOICES = {
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}
_TEXTS = ("Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId")
_FIFO_DEFAULTS = {
    "FifoQueue": "true",
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}
_SHOWN_BY_DEFAULT = tuple(name for name in _NUMBERS if not name.startswith("Kms"))
SETTABLE = frozenset({*_NUMBERS, *_SWITCHES, *_CHOICES, *_TEXTS})
COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
READABLE = SETTABLE | {"All", "QueueArn", "CreatedTimestamp", "LastModifiedTimestamp", *COUNTS}

_NUMBER = re.compile(r"[0-9]{1,9}")


def checked(given: Mapping[str, str], fifo: bool, new: bool) -> dict[str, str]:
    """The attributes of a request, in their one spelling; AwsError for what can't be."""
    return {name: _checked(name, value, fifo, new) for name, value in given.items()}


def merged(current: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    """`current` with changes; an empty text takes an attribute away."""
    both = {**current, **changes}
    if changes.get("SqsManagedSseEnabled") == "true" and both.get("KmsMasterKeyId"):
        raise AwsError(
            "InvalidAttributeName",
            "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS "
            "SSE.",
        )
    if changes.get("KmsMasterKeyId"):
        both["SqsManagedSseEnabled"] = "false"
    if both.get("FifoThroughputLimit") == "perMessageGroupId" and both.get("DeduplicationScope") != "messageGroup":
        raise unfit_attribute(
            "FifoThroughputLimit",
            "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup.",
        )
    if changes.get("KmsMasterKeyId") == "" and both.get("KmsDataKeyReusePeriodSeconds") == "300":
        del both["KmsDataKeyReusePeriodSeconds"]
    return {name: value for name, value in both.items() if value != ""}


def number(attributes: Mapping[str, str], name: str) -> int:
    """An attribute's value or its default."""
    return int(attributes[name]) if name in attributes else _NUMBERS[name][0]


def shown(attributes: Mapping[str, str], fifo: bool) -> dict[str, str]:
    """What can be read of a queue's own attributes, defaults included."""
    defaults = {name: str(_NUMBERS[name][0]) for name in _SHOWN_BY_DEFAULT}
    defaults["SqsManagedSseEnabled"] = "true"
    return defaults | (_FIFO_DEFAULTS if fifo else {}) | dict(attributes)


def differing(current: Mapping[str, str], given: Mapping[str, str]) -> str | None:
    """The first attribute of a second CreateQueue that isn't what the queue has."""
    for name, value in given.items():
        if current.get(name, "") != value and not _same_json(current.get(name, ""), value):
            return name
    return None


def check_range(value: int, parameter: str, low: int, high: int) -> int:
    if not low <= value <= high:
        raise invalid_value(value, parameter, f"Must be >= {low} and <= {high}, if provided.")
    return value


def _checked(name: str, value: str, fifo: bool, new: bool) -> str:
    if name not in SETTABLE:
        raise unknown_attribute(name)
    if name == "FifoQueue":
        return _fifo_queue(value, fifo, new)
    if not fifo and name == "ContentBasedDeduplication":
        raise unknown_attribute(name)
    if not fifo and name in _CHOICES:
        raise AwsError("InvalidAttributeName", f"You can specify the {name} only when FifoQueue is set to true.")
    if name in _NUMBERS:
        _, low, high = _NUMBERS[name]
        if not _NUMBER.fullmatch(value) or not low <= int(value) <= high:
            raise unfit_attribute(name)
        return str(int(value))
    if name in _SWITCHES:
        if value.lower() not in ("true", "false"):
            raise unfit_attribute(name)
        return value.lower()
    if name in _CHOICES and value not in _CHOICES[name]:
        raise unfit_attribute(name)
    if name == "Policy" and value:
        _check_policy(value)
    return value


def _fifo_queue(value: str, fifo: bool, new: bool) -> str:
    if not fifo:
        raise unknown_attribute("FifoQueue")
    if value.lower() != "true":
        raise unfit_attribute("FifoQueue", "" if new else "Modifying queue type is not supported.")
    return "true"


def _check_policy(value: str) -> None:
    try:
        document = msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        raise unfit_attribute("Policy") from None
    if not isinstance(document, dict) or "Statement" not in document or len(value.encode()) > LONGEST_POLICY:
        raise unfit_attribute("Policy")


def _same_json(one: str, other: str) -> bool:
    try:
        return bool(msgspec.json.decode(one) == msgspec.json.decode(other))
    except (msgspec.DecodeError, RecursionError):
        return False
