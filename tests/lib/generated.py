"""Requests and answers made from the service models by Hypothesis: valid ones, and ones with one thing wrong.

For every service: `Generator` reads botocore's view of the models, so that Samovar's own is judged by another.
"""

import re
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from samovar.wire.javaregex import JavaRegex

_ASCII = st.characters(codec="ascii", exclude_categories=["Cc"])
_PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\n\r"), max_size=8)
_NOT_MATCHING = (" ", "\n", "*", "é!", "a b", "", "-", "~", "0")

Break = tuple[str, str, Any]
"""(path, what the error says, parameters with that one thing wrong)"""


class Generator:
    """Strategies for shapes. `valid`: the model's constraints hold; `full`: no list, map or structure is empty."""

    def __init__(self, regex: JavaRegex, valid: bool, full: bool) -> None:
        self._regex = regex
        self._valid = valid
        self._full = full
        self._patterns: dict[tuple[str, int, int | None], st.SearchStrategy[str]] = {}

    def of(self, shape: Any, depth: int = 0) -> st.SearchStrategy[Any]:
        if getattr(shape, "is_document_type", False):
            return st.dictionaries(st.text("ab", max_size=2), st.integers(0, 9), max_size=2)
        kind = shape.type_name
        return getattr(self, f"_{kind}")(shape, depth)

    def _structure(self, shape: Any, depth: int) -> st.SearchStrategy[dict[str, Any]]:
        members = {n: m for n, m in shape.members.items() if not getattr(m, "is_eventstream", False)}
        if shape.is_tagged_union:
            flat = {n: m for n, m in members.items() if depth < 3 or _is_scalar(m)}
            return st.one_of([st.fixed_dictionaries({n: self._member(m, depth)}) for n, m in (flat or members).items()])
        always = [n for n in members if n in shape.required_members or _location(members[n]) == "statusCode"]
        sometimes = [n for n in members if n not in always and (depth < 3 or _is_scalar(members[n]))]
        made = st.fixed_dictionaries(
            {n: self._member(members[n], depth) for n in always},
            optional={n: self._member(members[n], depth) for n in sometimes},
        )
        return made.filter(bool) if self._full and depth and members else made

    def _member(self, shape: Any, depth: int) -> st.SearchStrategy[Any]:
        location = _location(shape)
        if location == "statusCode":
            return st.sampled_from([200, 202])
        free = not shape.metadata.get("enum") and not (self._valid and shape.metadata.get("pattern"))
        if location in ("uri", "header", "headers", "querystring") and shape.type_name == "string" and free:
            return self._sized(_PRINTABLE, shape)
        return self.of(shape, depth + 1)

    def _list(self, shape: Any, depth: int) -> st.SearchStrategy[list[Any]]:
        low, high = self._size(shape)
        # A list in a query string can't be told from none when it is empty.
        low = max(low, 1) if self._full or shape.serialization.get("location") else low
        return st.lists(self.of(shape.member, depth + 1), min_size=low, max_size=max(low, min(high, 2)))

    def _map(self, shape: Any, depth: int) -> st.SearchStrategy[dict[str, Any]]:
        low, high = self._size(shape)
        low = max(low, 1) if self._full else low
        key, value = self.of(shape.key, depth + 1), self.of(shape.value, depth + 1)
        return st.dictionaries(key, value, min_size=low, max_size=max(low, min(high, 2)))

    def _string(self, shape: Any, depth: int) -> st.SearchStrategy[str]:
        if not self._valid:
            return _TEXT
        if shape.metadata.get("enum"):
            return st.sampled_from(shape.metadata["enum"])
        if shape.metadata.get("pattern"):
            return self._matching(shape)
        return self._sized(_TEXT, shape)

    _character = _string

    def _matching(self, shape: Any) -> st.SearchStrategy[str]:
        low, high = self._size(shape)
        pattern = self._regex.compile(shape.metadata["pattern"])
        if pattern is None:
            return self._sized(_TEXT, shape)
        key = (shape.metadata["pattern"], low, high)
        if key not in self._patterns:
            if re.search(r"\\[pu]", shape.metadata["pattern"]):
                # A class that spans much of Unicode: building its strategy would take seconds.
                strategy = self._sized(st.text("ab0_", max_size=8), shape)
            else:
                strategy = st.from_regex(pattern, fullmatch=True, alphabet=_ASCII)
            self._patterns[key] = strategy.filter(
                lambda text: low <= len(text) <= high and bool(pattern.fullmatch(text))
            )
        return self._patterns[key]

    def _sized(self, strategy: st.SearchStrategy[str], shape: Any) -> st.SearchStrategy[str]:
        if not self._valid:
            return strategy
        low, high = self._size(shape)
        return strategy.map(lambda text: (text + "x" * low)[:high] if len(text) < low else text[:high])

    def _size(self, shape: Any) -> tuple[int, int]:
        if not self._valid:
            return 0, 1_000_000
        return int(shape.metadata.get("min") or 0), int(shape.metadata.get("max") or 1_000_000)

    def _integer(self, shape: Any, depth: int) -> st.SearchStrategy[int]:
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        bound = 2**31 - 1 if shape.type_name == "integer" else 2**53
        if not self._valid:
            low = high = None
        return st.integers(-bound if low is None else int(low), bound if high is None else int(high))

    _long = _integer

    def _double(self, shape: Any, depth: int) -> st.SearchStrategy[float]:
        low, high = (shape.metadata.get("min"), shape.metadata.get("max")) if self._valid else (None, None)
        return st.floats(low, high, allow_nan=False, allow_infinity=False, width=32)

    _float = _double

    def _boolean(self, shape: Any, depth: int) -> st.SearchStrategy[bool]:
        return st.booleans()

    def _blob(self, shape: Any, depth: int) -> st.SearchStrategy[bytes]:
        low, high = self._size(shape)
        return st.binary(min_size=max(low, 1), max_size=max(low, min(high, 6)))

    def _timestamp(self, shape: Any, depth: int) -> st.SearchStrategy[float]:
        # Headers tell whole seconds; so does everything here, and milliseconds have a test of their own.
        return st.integers(0, 4_000_000_000).map(float)


