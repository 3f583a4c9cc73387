"""The operators of Condition blocks (facts/iam.md §5).

Owns: each operator's comparison, `ForAllValues:`, `ForAnyValue:`, `...IfExists`, and what a missing key means. Rules:
several keys and operators are AND, several values OR (NOR where the operator is negated); a value that isn't of the
operator's type compares as false; a key with several values and an operator without prefix is met by any of them.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, TypeVar

import msgspec

from samovar.core.expressions import expression
from samovar.policy.pattern import ArnMatcher, Facts, Values, matcher

_T = TypeVar("_T")
Test = Callable[[str, Facts], bool]
"""(value of the request, facts) -> whether it matches one value of the policy."""


class Operator(msgspec.Struct, frozen=True):
    compile: Callable[[str, bool], Test]
    """(value of the policy, whether variables count) -> test."""
    negated: bool = False


def _text(*, wild: bool = False, fold: bool = False) -> Callable[[str, bool], Test]:
    def compile(value: str, variables: bool) -> Test:
        return matcher(value, variables=variables, wild=wild, fold=fold).matches

    return compile


def _arn(value: str, variables: bool) -> Test:
    return ArnMatcher(value, variables=variables).matches


def _typed(read: Callable[[str], _T | None], holds: Callable[[_T, _T], bool]) -> Callable[[str, bool], Test]:
    """`holds(of the request, of the policy)`, where both can be read."""

    def compile(value: str, variables: bool) -> Test:
        wanted = read(value)

        def test(text: str, facts: Facts) -> bool:
            given = read(text)
            return given is not None and wanted is not None and holds(given, wanted)

        return test

    return compile


_NUMBER = expression(r"[+-]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})", re.ASCII)


def number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def moment(text: str) -> float | None:
    """Epoch seconds of an ISO 8601 time or of epoch seconds."""
    if _NUMBER.fullmatch(text):
        return float(text)
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp() if read.year > 1 else None


def _bool(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.lower())


def _binary(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _address(value: str, variables: bool) -> Test:
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        return lambda text, facts: False

    def test(text: str, facts: Facts) -> bool:
        try:
            address: IPv4Address | IPv6Address = ip_address(text)
        except ValueError:
            return False
        return address.version == network.version and address in network

    return test


_COMPARE: Mapping[str, tuple[Callable[[Any, Any], bool], bool]] = {
    "Equals": (lambda given, wanted: given == wanted, False),
    "NotEquals": (lambda given, wanted: given == wanted, True),
    "LessThan": (lambda given, wanted: given < wanted, False),
    "LessThanEquals": (lambda given, wanted: given <= wanted, False),
    "GreaterThan": (lambda given, wanted: given > wanted, False),
    "GreaterThanEquals": (lambda given, wanted: given >= wanted, False),
}

OPERATORS: Mapping[str, Operator] = {
    "StringEquals": Operator(_text()),
    "StringNotEquals": Operator(_text(), negated=True),
    "StringEqualsIgnoreCase": Operator(_text(fold=True)),
    "StringNotEqualsIgnoreCase": Operator(_text(fold=True), negated=True),
    "StringLike": Operator(_text(wild=True)),
    "StringNotLike": Operator(_text(wild=True), negated=True),
    **{f"Numeric{name}": Operator(_typed(number, holds), negated) for name, (holds, negated) in _COMPARE.items()},
    **{f"Date{name}": Operator(_typed(moment, holds), negated) for name, (holds, negated) in _COMPARE.items()},
    "Bool": Operator(_typed(_bool, _COMPARE["Equals"][0])),
    "BinaryEquals": Operator(_typed(_binary, _COMPARE["Equals"][0])),
    "IpAddress": Operator(_address),
    "NotIpAddress": Operator(_address, negated=True),
    "ArnEquals": Operator(_arn),
    "ArnLike": Operator(_arn),
    "ArnNotEquals": Operator(_arn, negated=True),
    "ArnNotLike": Operator(_arn, negated=True),
}

_SPELLED = expression(r"(?:(?P<set>ForAllValues|ForAnyValue):)?(?P<name>[A-Za-z]+?)(?P<if_exists>IfExists)?")


class Spelled(msgspec.Struct, frozen=True):
    """An operator as a policy writes it."""

    set: str
    """`ForAllValues`, `ForAnyValue` or empty."""
    name: str
    if_exists: bool


def spelled(text: str) -> Spelled | None:
    """The parts of an operator's name; None when there is no such operator."""
    parts = _SPELLED.fullmatch(text)
    if parts is None:
        return None
    found = Spelled(parts["set"] or "", parts["name"], bool(parts["if_exists"]))
    if found.name == "Null":
        return None if found.if_exists else found
    return found if found.name in OPERATORS else None


class Condition:
    """One operator with one key."""

    __slots__ = ("_if_exists", "_negated", "_null", "_set", "_tests", "key")

    def __init__(self, operator: Spelled, key: str, values: Values, variables: bool) -> None:
        self.key = key.lower()
        self._set = operator.set
        self._if_exists = operator.if_exists
        self._null = {value.lower() for value in values} if operator.name == "Null" else None
        found = OPERATORS.get(operator.name)
        self._negated = bool(found and found.negated)
        self._tests = [found.compile(value, variables) for value in values] if found else []

    def holds(self, facts: Facts) -> bool:
        """Raises pattern.Unresolved."""
        given = facts(self.key)
        if self._null is not None:
            return ("true" if given is None else "false") in self._null
        if given is None:
            return self._if_exists or (self._set != "ForAnyValue" and (self._negated or self._set == "ForAllValues"))
        if self._set == "ForAllValues":
            return all(self._meets(value, facts) is not self._negated for value in given)
        if self._set == "ForAnyValue":
            return any(self._meets(value, facts) is not self._negated for value in given)
        return any(self._meets(value, facts) for value in given) is not self._negated

    def _meets(self, value: str, facts: Facts) -> bool:
        return any(test(value, facts) for test in self._tests)
