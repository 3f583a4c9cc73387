"""Patch operations: how every Update operation of a REST API says what it wants (facts/apigateway.md §1).

Owns: the dialect. A resource's table says which paths there are, which operations each takes, and how its value is
read; `apply` does the rest. It looks like RFC 6902, but values are always strings, lists are addressed by element, and
`~1` stands for a slash inside a name. Pure: a shape is copied, never changed.

    RULES = {
        "/name": text(),                                  replace
        "/apiKeyRequired": boolean(),
        "/requestParameters/*": boolean("add replace remove"),    an entry of a map
        "/binaryMediaTypes/*": element(),                 an element of a list, named in the path
        "/authorizationScopes": listed(),                 an element of a list, named by the value
    }
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

import msgspec

from samovar.services.apigateway.state import Shape, bad

_OPERATIONS = ("add", "remove", "replace", "move", "copy", "test")


class Kind(Enum):
    ENTRY = "a member, or an entry of a map"
    ELEMENT = "an element of a list, named in the path"
    LISTED = "an element of a list, named by the value"


class Rule(msgspec.Struct, frozen=True):
    kind: Kind
    operations: frozenset[str]
    read: Callable[[str], Any]

    @property
    def empties(self) -> bool:
        """Whether an empty value removes it: of what may be removed and can't be empty."""
        return "remove" in self.operations and self.read is not str


Rules = Mapping[str, Rule]


def _boolean(value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise bad(f"Invalid boolean value specified: {value}")
    return value.lower() == "true"


def _integer(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise bad(f"Invalid integer value specified: {value}") from None


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise bad(f"Invalid number value specified: {value}") from None


def text(operations: str = "replace") -> Rule:
    return Rule(Kind.ENTRY, frozenset(operations.split()), str)


def boolean(operations: str = "replace") -> Rule:
    return Rule(Kind.ENTRY, frozenset(operations.split()), _boolean)


def integer(operations: str = "replace") -> Rule:
    return Rule(Kind.ENTRY, frozenset(operations.split()), _integer)


def number(operations: str = "replace") -> Rule:
    return Rule(Kind.ENTRY, frozenset(operations.split()), _number)


def element(operations: str = "add remove replace") -> Rule:
    return Rule(Kind.ELEMENT, frozenset(operations.split()), str)


def listed(operations: str = "add remove replace") -> Rule:
    return Rule(Kind.LISTED, frozenset(operations.split()), str)


def tokens(path: str) -> list[str]:
    """The names in a path, decoded; refused when it doesn't begin with a slash."""
    if not path.startswith("/"):
        raise bad(f"Invalid patch path {path}")
    return [each.replace("~1", "/").replace("~0", "~") for each in path[1:].split("/")]


def apply(shape: Shape, operations: Sequence[Mapping[str, Any]] | None, rules: Rules) -> Shape:
    """The shape that the operations, in their order, make of `shape`."""
    found = copy.deepcopy(shape)
    for operation in operations or ():
        op, path = operation.get("op") or "", operation.get("path") or ""
        names = tokens(path)
        _one(found, op, names, operation.get("value"), choose(rules, op, path, names))
    return found


def choose(rules: Rules, op: str, path: str, names: Sequence[str]) -> Rule:
    """The rule of a path; refused when the operation doesn't take it."""
    for pattern, rule in rules.items():
        wanted = pattern[1:].split("/")
        if (
            op in rule.operations
            and len(wanted) == len(names)
            and all(each in ("*", name) for each, name in zip(wanted, names, strict=True))
        ):
            return rule
    raise unsupported(rules, op, path)


def unsupported(rules: Rules, op: str, path: str) -> Exception:
    supported = [pattern.replace("*", "{name}") for pattern, rule in rules.items() if op in rule.operations]
    head = f"Invalid patch path  '{path}' specified for op '{op}'."
    if not supported:
        return bad(f"{head} Please choose supported operations")
    return bad(f"{head} Must be one of: [{', '.join(supported)}]")


def _one(shape: Shape, op: str, names: Sequence[str], value: str | None, rule: Rule) -> None:
    *parents, last = names
    at = shape
    if rule.kind is Kind.LISTED:
        _list(at, names, op, value or "", value or "")
    elif rule.kind is Kind.ELEMENT:
        _list(at, parents, op, last, value if op == "replace" and value else last)
    else:
        for name in parents:
            at = at.setdefault(name, {})
        if op == "remove" or (value == "" and rule.empties):
            at.pop(last, None)
        else:
            at[last] = rule.read(value or "")


def _list(shape: Shape, names: Sequence[str], op: str, old: str, new: str) -> None:
    at = shape
    for name in names[:-1]:
        at = at.setdefault(name, {})
    elements = list(at.get(names[-1]) or ())
    if op == "replace" and old == new:  # the whole list, written as one value
        elements = [each.strip() for each in new.split(",") if each.strip()]
    elif op == "replace":
        elements = [new if each == old else each for each in elements]
    elif op == "remove":
        elements = [each for each in elements if each != old]
    elif new not in elements:
        elements.append(new)
    at[names[-1]] = elements
