"""Filter criteria of event source mappings: what may stand in a pattern (facts/lambda-events.md §5). Pure.

Owns: the syntax. Refuses: matching, which comes with what delivers events.
"""

from typing import Any

import msgspec

from samovar.core.context import Params
from samovar.services.lambda_.names import invalid

LIMIT = 5
"""Patterns of one mapping."""

_COMPARISONS = frozenset({"=", "<", "<=", ">", ">="})


def patterns(criteria: Params | None) -> list[str]:
    """The patterns of FilterCriteria; raises for one that isn't."""
    found = [each.get("Pattern", "") for each in (criteria or {}).get("Filters") or []]
    if len(found) > LIMIT:
        raise invalid(f"A FilterCriteria may have at most {LIMIT} filters.")
    if not all(map(is_pattern, found)):
        raise invalid("Invalid filter pattern definition.")
    return found


def is_pattern(text: str) -> bool:
    try:
        return _is_object(msgspec.json.decode(text))
    except (msgspec.DecodeError, RecursionError):
        return False


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_member(name, each) for name, each in value.items())


def _is_member(name: str, value: Any) -> bool:
    if name == "$or":
        return isinstance(value, list) and len(value) > 0 and all(map(_is_object, value))
    if isinstance(value, list):
        return len(value) > 0 and all(map(_is_condition, value))
    return _is_object(value)


def _is_condition(value: Any) -> bool:
    if isinstance(value, list):
        return False
    if not isinstance(value, dict):
        return True
    if len(value) != 1:
        return False
    ((operator, operand),) = value.items()
    if operator == "exists":
        return isinstance(operand, bool)
    if operator in ("prefix", "suffix", "equals-ignore-case"):
        return isinstance(operand, str)
    if operator == "anything-but":
        return _is_anything_but(operand)
    return operator == "numeric" and _is_range(operand)


def _is_anything_but(operand: Any) -> bool:
    if isinstance(operand, dict):
        return len(operand) == 1 and all(isinstance(each, str) for each in operand.values())
    values = operand if isinstance(operand, list) else [operand]
    return len(values) > 0 and all(isinstance(each, str | int | float) for each in values)


def _is_range(operand: Any) -> bool:
    """`["=", 5]`, or a lower and an upper end."""
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        return False
    return all(each in _COMPARISONS for each in operand[::2] if isinstance(each, str)) and all(
        isinstance(sign, str) and isinstance(number, int | float) and not isinstance(number, bool)
        for sign, number in zip(operand[::2], operand[1::2], strict=True)
    )
