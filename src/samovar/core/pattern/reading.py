"""A pattern's text as nodes that know where they stand, for messages that say so; and numbers that know their text.

Owns: `Node` and `read`. The text is checked by `core/jackson`, so what is read here is JSON.
"""

import json
import re
from typing import Any

import msgspec

from samovar.core import jackson
from samovar.core.expressions import expression

DEEPEST = 100
"""Levels of a pattern. AWS allows 1,000 in an event; a pattern of 4,096 characters that needs more is no pattern."""

_TOKEN = expression(rb'[ \t\r\n]*+([{}\[\]:,]|"(?:[^"\\]++|\\.)*+"|[^ \t\r\n{}\[\]:,"]++)', re.DOTALL)


class PatternError(Exception):
    """Why a pattern isn't one: `reason` in AWS's words, `at` the offset in its UTF-8 behind what is wrong."""

    def __init__(self, reason: str, at: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.at = at

    def located(self, text: str, source: str) -> str:
        """The reason with its place in `text`, as Jackson tells it; `source` is how the service names the text."""
        return self.reason if self.at is None else self.reason + jackson.location(text.encode(), self.at, source)


class Number(float):
    """A number that remembers how it was written: filters of event source mappings tell 300 from 300.0."""

    text: str

    def __new__(cls, text: str) -> "Number":
        made = super().__new__(cls, text)
        made.text = text
        return made


class Node(msgspec.Struct, frozen=True):
    value: Any
    """A dict of nodes, a list of nodes, or a scalar as JSON decodes; numbers are a Number."""
    at: int
    """Where Jackson stands when it has seen it: behind the opening character, or behind a number or a word."""


def exact(text: str | bytes) -> Any:
    """A JSON text with numbers that know their text, for patterns in the dialect FILTERS; ValueError if it isn't."""
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_refuse)


def read(text: str, source: str) -> Node:
    """The nodes of a pattern's text; PatternError (with its place in the reason) when it isn't JSON."""
    payload = text.encode(errors="surrogatepass")
    fault = jackson.fault(payload, source)
    if fault:
        raise PatternError(fault)
    return _Reader(payload).value(0)


class _Reader:
    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._at = 0

    def value(self, depth: int) -> Node:
        token, start = self._next()
        if depth > DEEPEST:
            raise PatternError(f"A pattern may have at most {DEEPEST} levels", start + 1)
        if token == b"{":
            return Node(self._members(depth), start + 1)
        if token == b"[":
            return Node(self._elements(depth), start + 1)
        return Node(exact(token), start + 1 if token[:1] == b'"' else self._at)

    def _members(self, depth: int) -> dict[str, Node]:
        """Of two members with one name the last stands, in its place: alternatives are expanded in order."""
        members: dict[str, Node] = {}
        token, _ = self._next()
        while token != b"}":
            if token == b",":
                token, _ = self._next()
            name = json.loads(token)
            self._next()  # the colon
            members.pop(name, None)
            members[name] = self.value(depth + 1)
            token, _ = self._next()
        return members

    def _elements(self, depth: int) -> list[Node]:
        elements: list[Node] = []
        while True:
            before = self._at
            token, _ = self._next()
            if token == b"]":
                return elements
            if token != b",":
                self._at = before
            elements.append(self.value(depth + 1))

    def _next(self) -> tuple[bytes, int]:
        """(token, where it begins)."""
        found = _TOKEN.match(self._payload, self._at)
        assert found is not None, "the text was found to be JSON"
        self._at = found.end()
        return found[1], found.start(1)


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")
