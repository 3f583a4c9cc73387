"""When a delivery that failed is tried again (facts/sns.md §3, §4). Pure.

Owns: delivery policies of HTTP endpoints, and the fixed ones of the other protocols.
"""

from typing import Any

import msgspec

from samovar.services.sns.errors import invalid

HEALTHY: dict[str, Any] = {
    "minDelayTarget": 20,
    "maxDelayTarget": 20,
    "numRetries": 3,
    "numMaxDelayRetries": 0,
    "numNoDelayRetries": 0,
    "numMinDelayRetries": 0,
    "backoffFunction": "linear",
}
_FUNCTIONS = ("linear", "arithmetic", "geometric", "exponential")
_PHASES = {
    "aws": (3, 2, 10, 100_000, 1.0, 20.0),
    "customer": (0, 2, 10, 38, 10.0, 600.0),
}
"""Tries at once, after the shortest wait, on the way to the longest, after the longest; shortest and longest wait."""
_AWS = ("sqs", "lambda", "firehose")


def delay_s(protocol: str, policy: dict[str, Any], attempt: int) -> float | None:
    """Seconds until the next try after `attempt` tries; None when that was the last. `policy`: HTTP's healthy one."""
    if protocol in ("http", "https"):
        return _http_delay({**HEALTHY, **policy}, attempt)
    at_once, shortest, rising, longest, low, high = _PHASES["aws" if protocol in _AWS else "customer"]
    if attempt <= at_once:
        return 0.0
    if attempt <= at_once + shortest:
        return low
    step = attempt - at_once - shortest
    if step <= rising:
        return float(low * (high / low) ** (step / rising))
    return high if step <= rising + longest else None


def _http_delay(policy: dict[str, Any], attempt: int) -> float | None:
    low, high, tries = policy["minDelayTarget"], policy["maxDelayTarget"], policy["numRetries"]
    if attempt > tries:
        return None
    if attempt <= policy["numNoDelayRetries"]:
        return 0.0
    before = policy["numNoDelayRetries"] + policy["numMinDelayRetries"]
    if attempt <= before:
        return float(low)
    rising = tries - before - policy["numMaxDelayRetries"]
    step = attempt - before
    if step > rising or rising < 2:
        return float(high)
    share = (step - 1) / (rising - 1)
    kind = policy["backoffFunction"]
    if kind == "arithmetic":
        share = share * (share + 1) / 2
    elif kind in ("geometric", "exponential"):
        return float(low * (high / low) ** share)
    return float(low + (high - low) * share)


def effective_topic_policy(text: str) -> dict[str, Any]:
    """EffectiveDeliveryPolicy of a topic: what was given over the defaults."""
    given = (_object(text) or {}).get("http", {}) if text else {}
    return {
        "http": {
            "defaultHealthyRetryPolicy": {**HEALTHY, **(given.get("defaultHealthyRetryPolicy") or {})},
            "disableSubscriptionOverrides": given.get("disableSubscriptionOverrides", False),
            "defaultRequestPolicy": {
                "headerContentType": "text/plain; charset=UTF-8", **(given.get("defaultRequestPolicy") or {})
            },
        }
    }  # fmt: skip


def expanded_subscription_policy(text: str) -> dict[str, Any]:
    """DeliveryPolicy of an HTTP subscription, as it reads back."""
    given = _object(text) or {}
    return {
        "healthyRetryPolicy": {**HEALTHY, **(given.get("healthyRetryPolicy") or {})},
        "sicklyRetryPolicy": given.get("sicklyRetryPolicy"),
        "throttlePolicy": given.get("throttlePolicy"),
        "requestPolicy": given.get("requestPolicy"),
        "guaranteed": given.get("guaranteed", False),
    }


def check(text: str, healthy: str) -> None:
    """Refuse a DeliveryPolicy that can't be; `healthy` names its member."""
    document = _object(text)
    if document is None:
        raise invalid("DeliveryPolicy: failed to parse JSON")
    inner = document.get("http", {}) if healthy == "defaultHealthyRetryPolicy" else document
    policy = inner.get(healthy) if isinstance(inner, dict) else None
    if policy is None:
        return
    merged = {**HEALTHY, **policy} if isinstance(policy, dict) else {}
    numbers = [merged.get(name) for name in HEALTHY if name != "backoffFunction"]
    whole = all(isinstance(number, int) and not isinstance(number, bool) and number >= 0 for number in numbers)
    if not whole or merged["backoffFunction"] not in _FUNCTIONS:
        raise invalid(f"DeliveryPolicy: {healthy} is invalid")
    low, high = merged["minDelayTarget"], merged["maxDelayTarget"]
    if not 1 <= low <= high <= 3600 or merged["numRetries"] > 100:
        raise invalid(f"DeliveryPolicy: {healthy}: minDelayTarget, maxDelayTarget or numRetries is out of range")


def _object(text: str) -> dict[str, Any] | None:
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
