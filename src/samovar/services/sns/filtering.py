"""Filter policies: what they may be, and which messages they let through (facts/sns.md §6). Pure.

Owns: their limits, their scopes and the wording of their errors. Refuses: the language itself (`core/pattern`).
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from samovar.core import pattern
from samovar.core.pattern import Pattern, PatternError
from samovar.services.sns.errors import invalid

ATTRIBUTES, BODY = "MessageAttributes", "MessageBody"
MOST_KEYS = 5
MOST_COMPLEX = 150
LONGEST = 256 * 1024


def compile(text: str, scope: str, prefix: str) -> Pattern:
    """A FilterPolicy; AwsError with `prefix` before the reason (`Attributes Reason: ` when subscribing)."""
    try:
        compiled = pattern.compile(text, pattern.POLICIES)
    except PatternError as error:
        told = error.located(text, f'(String)"{text}"')
        raise invalid(f"{prefix}FilterPolicy: {'failed to parse JSON. ' * _is_no_json(error)}{told}") from None
    policy = msgspec.json.decode(text)
    if len(policy) > MOST_KEYS:
        raise invalid(f"{prefix}FilterPolicy: Filter policy can not have more than {MOST_KEYS} keys")
    if len(text.encode()) > LONGEST or _complexity(policy, 1) > MOST_COMPLEX:
        raise invalid(f"{prefix}FilterPolicy: Filter policy is too complex")
    if scope == ATTRIBUTES and _is_nested(policy):
        raise invalid(f"{prefix}Filter policy scope MessageAttributes does not support nested filter policy")
    return compiled


def lets_through(policy: Pattern, scope: str, body: str, attributes: Mapping[str, Mapping[str, Any]]) -> bool:
    """`attributes`: as envelopes have them, `{"name": {"Type": ..., "Value": ...}}`."""
    if scope == ATTRIBUTES:
        return policy.matches({name: _value(value) for name, value in attributes.items()})
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return False
    return policy.matches(document)


def _value(attribute: Mapping[str, Any]) -> Any:
    kind, value = attribute["Type"], attribute["Value"]
    if kind.startswith("Number"):
        try:
            return float(value)
        except ValueError:
            return value
    if kind == "String.Array":
        try:
            return msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return value
    return value


def _is_no_json(error: PatternError) -> bool:
    """Whether the text broke off, and not its meaning: then the place is in the reason already."""
    return error.at is None


def _complexity(policy: Mapping[str, Any], depth: int) -> int:
    """The product over keys of values times depth; branches of `$or` add up."""
    product = 1
    for name, below in policy.items():
        if isinstance(below, dict):
            product *= _complexity(below, depth + 1)
        elif name == "$or" and all(isinstance(branch, dict) for branch in below):
            product *= sum(_complexity(branch, depth) for branch in below)
        else:
            product *= len(below) * depth
    return product


def _is_nested(policy: Mapping[str, Any]) -> bool:
    for name, below in policy.items():
        if isinstance(below, dict):
            return True
        if name == "$or" and any(isinstance(branch, dict) and _is_nested(branch) for branch in below):
            return True
    return False
