"""Attributes of topics: which there are, what they may be, how they are shown (facts/sns.md §3). Pure."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from samovar.core.errors import AwsError
from samovar.services.sns import retries
from samovar.services.sns.errors import invalid
from samovar.services.sns.state import Topic

LARGEST = 1_048_576
DEFAULT_SIZE = 262_144
MOST_TAGS = 50

_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
_FIFO_NAME = re.compile(r"[A-Za-z0-9_-]{1,251}\.fifo")
_SETTABLE = frozenset(
    {
        *("Policy", "DisplayName", "DeliveryPolicy", "KmsMasterKeyId", "SignatureVersion", "TracingConfig"),
        "MaximumMessageSize",
    }
)
_FIFO_SETTABLE = frozenset({"ContentBasedDeduplication", "FifoThroughputScope"})
_CHOICES = {
    "SignatureVersion": ("1", "2"),
    "TracingConfig": ("PassThrough", "Active"),
    "ContentBasedDeduplication": ("true", "false"),
    "FifoThroughputScope": ("Topic", "MessageGroup"),
}
_NOT_HERE = re.compile(r"(HTTP|Lambda|SQS|Firehose|Application)(Success|Failure)Feedback\w+|ArchivePolicy")


def check_name(name: str, attributes: Mapping[str, str]) -> None:
    fifo = attributes.get("FifoTopic", "false") == "true"
    if not (_FIFO_NAME if fifo else _NAME).fullmatch(name):
        raise invalid("Topic Name")


def checked_new(given: Mapping[str, str]) -> dict[str, str]:
    """The attributes of a new topic."""
    fifo = given.get("FifoTopic", "false") == "true"
    kept: dict[str, str] = {}
    for name, value in given.items():
        if name == "FifoTopic":
            if value not in ("true", "false"):
                raise invalid("Attributes", "FifoTopic: Invalid value. Must be true or false.")
            continue
        if name not in _SETTABLE | (_FIFO_SETTABLE if fifo else frozenset()):
            raise _unsettable(name, f"Attributes Reason: Unknown attribute: {name}")
        check(name, value)
        if value:
            kept[name] = value
    return kept


def check_change(topic: Topic, name: str, value: str) -> None:
    if name not in _SETTABLE | (_FIFO_SETTABLE if topic.fifo else frozenset()):
        raise _unsettable(name, "AttributeName")
    check(name, value)


def check(name: str, value: str) -> None:
    if name in _CHOICES and value not in _CHOICES[name]:
        raise invalid(f"{name}: Invalid value [{value}]. Must be one of: {', '.join(_CHOICES[name])}")
    if name == "MaximumMessageSize" and not (value.isascii() and value.isdigit() and 1024 <= int(value) <= LARGEST):
        raise invalid(f"MaximumMessageSize: Invalid value [{value}]. Must be between 1024 and {LARGEST}")
    if name == "DeliveryPolicy" and value:
        retries.check(value, "defaultHealthyRetryPolicy")
    if name == "Policy" and value:
        _check_policy(value)


def shown(topic: Topic, confirmed: int, pending: int) -> dict[str, str]:
    attributes = topic.attributes
    found = {
        "TopicArn": topic.arn,
        "Owner": topic.account,
        "Policy": attributes.get("Policy") or msgspec.json.encode(default_policy(topic)).decode(),
        "DisplayName": attributes.get("DisplayName", ""),
        "EffectiveDeliveryPolicy": msgspec.json.encode(
            retries.effective_topic_policy(attributes.get("DeliveryPolicy", ""))
        ).decode(),
        "SubscriptionsConfirmed": str(confirmed),
        "SubscriptionsPending": str(pending),
        "SubscriptionsDeleted": "0",
    }
    if topic.fifo:
        found |= {"FifoTopic": "true", "ContentBasedDeduplication": "false", "FifoThroughputScope": "Topic"}
    return found | attributes


def default_policy(topic: Topic) -> dict[str, Any]:
    actions = ("GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic")
    return {
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [
            {
                "Sid": "__default_statement_ID",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": [f"SNS:{name}" for name in (*actions, "Subscribe", "ListSubscriptionsByTopic", "Publish")],
                "Resource": topic.arn,
                "Condition": {"StringEquals": {"AWS:SourceOwner": topic.account}},
            }
        ],
    }


def policy(topic: Topic) -> dict[str, Any]:
    """The policy in force, with its statements as a list."""
    text = topic.attributes.get("Policy")
    if not text:
        return default_policy(topic)
    document: dict[str, Any] = msgspec.json.decode(text)
    statements = document.get("Statement", [])
    return {**document, "Statement": list(statements) if isinstance(statements, list) else [statements]}


def tags(given: list[dict[str, str]] | None) -> dict[str, str]:
    """Tags of a request as a dict."""
    pairs = [(tag["Key"], tag["Value"]) for tag in given or []]
    if len({key for key, _ in pairs}) < len(pairs):
        raise invalid("Duplicated keys are not allowed.")
    if len(pairs) > MOST_TAGS:
        raise AwsError("TagLimitExceededException", "Could not complete request: tag quota of per resource exceeded")
    return dict(pairs)


def _check_policy(text: str) -> None:
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise invalid("Policy Error: null") from None
    if not isinstance(document, dict) or "Statement" not in document:
        raise invalid("Policy statement must have a Statement")


def _unsettable(name: str, what: str) -> AwsError:
    if _NOT_HERE.fullmatch(name):
        return AwsError("NotImplementedException", f"The topic attribute {name} isn't implemented by this server yet.")
    return invalid(what)