def _location(shape: Any) -> str:
    return str(shape.serialization.get("location", ""))


def _is_scalar(shape: Any) -> bool:
    return shape.type_name not in ("structure", "list", "map")


def wrong_scalars(shape: Any, unchecked: frozenset[str]) -> Iterator[tuple[str, Any]]:
    """(what the error says, a value that breaks it) for each constraint of a scalar."""
    limits, kind = shape.metadata, shape.type_name
    if limits.get("enum"):
        yield f"Member must satisfy enum value set: [{', '.join(limits['enum'])}]", "no such value"
    if kind == "string":
        if limits.get("max", 10**9) < 5000 and f"{shape.name}.max" not in unchecked:
            yield f"Member must have length less than or equal to {limits['max']}", "x" * (limits["max"] + 1)
        if limits.get("min", 0) > 0:
            yield f"Member must have length greater than or equal to {limits['min']}", "x" * (limits["min"] - 1)
        if limits.get("pattern") and not re.search(r"\\[pu]", limits["pattern"]):
            pattern = re.compile(limits["pattern"].replace(r"\w-", r"\w\-"), re.ASCII)
            wrong = [text for text in _NOT_MATCHING if not pattern.fullmatch(text)]
            if wrong:
                yield f"Member must satisfy regular expression pattern: {limits['pattern']}", wrong[0]
    elif kind in ("integer", "long", "float", "double"):
        if "max" in limits:
            yield f"Member must have value less than or equal to {limits['max']}", limits["max"] + 1
        if "min" in limits:
            yield f"Member must have value greater than or equal to {limits['min']}", limits["min"] - 1


def breaks(shape: Any, value: Any, path: str, unchecked: frozenset[str]) -> Iterator[Break]:
    """All the ways to spoil `value` at one place; the third is the spoilt copy."""
    if getattr(shape, "is_document_type", False):
        return
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            below = f"{path}.{name[0].lower()}{name[1:]}".lstrip(".")
            if name not in value or f"{shape.name}.{name}" in unchecked:
                continue
            if name in shape.required_members:
                yield below, "Member must not be null", {k: v for k, v in value.items() if k != name}
            for where, says, spoilt in breaks(member, value[name], below, unchecked):
                yield where, says, {**value, name: spoilt}
    elif shape.type_name == "list":
        yield from broken_sizes(shape, value, path)
        if value:
            for says, wrong in [*wrong_scalars(shape.member, unchecked), ("Member must not be null", None)]:
                yield path, says, [*value[1:], wrong]
        if value and shape.member.type_name == "structure":
            for where, says, spoilt in breaks(shape.member, value[0], f"{path}.1.member", unchecked):
                yield where, says, [spoilt, *value[1:]]
    elif shape.type_name == "map":
        yield from broken_sizes(shape, value, path)
        for key in list(value)[:1]:
            for _, wrong in wrong_scalars(shape.value, unchecked):
                yield path, "Map value must satisfy constraint: [", {**value, key: wrong}
            for _, wrong in wrong_scalars(shape.key, unchecked):
                yield path, "Map keys must satisfy constraint: [", {**value, wrong: value[key]}
            if shape.value.type_name == "structure":
                for where, says, spoilt in breaks(shape.value, value[key], f"{path}.{key}.member", unchecked):
                    yield where, says, {**value, key: spoilt}
    else:
        for says, wrong in wrong_scalars(shape, unchecked):
            yield path, says, wrong


def broken_sizes(shape: Any, value: Any, path: str) -> Iterator[Break]:
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 10**9)
    if low > 0:
        yield path, f"Member must have length greater than or equal to {low}", type(value)()
    if value and high < 300 and shape.type_name == "list":
        yield path, f"Member must have length less than or equal to {high}", value * (high + 1)
