"""JSONPath as API Gateway reads it: Jayway's.

Owns: `compile` and `Path.read`. Rules: a path that can mean only one value gives it, or `MISSING`; one that may mean
several gives a list, empty if there are none. A path without `$` gets `$.` before it. Whatever walks through a
document pays for its steps, for templates can build documents that contain themselves. Source: the README of
json-path/JsonPath, facts/apigateway.md §5.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from samovar.web import jsonpath_filter
from samovar.web.jsonpath_filter import JsonPathError as JsonPathError
from samovar.web.jsonpath_filter import Missing
from samovar.web.regex import Charge

MISSING: Final = Missing()
MAX_LENGTH = 4096
_MAX_DEPTH = 100

Step = Callable[[Any, Any, Charge], Iterator[Any]]
"""From a value (and the root) to what the step means of it."""

_NAME = re.compile(r"[^.\[\]()'\"*?,:]+")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")
_INDEXES = re.compile(r"\s*-?\d+\s*(?:,\s*-?\d+\s*)*")
_SLICE = re.compile(r"\s*(-?\d+)?\s*:\s*(-?\d+)?\s*")
_FUNCTION = re.compile(r"\.(\w+)\(\s*\)$")


class Path:
    """One path, read once."""

    __slots__ = ("_deep", "_function", "_steps", "definite")

    def __init__(
        self, steps: list[Step], definite: bool, function: Callable[[Any], Any] | None = None, deep: bool = False
    ) -> None:
        self._steps = steps
        self._function = function
        self._deep = deep
        self.definite = definite

    def read(self, document: Any, charge: Charge = lambda steps: None, root: Any = None) -> Any:
        root = document if root is None else root
        found = [document]
        for step in self._steps:
            found = [value for one in found for value in step(one, root, charge)]
            charge(1 + len(found) // 4)
            if not found:
                break
        if self.definite:
            value = found[0] if found else MISSING
            return value if self._function is None or value is MISSING else self._function(value)
        if self._function is None:
            return found
        if self._deep:
            return self._function(found)
        results = [self._function(value) for value in found]
        return [None if result is MISSING else result for result in results]


def compile(path: str) -> Path:
    if len(path) > MAX_LENGTH:
        raise JsonPathError("A path of too many characters")
    path = path.strip()
    if not path:
        raise JsonPathError("json can not be null or empty")
    if path[0] not in "$@":
        path = f"$.{path}"
    reader = _Reader(path)
    return reader.path()


class _Reader:
    def __init__(self, path: str) -> None:
        self._path = path
        self._at = 1
        self._definite = True

    def path(self) -> Path:
        function = None
        ending = _FUNCTION.search(self._path)
        if ending:
            function = _FUNCTIONS.get(ending[1])
            if function is None:
                raise JsonPathError(f"Function with name: {ending[1]} does not exist.")
            self._path = self._path[: ending.start()]
        steps: list[Step] = []
        while self._at < len(self._path):
            steps.append(self._step())
        return Path(steps, self._definite, function, deep=".." in self._path)

    def _step(self) -> Step:
        path = self._path
        if path.startswith("..", self._at):
            self._at += 2
            self._definite = False
            inner = self._bracket() if path.startswith("[", self._at) else self._name()
            return _deep(inner)
        if path.startswith(".", self._at):
            self._at += 1
            return self._bracket() if path.startswith("[", self._at) else self._name()
        if path.startswith("[", self._at):
            return self._bracket()
        raise JsonPathError(f"Could not parse token starting at position {self._at}")

    def _name(self) -> Step:
        if self._path.startswith("*", self._at):
            self._at += 1
            self._definite = False
            return _all
        found = _NAME.match(self._path, self._at)
        if not found:
            raise JsonPathError("Path must not end with a '.' or '..'")
        self._at = found.end()
        return _named([found[0]])

    def _bracket(self) -> Step:
        path = self._path
        start = self._at
        self._at += 1
        self._blanks()
        if path.startswith("*", self._at):
            self._at += 1
            self._definite = False
            step: Step = _all
        elif path.startswith("?", self._at):
            condition, self._at = jsonpath_filter.read(path, self._at + 1, compile)
            self._definite = False
            step = _filtered(condition)
        elif path[self._at : self._at + 1] in ("'", '"'):
            step = self._names()
        else:
            step = self._numbers()
        self._blanks()
        if not path.startswith("]", self._at):
            raise JsonPathError(f"Could not parse token starting at position {start}")
        self._at += 1
        return step

    def _names(self) -> Step:
        names: list[str] = []
        while True:
            found = _QUOTED.match(self._path, self._at)
            if not found:
                raise JsonPathError(f"Could not parse token starting at position {self._at}")
            names.append(re.sub(r"\\(.)", r"\1", found[1] if found[1] is not None else found[2]))
            self._at = found.end()
            self._blanks()
            if not self._path.startswith(",", self._at):
                return _named(names)
            self._at += 1
            self._blanks()

    def _numbers(self) -> Step:
        slice_ = _SLICE.match(self._path, self._at)
        if slice_:
            self._at = slice_.end()
            self._definite = False
            first, last = (int(number) if number else None for number in slice_.groups())
            return _sliced(slice(first, last))
        indexes = _INDEXES.match(self._path, self._at)
        if not indexes:
            raise JsonPathError(f"Could not parse token starting at position {self._at}")
        self._at = indexes.end()
        numbers = [int(number) for number in indexes[0].split(",")]
        if len(numbers) > 1:
            self._definite = False
        return _indexed(numbers)

    def _blanks(self) -> None:
        while self._path.startswith(" ", self._at):
            self._at += 1


def _named(names: list[str]) -> Step:
    """One name means its value; several mean an object of those that are there."""
    if len(names) == 1:
        name = names[0]

        def one(value: Any, root: Any, charge: Charge) -> Iterator[Any]:
            if isinstance(value, dict) and name in value:
                yield value[name]

        return one

    def several(value: Any, root: Any, charge: Charge) -> Iterator[Any]:
        if isinstance(value, dict):
            yield {name: value[name] for name in names if name in value}

    return several


def _all(value: Any, root: Any, charge: Charge) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _indexed(numbers: list[int]) -> Step:
    def step(value: Any, root: Any, charge: Charge) -> Iterator[Any]:
        if isinstance(value, list):
            for number in numbers:
                if -len(value) <= number < len(value):
                    yield value[number]

    return step


def _sliced(which: slice) -> Step:
    def step(value: Any, root: Any, charge: Charge) -> Iterator[Any]:
        if isinstance(value, list):
            yield from value[which]

    return step


def _filtered(condition: jsonpath_filter.Condition) -> Step:
    def step(value: Any, root: Any, charge: Charge) -> Iterator[Any]:
        if isinstance(value, list):
            for item in value:
                charge(1)
                if condition(item, root, charge):
                    yield item
        elif isinstance(value, dict):
            charge(1)
            if condition(value, root, charge):
                yield value

    return step


def _deep(inner: Step) -> Step:
    """The value and all below it, from the outside in."""

    def walk(value: Any, root: Any, charge: Charge, depth: int) -> Iterator[Any]:
        charge(1)
        if depth > _MAX_DEPTH:
            raise JsonPathError("A document that contains itself, or is nested too deeply")
        yield from inner(value, root, charge)
        below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for item in below:
            if isinstance(item, dict | list):
                yield from walk(item, root, charge, depth + 1)

    return lambda value, root, charge: walk(value, root, charge, 0)


def _numbers_of(value: Any) -> list[float]:
    numbers = [one for one in value if isinstance(one, int | float) and not isinstance(one, bool)]
    if not numbers:
        raise JsonPathError("Aggregation function attempted to calculate value using empty array")
    return numbers


def _deviation(value: Any) -> float:
    numbers = _numbers_of(value)
    mean = sum(numbers) / len(numbers)
    return float((sum((one - mean) ** 2 for one in numbers) / len(numbers)) ** 0.5)


_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "length": lambda value: len(value) if isinstance(value, list | dict | str) else MISSING,
    "size": lambda value: len(value) if isinstance(value, list | dict | str) else MISSING,
    "min": lambda value: float(min(_numbers_of(value))),
    "max": lambda value: float(max(_numbers_of(value))),
    "avg": lambda value: sum(_numbers_of(value)) / len(_numbers_of(value)),
    "sum": lambda value: float(sum(_numbers_of(value))),
    "stddev": _deviation,
    "keys": lambda value: list(value) if isinstance(value, dict) else MISSING,
    "first": lambda value: value[0] if isinstance(value, list) and value else MISSING,
    "last": lambda value: value[-1] if isinstance(value, list) and value else MISSING,
    "concat": lambda value: (
        "".join(one for one in value if isinstance(one, str)) if isinstance(value, list) else MISSING
    ),
}
