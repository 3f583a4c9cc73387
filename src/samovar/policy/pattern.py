"""Wildcards and policy variables (facts/iam.md §4).

Owns: what `*`, `?` and `${...}` mean in a text of a policy, compiled once. Rules: the time to match is bounded by the
product of both lengths, whatever the pattern (a policy is its writer's, and may be hostile); what a variable stands for
is literal, so that a `*` in somebody's name is not a wildcard.
"""

import re
from collections.abc import Callable
from enum import Enum
from typing import Protocol

import msgspec

from samovar.core.expressions import expression

Values = tuple[str, ...]

Facts = Callable[[str], Values | None]
"""A condition key in lower case -> its values in the request; None when the request has none."""


class Unresolved(Exception):
    """A variable without value and without default: its statement doesn't apply."""


class Wild(Enum):
    ANY = "*"
    ONE = "?"


class Variable(msgspec.Struct, frozen=True):
    key: str
    """In lower case."""
    default: str | None


Token = str | Wild | Variable

_WILD = expression(r"(?P<wild>[*?])(?P<inside>(?!))?")
_SPECIAL = expression(r"\$\{(?P<inside>[^{}]*)\}|(?P<wild>[*?])")
_INSIDE = expression(r"\s*(?P<key>[^,\s][^,]*?)\s*(?:,\s*'(?P<default>[^']*)'\s*)?")


def tokens(text: str, *, variables: bool, wild: bool = True) -> list[Token]:
    """The parts of a text; with `wild` off, `*` and `?` are themselves."""
    found: list[Token] = []
    at = 0
    for special in (_SPECIAL if variables else _WILD).finditer(text):
        if special["wild"]:
            token: Token | None = Wild(special["wild"]) if wild else None
        else:
            token = _inside(special["inside"])
        if token is not None:
            found += [text[at : special.start()], token]
            at = special.end()
    found.append(text[at:])
    return [token for token in found if token != ""]


def _inside(text: str) -> Token | None:
    if text in ("*", "?", "$"):
        return text
    parts = _INSIDE.fullmatch(text)
    return Variable(parts["key"].lower(), parts["default"]) if parts else None


def resolved(parts: list[Token], facts: Facts) -> list[Token]:
    """With values in place of variables; raises Unresolved."""
    return [_value(part, facts) if isinstance(part, Variable) else part for part in parts]


def _value(variable: Variable, facts: Facts) -> str:
    values = facts(variable.key)
    if values is not None and len(values) == 1:
        return values[0]
    if variable.default is None:
        raise Unresolved(variable.key)
    return variable.default


class Matcher(Protocol):
    def matches(self, text: str, facts: Facts) -> bool:
        """Raises Unresolved."""
        ...


def matcher(text: str, *, variables: bool, wild: bool = True, fold: bool = False) -> Matcher:
    """The compiled text; with `fold`, upper and lower case are the same."""
    return _made(tokens(text, variables=variables, wild=wild), fold)


def _made(parts: list[Token], fold: bool) -> Matcher:
    if any(isinstance(part, Variable) for part in parts):
        return _Dynamic(parts, fold)
    if all(isinstance(part, str) for part in parts):
        return _Exact("".join(part for part in parts if isinstance(part, str)), fold)
    return _Glob(parts, fold)


class _Exact:
    __slots__ = ("_fold", "_text")

    def __init__(self, text: str, fold: bool) -> None:
        self._text = text.lower() if fold else text
        self._fold = fold

    def matches(self, text: str, facts: Facts) -> bool:
        return (text.lower() if self._fold else text) == self._text


class _Dynamic:
    __slots__ = ("_fold", "_parts")

    def __init__(self, parts: list[Token], fold: bool) -> None:
        self._parts = parts
        self._fold = fold

    def matches(self, text: str, facts: Facts) -> bool:
        return _made(resolved(self._parts, facts), self._fold).matches(text, facts)


class _Glob:
    """Segments between the stars: the first and the last are anchored, those between are found leftmost."""

    __slots__ = ("_fold", "_segments")

    def __init__(self, parts: list[Token], fold: bool) -> None:
        segments: list[list[str | Wild]] = [[]]
        for part in parts:
            if part is Wild.ANY:
                segments.append([])
            elif isinstance(part, str):
                segments[-1].append(part.lower() if fold else part)
            elif part is Wild.ONE:
                segments[-1].append(part)
        middle = [segment for segment in segments[1:-1] if segment]
        ends = [segments[-1]] if len(segments) > 1 else []
        self._segments = [_Segment(segment) for segment in [segments[0], *middle, *ends]]
        self._fold = fold

    def matches(self, text: str, facts: Facts) -> bool:
        text = text.lower() if self._fold else text
        first, *others = self._segments
        if not others:
            return len(text) == first.length and first.at(text, 0)
        *middle, last = others
        if len(text) < first.length + last.length or not first.at(text, 0):
            return False
        at, end = first.length, len(text) - last.length
        for segment in middle:
            found = segment.find(text, at, end)
            if found < 0:
                return False
            at = found + segment.length
        return at <= end and last.at(text, end)


class _Segment:
    """A run without stars: text, and single characters of any kind."""

    __slots__ = ("_regex", "_text", "length")

    def __init__(self, parts: list[str | Wild]) -> None:
        self.length = sum(len(part) if isinstance(part, str) else 1 for part in parts)
        self._text = "".join(part for part in parts if isinstance(part, str))
        self._regex = None
        if any(isinstance(part, Wild) for part in parts):
            spelled = "".join(re.escape(part) if isinstance(part, str) else "." for part in parts)
            self._regex = re.compile(spelled, re.DOTALL)

    def at(self, text: str, start: int) -> bool:
        return bool(self._regex.match(text, start)) if self._regex else text.startswith(self._text, start)

    def find(self, text: str, start: int, end: int) -> int:
        if self._regex is None:
            return text.find(self._text, start, end)
        found = self._regex.search(text, start, end)
        return found.start() if found else -1


class ArnMatcher:
    """An ARN with wildcards, compared field by field: a star doesn't reach over a colon but in the last field, and an
    empty field matches an empty one only."""

    __slots__ = ("_fields",)

    def __init__(self, text: str, *, variables: bool) -> None:
        fields = _fields(tokens(text, variables=variables))
        self._fields: list[tuple[int, Matcher]] | None = None
        if len(fields) == 6:
            self._fields = [(at, _made(parts, False)) for at, parts in enumerate(fields) if parts != [Wild.ANY]]

    @property
    def fixed(self) -> bool:
        """Whether it means the same for every request."""
        return all(not isinstance(field, _Dynamic) for _, field in self._fields or ())

    def matches_fields(self, fields: list[str], facts: Facts) -> bool:
        """`fields`: an ARN split at its first five colons."""
        if self._fields is None or len(fields) != 6:
            return False
        return all(field.matches(fields[at], facts) for at, field in self._fields)

    def matches(self, text: str, facts: Facts) -> bool:
        return self.matches_fields(text.split(":", 5), facts)


def _fields(parts: list[Token]) -> list[list[Token]]:
    fields: list[list[Token]] = [[]]
    for part in parts:
        if not isinstance(part, str):
            fields[-1].append(part)
            continue
        pieces = part.split(":", 6 - len(fields))
        for number, piece in enumerate(pieces):
            if number:
                fields.append([])
            if piece:
                fields[-1].append(piece)
    return fields
