"""Filters of a JSONPath: `[?(@.price < 10 && @.tags contains 'new')]`.

Owns: reading the condition and asking it. Rules: what can't be compared is false, never an error; a path on its own
asks whether it is there. A regular expression is Java's, with a bound (regex.py).
"""

import re
from collections.abc import Callable
from typing import Any

from samovar.web.regex import Charge, Pattern
from samovar.wire.javaregex import JavaRegex

Condition = Callable[[Any, Any, Charge], bool]
Operand = Callable[[Any, Any, Charge], Any]


class JsonPathError(ValueError):
    """Not a path, in Jayway's words where known."""


class Missing:
    """Nothing is there, not even null."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False


_SPACE = re.compile(r"\s*")
_WORDS = "==|!=|<=|>=|=~|<|>|in|nin|subsetof|anyof|noneof|size|empty|contains"
_OPERATOR = re.compile(rf"(?:{_WORDS.replace('in|nin', '(?:nin|in)')})(?![\w])|==|!=|<=|>=|=~|<|>")
_LITERAL = re.compile(
    r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null)\b"
)
_REGEX = re.compile(r"/((?:[^/\\]|\\.)*)/(i?)")
_PATH_END = re.compile(r"(?:\.\.|\.)?(?:[\w*-]+(?:\(\))?)|\.?\[(?:'[^']*'|\"[^\"]*\"|[-\d*:, ]+)\]")
_MAX_NESTING = 20
_MAX_COMPARED = 1000


def read(path: str, at: int, compile_path: Callable[[str], Any]) -> tuple[Condition, int]:
    """The condition that begins at `at`, with its parentheses, and where it ends."""
    reader = _Reader(path, at, compile_path)
    condition = reader.condition()
    return condition, reader.at


class _Reader:
    def __init__(self, path: str, at: int, compile_path: Callable[[str], Any]) -> None:
        self._path = path
        self._compile = compile_path
        self._depth = 0
        self.at = at

    def condition(self) -> Condition:
        self._expect("(")
        inner = self._any()
        self._expect(")")
        return inner

    def _any(self) -> Condition:
        ways = [self._every()]
        while self._take("||"):
            ways.append(self._every())
        if len(ways) == 1:
            return ways[0]
        return lambda item, root, charge: any(way(item, root, charge) for way in ways)

    def _every(self) -> Condition:
        ways = [self._one()]
        while self._take("&&"):
            ways.append(self._one())
        if len(ways) == 1:
            return ways[0]
        return lambda item, root, charge: all(way(item, root, charge) for way in ways)

    def _one(self) -> Condition:
        self._depth += 1
        if self._depth > _MAX_NESTING:
            raise JsonPathError("Nested too deeply")
        try:
            if self._take("!"):
                inner = self._one()
                return lambda item, root, charge: not inner(item, root, charge)
            self._space()
            if self._path.startswith("(", self.at):
                return self.condition()
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Condition:
        left = self._operand()
        self._space()
        found = _OPERATOR.match(self._path, self.at)
        if not found:
            return lambda item, root, charge: not isinstance(left(item, root, charge), Missing)
        self.at = found.end()
        if found[0] == "=~":
            return self._matches(left)
        right = self._operand()
        test = _TESTS[found[0]]

        def compare(item: Any, root: Any, charge: Charge) -> bool:
            charge(1)
            a, b = left(item, root, charge), right(item, root, charge)
            for side in (a, b):
                if isinstance(side, list | dict | str):
                    charge(len(side) // 16)
            try:
                return bool(test(a, b))
            except (TypeError, RecursionError):
                return False

        return compare

    def _matches(self, left: Operand) -> Condition:
        self._space()
        found = _REGEX.match(self._path, self.at)
        if not found:
            raise JsonPathError("Expected a regular expression between slashes")
        self.at = found.end()
        pattern = Pattern(JavaRegex().compile(f"(?i){found[1]}" if found[2] else found[1]))

        def matches(item: Any, root: Any, charge: Charge) -> bool:
            value = left(item, root, charge)
            return isinstance(value, str) and pattern.matches(value, charge)

        return matches

    def _operand(self) -> Operand:
        self._space()
        path, at = self._path, self.at
        if path[at : at + 1] in ("@", "$"):
            return self._path_operand()
        if path.startswith("[", at):
            self.at += 1
            return self._list()
        literal = _LITERAL.match(path, at)
        if not literal:
            raise JsonPathError(f"Could not parse token starting at position {at}")
        self.at = literal.end()
        value = _value(literal)
        return lambda item, root, charge: value

    def _path_operand(self) -> Operand:
        start = self.at
        self.at += 1
        while step := _PATH_END.match(self._path, self.at):
            if self._path[self.at] not in ".[":
                break
            self.at = step.end()
        compiled = self._compile(self._path[start : self.at])
        if self._path[start] == "@":
            return lambda item, root, charge: compiled.read(item, charge, root)
        return lambda item, root, charge: compiled.read(root, charge)

    def _list(self) -> Operand:
        items: list[Operand] = []
        while not self._take("]"):
            if items and not self._take(","):
                raise JsonPathError(f"Could not parse token starting at position {self.at}")
            items.append(self._operand())
        return lambda item, root, charge: [one(item, root, charge) for one in items]

    def _space(self) -> None:
        found = _SPACE.match(self._path, self.at)
        self.at = found.end() if found else self.at

    def _take(self, sign: str) -> bool:
        self._space()
        if not self._path.startswith(sign, self.at):
            return False
        self.at += len(sign)
        return True

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise JsonPathError(f"Expected character: {sign}")


def _value(literal: re.Match[str]) -> Any:
    single, double, number, word = literal.groups()
    if number is not None:
        return float(number) if any(sign in number for sign in ".eE") else int(number)
    if word is not None:
        return {"true": True, "false": False, "null": None}[word]
    return re.sub(r"\\(.)", r"\1", single if single is not None else double)


def _same(a: Any, b: Any) -> bool:
    return _alike(a, b, [_MAX_COMPARED])


def _alike(a: Any, b: Any, left: list[int]) -> bool:
    """Equal as JSON is, looking at no more than `left` parts."""
    left[0] -= 1
    if left[0] < 0:
        return False
    if isinstance(a, dict) and isinstance(b, dict):
        return len(a) == len(b) and all(key in b and _alike(value, b[key], left) for key, value in a.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_alike(one, other, left) for one, other in zip(a, b, strict=True))
    if isinstance(a, bool | dict | list) or isinstance(b, bool | dict | list):
        return a is b
    return bool(a == b)


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(a: Any, b: Any) -> bool:
        if isinstance(a, bool) or isinstance(b, bool):
            return False
        both = (isinstance(a, int | float) and isinstance(b, int | float)) or (
            isinstance(a, str) and isinstance(b, str)
        )
        return both and test(a, b)

    return compare


def _contains(a: Any, b: Any) -> bool:
    if isinstance(a, str):
        return isinstance(b, str) and b in a
    return isinstance(a, list) and any(_same(one, b) for one in a)


def _within(a: Any, b: Any) -> bool:
    return isinstance(b, list) and any(_same(a, one) for one in b)


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "==": _same,
    "!=": lambda a, b: not _same(a, b),
    "<": _ordered(lambda a, b: a < b),
    "<=": _ordered(lambda a, b: a <= b),
    ">": _ordered(lambda a, b: a > b),
    ">=": _ordered(lambda a, b: a >= b),
    "in": _within,
    "nin": lambda a, b: not _within(a, b),
    "subsetof": lambda a, b: isinstance(a, list) and all(_within(one, b) for one in a),
    "anyof": lambda a, b: isinstance(a, list) and any(_within(one, b) for one in a),
    "noneof": lambda a, b: isinstance(a, list) and not any(_within(one, b) for one in a),
    "size": lambda a, b: isinstance(a, list | str) and len(a) == (len(b) if isinstance(b, list | str) else b),
    "empty": lambda a, b: isinstance(a, list | str) and (not a) is b,
    "contains": _contains,
}
