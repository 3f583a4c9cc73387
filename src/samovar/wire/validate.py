"""What the model demands of parameters: required, enum, length, range, pattern, answered in AWS's words.

Owns: `Validator`, which compiles each shape once into a check that appends a sentence per violation, and `violation`,
the error they make. Source of the texts: facts/lambda-api.md §5 (elements of lists and values of maps are told as one
sentence with all their constraints), facts/sns.md §2 (`a.1.member.b`, the path into lists and maps of structures). A
string that passed is remembered, so that the hot path doesn't match the same function name against the same pattern
twice.
"""

from collections.abc import Callable, Iterable
from typing import Any

from samovar.core.errors import AwsError
from samovar.wire import words
from samovar.wire.javaregex import JavaRegex
from samovar.wire.shapes import Description, Memo, Ref, Shape

Check = Callable[[Any, str, list[str]], None]
"""(value, its path, sentences to append to)."""
Constraint = tuple[Callable[[Any], bool], str]
"""(holds, what AWS calls it)."""

_NOT_NULL = "Member must not be null"
_FAILED = "failed to satisfy constraint: "
_REMEMBERED = 1024
_REMEMBERED_GIVEN = 64
"""Callers give the same members again and again."""
_LONGEST_REMEMBERED = 256
_LONGEST_MATCHED = 65536
"""Longer strings aren't matched: their length is what is wrong, and a pattern may take quadratic time."""


def violation(service: str, sentences: list[str]) -> AwsError:
    """The error that answers violated constraints, in the service's words."""
    spoken = words.of(service)
    if spoken.missing:
        return AwsError(spoken.invalid, sentences[0])
    header = "1 validation error" if len(sentences) == 1 else f"{len(sentences)} validation errors"
    return AwsError(spoken.invalid, f"{header} detected: {'; '.join(sentences)}")


