"""Redrive policies: where messages go that are received too often, and who may send them there (facts/sqs.md §4).

Pure."""

from typing import Any

import msgspec

from samovar.core import arn
from samovar.services.sqs.errors import invalid_value, unfit_attribute

DEFAULT_RECEIVES = 10
_MEMBERS = {"deadLetterTargetArn", "maxReceiveCount"}
_MOST_SOURCES = 10


class Redrive(msgspec.Struct, frozen=True):
    target_arn: str
    max_receives: int


def policy(text: str) -> Redrive:
    """A RedrivePolicy taken apart; AwsError for what isn't one."""
    document = _object(text)
    if document is None or set(document) - _MEMBERS:
        raise _refused(text, "Amazon SQS can't read the redrive policy.")
    target = document.get("deadLetterTargetArn")
    if not target:
        raise _refused(text, "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.")
    parsed = arn.parse(target) if isinstance(target, str) else None
    if parsed is None or parsed.service != "sqs":
        raise _refused(text, "Invalid value for deadLetterTargetArn.")
    count = document.get("maxReceiveCount", DEFAULT_RECEIVES)
    number = int(count) if isinstance(count, int | str) and str(count).isascii() and str(count).isdigit() else 0
    if isinstance(count, bool) or not 1 <= number <= 1000:
        raise _refused(
            text, f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both inclusive."
        )
    return Redrive(target, number)


def check_target(text: str, there: bool, same_owner: bool, same_type: bool) -> None:
    if not same_owner:
        raise _refused(text, "Dead-letter target owner should be same as the source.")
    if not there:
        raise _refused(text, "Dead letter target does not exist.")
    if not same_type:
        raise _refused(text, "Dead-letter queue must be same type of queue as the source.")


def check_allowed(text: str, allow_policy: str, source_arn: str) -> None:
    """Hold a new RedrivePolicy against the RedriveAllowPolicy of its target."""
    document = _object(allow_policy) or {}
    permission = document.get("redrivePermission", "allowAll")
    if permission == "denyAll" or (permission == "byQueue" and source_arn not in document.get("sourceQueueArns", [])):
        raise _refused(text, "Dead-letter target does not allow this queue as its source.")


def check_allow_policy(text: str) -> None:
    document = _object(text)
    permission = document.get("redrivePermission") if document else None
    sources = document.get("sourceQueueArns", []) if document else []
    named = isinstance(sources, list) and all(isinstance(each, str) for each in sources)
    if permission not in ("allowAll", "denyAll", "byQueue") or not named or len(sources) > _MOST_SOURCES:
        raise unfit_attribute("RedriveAllowPolicy")
    if (permission == "byQueue") is not bool(sources):
        raise unfit_attribute("RedriveAllowPolicy")


def _object(text: str) -> dict[str, Any] | None:
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _refused(text: str, reason: str) -> Exception:
    return invalid_value(text, "RedrivePolicy", reason)
