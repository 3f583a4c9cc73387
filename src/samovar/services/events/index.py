"""Which rules of a bus an event may match at all: found by one of the strings that each of them asks for.

Owns: choosing that string, and looking it up. Pure. Rules: the index only leaves out what can't match; whether a rule
matches is the pattern's to say. A rule that asks for no string outright (or has an `$or`) is always a candidate. Of the
strings that a rule asks for, the one counts that the fewest others ask for.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from samovar.services.events.state import Rule

Wanted = tuple[str, str]
"""Path, with dots, and value."""


class Index:
    def __init__(self, rules: Iterable[Rule]) -> None:
        """`rules` that are enabled and have a pattern."""
        self._always: list[Rule] = []
        self._by_value: dict[Wanted, list[Rule]] = {}
        found = [(rule, _choices(json.loads(rule.pattern))) for rule in rules]
        shared = Counter(wanted for _, choices in found for choice in choices for wanted in choice)
        for rule, choices in found:
            if not choices:
                self._always.append(rule)
                continue
            for wanted in min(choices, key=lambda choice: max(shared[wanted] for wanted in choice)):
                self._by_value.setdefault(wanted, []).append(rule)
        self._paths = {path for path, _ in self._by_value}
        self._prefixes = {
            ".".join(parts[:length])
            for parts in (path.split(".") for path in self._paths)
            for length in range(1, len(parts) + 1)
        }

    def candidates(self, event: Any) -> list[Rule]:
        """Sorted by name."""
        found = {rule.name: rule for rule in self._always}
        for wanted in self._values(event, ""):
            for rule in self._by_value.get(wanted, ()):
                found[rule.name] = rule
        return [rule for _, rule in sorted(found.items())]

    def _values(self, value: Any, path: str) -> Iterator[Wanted]:
        """The strings of an event at the paths that matter."""
        if isinstance(value, str):
            if path in self._paths:
                yield path, value
        elif isinstance(value, list):
            for element in value:
                yield from self._values(element, path)
        elif isinstance(value, dict):
            for name, member in value.items():
                below = f"{path}.{name}" if path else name
                if below in self._prefixes:
                    yield from self._values(member, below)


def _choices(pattern: Any) -> list[list[Wanted]]:
    """For each field that must be one of some strings: those."""
    found: list[list[Wanted]] = []

    def walk(node: dict[str, Any], path: str) -> bool:
        """Whether everything is plain: no `$or`."""
        for name, member in node.items():
            below = f"{path}.{name}" if path else name
            if name == "$or":
                return False
            if isinstance(member, dict):
                if not walk(member, below):
                    return False
            elif isinstance(member, list) and member and all(isinstance(each, str) for each in member):
                found.append([(below, each) for each in member])
        return True

    plain = isinstance(pattern, dict) and walk(pattern, "")
    paths = [choice[0][0] for choice in found]
    return found if plain and len(paths) == len(set(paths)) else []  # the same field twice: `a.b` beside `a: b`