class Validator:
    def __init__(self, service: Description, regex: JavaRegex) -> None:
        self._service = service
        self._words = words.of(service.name)
        self._regex = regex
        self._checks: Memo[Check | None] = Memo()
        self._constraints: Memo[list[Constraint]] = Memo()

    def check(self, ref: Ref) -> Check | None:
        """The check of a shape, or None where the model demands nothing."""
        return self._checks.get(ref.shape, lambda: self._compile(ref.shape))

    def _compile(self, name: str) -> Check | None:
        shape = self._service.shapes[name]
        if shape.document:
            return None
        if shape.type == "structure":
            return self._structure(name, shape)
        parts = [self._scalar(name, shape)]
        if shape.member:
            parts += [self._elements(shape.member, name), self._inside_list(shape.member)]
        if shape.key and shape.value:
            parts += [self._keys(shape.key, name), self._elements(shape.value, name), self._inside_map(shape.value)]
        checks = [part for part in parts if part]
        if len(checks) < 2:
            return checks[0] if checks else None

        def check(value: Any, path: str, found: list[str]) -> None:
            for part in checks:
                part(value, path, found)

        return check

    def _structure(self, structure: str, shape: Shape) -> Check | None:
        demands: list[tuple[str, str, Check | None]] = []
        for name, ref in shape.members.items():
            unchecked = f"{structure}.{name}" in self._words.unchecked
            check = None if unchecked else self.check(ref)
            if name in shape.required or check:
                demands.append((name, name[0].lower() + name[1:], check))
        if not demands:
            return None
        missing = self._words.missing
        concerned: dict[tuple[str, ...], list[tuple[str, str, Check | None]]] = {}
        """Names that were given -> what is demanded of them, and what must be there, in the model's order."""

        def concern(given: tuple[str, ...]) -> list[tuple[str, str, Check | None]]:
            if len(concerned) >= _REMEMBERED_GIVEN:
                concerned.clear()
            made = concerned[given] = [each for each in demands if each[0] in given or each[0] in shape.required]
            return made

        def check_structure(value: Any, path: str, found: list[str]) -> None:
            prefix = f"{path}." if path else ""
            given = tuple(value)
            concerns = concerned.get(given)
            for name, spelled, check in concern(given) if concerns is None else concerns:
                item = value.get(name)
                if item is not None:
                    if check:
                        check(item, prefix + spelled, found)
                elif name in shape.required:
                    found.append(
                        missing.format(name) if missing else f"Value null at '{prefix}{spelled}' {_FAILED}{_NOT_NULL}"
                    )

        return check_structure

    def _scalar(self, name: str, shape: Shape) -> Check | None:
        """The constraints of a shape itself: a string, a number, the size of a list, map or blob."""
        constraints = self._constraints_of(name)
        if not constraints:
            return None
        passed: set[Any] = set()
        remember = shape.type == "string"

        def check(value: Any, path: str, found: list[str]) -> None:
            if remember and value in passed:
                return
            broken = [text for holds, text in constraints if not holds(value)]
            if broken:
                told = self._told(name, value)
                found.extend(f"{told} at '{path}' {_FAILED}{text}" for text in broken)
            elif remember and len(value) <= _LONGEST_REMEMBERED:
                if len(passed) >= _REMEMBERED:
                    passed.clear()
                passed.add(value)

        return check

    def _elements(self, ref: Ref, owner: str) -> Check:
        """The elements of a list or the values of a map: one sentence for all of them."""
        shape = self._service.shapes[ref.shape]
        constraints = self._constraints_of(ref.shape)
        told = ", ".join([*(text for _, text in constraints), _NOT_NULL])
        what = "Map value" if self._service.shapes[owner].value else "Member"

        def check(value: Any, path: str, found: list[str]) -> None:
            items: Iterable[Any] = value.values() if type(value) is dict else value
            for item in items:
                if (item is None and not shape.document) or not _all_hold(constraints, item):
                    found.append(
                        f"{self._told(owner, value)} at '{path}' {_FAILED}{what} must satisfy constraint: [{told}]"
                    )
                    return

        return check

    def _keys(self, ref: Ref, owner: str) -> Check | None:
        constraints = self._constraints_of(ref.shape)
        if not constraints:
            return None
        told = ", ".join(text for _, text in constraints)

        def check(value: Any, path: str, found: list[str]) -> None:
            if not all(_all_hold(constraints, key) for key in value):
                found.append(
                    f"{self._told(owner, value)} at '{path}' {_FAILED}Map keys must satisfy constraint: [{told}]"
                )

        return check

    def _inside_list(self, ref: Ref) -> Check | None:
        check = self._inside(ref)
        if check is None:
            return None

        def check_list(value: Any, path: str, found: list[str]) -> None:
            for number, item in enumerate(value, 1):
                if item is not None:
                    check(item, f"{path}.{number}.member", found)

        return check_list

    def _inside_map(self, ref: Ref) -> Check | None:
        check = self._inside(ref)
        if check is None:
            return None

        def check_map(value: Any, path: str, found: list[str]) -> None:
            for key, item in value.items():
                if item is not None:
                    check(item, f"{path}.{key}.member", found)

        return check_map

    def _inside(self, ref: Ref) -> Check | None:
        """What is demanded below an element; the element's own constraints belong to `_elements`."""
        shape = self._service.shapes[ref.shape]
        if shape.type == "structure":
            return self.check(ref)
        if shape.member:
            return self._both(self._elements(shape.member, ref.shape), self._inside_list(shape.member))
        if shape.value:
            return self._both(self._elements(shape.value, ref.shape), self._inside_map(shape.value))
        return None

    def _both(self, first: Check, second: Check | None) -> Check:
        def check(value: Any, path: str, found: list[str]) -> None:
            first(value, path, found)
            if second:
                second(value, path, found)

        return check

    def _constraints_of(self, name: str) -> list[Constraint]:
        return self._constraints.get(name, lambda: self._compile_constraints(name, self._service.shapes[name]))

    def _compile_constraints(self, name: str, shape: Shape) -> list[Constraint]:
        if self._words.missing:
            return []
        constraints: list[Constraint] = []
        if shape.enum:
            allowed = frozenset(shape.enum)
            constraints.append((allowed.__contains__, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"))
        number = shape.type in ("integer", "long", "float", "double")
        measure, what = (_itself, "value") if number else (len, "length")
        if shape.type != "timestamp":
            if shape.max is not None and f"{name}.max" not in self._words.unchecked:
                constraints.append(
                    (_at_most(measure, shape.max), f"Member must have {what} less than or equal to {shape.max}")
                )
            if shape.min is not None:
                constraints.append(
                    (_at_least(measure, shape.min), f"Member must have {what} greater than or equal to {shape.min}")
                )
        if shape.pattern and shape.type == "string":
            matches = self._regex.matcher(shape.pattern)
            told = f"Member must satisfy regular expression pattern: {shape.pattern}"
            constraints.append((lambda value: len(value) > _LONGEST_MATCHED or matches(value), told))
        return constraints

    def _told(self, name: str, value: Any) -> str:
        """`Value 'x'`; values that are secret, or that the service never shows, aren't told."""
        if not self._words.show_value or self._service.shapes[name].sensitive:
            return "Value"
        return f"Value '{self._java(name, value)}'"

    def _java(self, name: str, value: Any) -> str:
        """A value as Java's toString has it: `[a, b]`, `{k=v}`, `KeySchemaElement(attributeName=a, keyType=HASH)`."""
        shape = self._service.shapes[name]
        if value is None:
            return "null"
        if shape.sensitive:
            return "***Sensitive Data Redacted***"
        if shape.type == "structure" and not shape.document:
            members = (f"{n[0].lower()}{n[1:]}={self._java(r.shape, value.get(n))}" for n, r in shape.members.items())
            return f"{name}({', '.join(members)})"
        if shape.member:
            return f"[{', '.join(self._java(shape.member.shape, item) for item in value)}]"
        if shape.value:
            return f"{{{', '.join(f'{key}={self._java(shape.value.shape, item)}' for key, item in value.items())}}}"
        if shape.type == "blob":
            return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
        if shape.type == "boolean":
            return "true" if value else "false"
        return str(float(value)) if shape.type in ("float", "double") else str(value)


def _all_hold(constraints: list[Constraint], value: Any) -> bool:
    return value is None or all(holds(value) for holds, _ in constraints)


def _itself(value: Any) -> Any:
    return value


def _at_most(measure: Callable[[Any], Any], limit: float) -> Callable[[Any], bool]:
    return lambda value: bool(measure(value) <= limit)


def _at_least(measure: Callable[[Any], Any], limit: float) -> Callable[[Any], bool]:
    return lambda value: bool(measure(value) >= limit)
