"""Subscriptions: their protocols, endpoints and attributes (facts/sns.md §2, §3, §4). Pure."""

import re
from collections.abc import Mapping

import msgspec

from samovar.core import arn
from samovar.core.errors import AwsError
from samovar.services.sns import filtering, retries
from samovar.services.sns.errors import invalid
from samovar.services.sns.state import Subscription, Topic

PROTOCOLS = ("sqs", "lambda", "http", "https", "email", "email-json", "sms")
_NOT_HERE = ("firehose", "application")
AT_ONCE = frozenset({"sqs", "lambda", "sms"})
"""Need no confirmation in their own account."""
_SETTABLE = frozenset({"RawMessageDelivery", "FilterPolicy", "FilterPolicyScope", "RedrivePolicy", "DeliveryPolicy"})
_NUMBER = re.compile(r"\+?[0-9]{6,15}")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+")


def check_endpoint(topic: Topic, protocol: str, endpoint: str) -> None:
    if protocol in _NOT_HERE:
        raise AwsError("NotImplementedException", f"The protocol {protocol} isn't implemented by this server yet.")
    if protocol not in PROTOCOLS:
        raise invalid(f"Amazon SNS does not support this protocol string: {protocol}")
    if protocol == "sqs":
        _check_queue(topic, endpoint)
    elif protocol == "lambda":
        parsed = arn.parse(endpoint)
        if parsed is None or parsed.service != "lambda":
            raise invalid("Lambda endpoint ARN")
    elif protocol in ("http", "https"):
        if not endpoint.startswith(f"{protocol}://"):
            raise invalid("Endpoint", f"must match the specified protocol: {protocol}")
    elif protocol == "sms":
        if not _NUMBER.fullmatch(endpoint):
            raise AwsError("InvalidParameterException", f"Invalid parameter: Invalid SMS endpoint: {endpoint}")
    elif not _MAIL.fullmatch(endpoint):
        raise invalid("Email address")
    if topic.fifo and protocol != "sqs":
        raise invalid("Invalid parameter: Endpoint Reason: FIFO topics deliver to SQS queues only")


def _check_queue(topic: Topic, endpoint: str) -> None:
    parsed = arn.parse(endpoint)
    if parsed is None or parsed.service != "sqs":
        raise invalid("SQS endpoint ARN")
    if parsed.resource.endswith(".fifo") and not topic.fifo:
        raise invalid(
            "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"
        )


def checked(topic: Topic, protocol: str, endpoint: str, given: Mapping[str, str]) -> dict[str, str]:
    """The attributes of a new subscription."""
    for name, value in given.items():
        check(topic, protocol, endpoint, given, name, value, "Attributes Reason: ")
    return {name: value for name, value in given.items() if value}


def check(
    topic: Topic, protocol: str, endpoint: str, all_: Mapping[str, str], name: str, value: str, prefix: str = ""
) -> None:
    """One attribute among all of them; `prefix` stands before the reason when subscribing."""
    if name in ("ReplayPolicy", "SubscriptionRoleArn"):
        raise AwsError("NotImplementedException", f"The attribute {name} isn't implemented by this server yet.")
    if name not in _SETTABLE:
        raise invalid("AttributeName" if not prefix else f"Attributes Reason: Unknown attribute: {name}")
    if name == "RawMessageDelivery" and value.lower() not in ("true", "false"):
        raise invalid(f"{prefix}RawMessageDelivery: Invalid value [{value}]. Must be true or false.")
    if name == "FilterPolicyScope" and value not in (filtering.ATTRIBUTES, filtering.BODY):
        raise invalid(
            f"{prefix}FilterPolicyScope: Invalid value [{value}]. Please use either MessageBody or MessageAttributes"
        )
    if name == "FilterPolicy" and value:
        filtering.compile(value, all_.get("FilterPolicyScope", filtering.ATTRIBUTES), prefix)
    if name == "RedrivePolicy" and value:
        _check_redrive(topic, endpoint, value, prefix)
    if name == "DeliveryPolicy" and value:
        if protocol not in ("http", "https"):
            raise invalid(f"{prefix}DeliveryPolicy: only HTTP endpoints have one")
        retries.check(value, "healthyRetryPolicy")


def _check_redrive(topic: Topic, endpoint: str, text: str, prefix: str) -> None:
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise invalid(f"{prefix}RedrivePolicy: failed to parse JSON.") from None
    target = document.get("deadLetterTargetArn") if isinstance(document, dict) else None
    parsed = arn.parse(target) if isinstance(target, str) else None
    if parsed is None or parsed.service != "sqs":
        raise invalid(f"{prefix}RedrivePolicy: deadLetterTargetArn is an invalid arn")
    if topic.fifo and endpoint.endswith(".fifo") and not parsed.resource.endswith(".fifo"):
        raise invalid(f"{prefix}RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.")


def shown(subscription: Subscription, topic: Topic | None) -> dict[str, str]:
    attributes = subscription.attributes
    found = {
        "SubscriptionArn": subscription.arn,
        "TopicArn": subscription.topic_arn,
        "Owner": subscription.owner,
        "Protocol": subscription.protocol,
        "Endpoint": subscription.endpoint,
        "SubscriptionPrincipal": subscription.principal,
        "ConfirmationWasAuthenticated": "true" if subscription.authenticated else "false",
        "PendingConfirmation": "false" if subscription.confirmed else "true",
        "RawMessageDelivery": attributes.get("RawMessageDelivery", "false"),
    }
    for name in ("FilterPolicy", "RedrivePolicy"):
        if attributes.get(name):
            found[name] = attributes[name]
    if "FilterPolicy" in found:
        found["FilterPolicyScope"] = subscription.scope
    if subscription.protocol in ("http", "https"):
        shared = retries.effective_topic_policy(topic.attributes.get("DeliveryPolicy", "") if topic else "")["http"]
        own = attributes.get("DeliveryPolicy")
        effective = retries.expanded_subscription_policy(own) if own else {
            "healthyRetryPolicy": shared["defaultHealthyRetryPolicy"],
            "sicklyRetryPolicy": None, "throttlePolicy": None,
            "requestPolicy": shared["defaultRequestPolicy"], "guaranteed": False,
        }  # fmt: skip
        if own:
            found["DeliveryPolicy"] = msgspec.json.encode(effective).decode()
        found["EffectiveDeliveryPolicy"] = msgspec.json.encode(effective).decode()
    return found


def same(existing: Subscription, given: Mapping[str, str]) -> bool:
    """Whether subscribing again asks for nothing new."""
    return all(existing.attributes.get(name, "") == value for name, value in given.items())
