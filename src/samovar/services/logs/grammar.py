"""The conditions inside `{...}` and `[...]` filter patterns: tokens, precedence, comparisons, regexes. Pure.

Owns: how conditions are combined and how one value is compared. Refuses: knowing where values come from (`pattern.py`).
Precedence is () before && before ||. Regular expressions are AWS's subset: no groups, no characters beyond ASCII.
"""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from samovar.core.expressions import expression

Condition = Callable[[Any], bool]
Test = Callable[[Any], bool]
T = TypeVar("T")


class InvalidPattern(Exception):
    """The text is no filter pattern."""


class Token(NamedTuple):
    kind: str
    """`quoted`, `regex`, `selector`, `sign` or `bare`."""
    text: str


_TOKEN = expression(
    r"""\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<regex>%[^%]*%)"""
    r"""|(?P<selector>\$(?:\[(?:'[^']*'|"[^"]*"|[^\]'"]*)\]|[\w.*-])*)"""
    r"""|(?P<sign>&&|\|\||!=|<=|>=|[=<>(),])|(?P<bare>[^\s=!<>&|(),"%$][^\s=!<>&|(),"]*))"""
)
_NUMBER = expression(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_ORDER: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def tokenize(text: str) -> list[Token]:
    text = text.rstrip()
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise InvalidPattern(f"Invalid filter pattern: Invalid character(s) in term '{text[at:].split()[0]}'")
        kind = found.lastgroup or ""
        tokens.append(Token(kind, found[kind]))
        at = found.end()
    return tokens


class Parser:
    """Reads `leaf (&& leaf)* (|| ...)*` with parentheses; the caller's `leaf` reads one condition."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def parse(self, leaf: "Callable[[Parser], Condition]") -> Condition:
        condition = self._any(leaf)
        if self._at < len(self._tokens):
            raise self._unexpected()
        return condition

    def _any(self, leaf: "Callable[[Parser], Condition]") -> Condition:
        conditions = [self._all(leaf)]
        while self.skip("||"):
            conditions.append(self._all(leaf))
        return conditions[0] if len(conditions) == 1 else lambda subject: any(c(subject) for c in conditions)

    def _all(self, leaf: "Callable[[Parser], Condition]") -> Condition:
        conditions = [self._one(leaf)]
        while self.skip("&&"):
            conditions.append(self._one(leaf))
        return conditions[0] if len(conditions) == 1 else lambda subject: all(c(subject) for c in conditions)

    def _one(self, leaf: "Callable[[Parser], Condition]") -> Condition:
        if not self.skip("("):
            return leaf(self)
        condition = self._any(leaf)
        self.expect(")")
        return condition

    def take(self, *kinds: str) -> Token:
        if self._at == len(self._tokens) or self._tokens[self._at].kind not in kinds:
            raise self._unexpected()
        self._at += 1
        return self._tokens[self._at - 1]

    def skip(self, text: str) -> bool:
        """Step over a sign or a keyword if it is next."""
        if self._at < len(self._tokens) and self._tokens[self._at] in (Token("sign", text), Token("bare", text)):
            self._at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.skip(text):
            raise self._unexpected()

    def choose(self, words: Mapping[str, T]) -> T:
        token = self.take("bare")
        if token.text not in words:
            self._at -= 1
            raise self._unexpected()
        return words[token.text]

    def split(self, separator: str) -> list[list[Token]]:
        """The tokens between separators."""
        parts: list[list[Token]] = [[]]
        for token in self._tokens:
            if token == Token("sign", separator):
                parts.append([])
            else:
                parts[-1].append(token)
        return parts

    def _unexpected(self) -> InvalidPattern:
        if self._at == len(self._tokens):
            return InvalidPattern("Invalid filter pattern: unexpected end")
        return InvalidPattern(f"Invalid filter pattern: unexpected '{self._tokens[self._at].text}'")


class Value(NamedTuple):
    """A value of the log as comparisons see it: scalars have a text, and numbers are numbers."""

    value: Any

    @property
    def text(self) -> str | None:
        if isinstance(self.value, str):
            return self.value
        if self.value is None or isinstance(self.value, (dict, list)):
            return None
        return msgspec.json.encode(self.value).decode()

    @property
    def number(self) -> float | None:
        if isinstance(self.value, str):
            return float(self.value) if _NUMBER.fullmatch(self.value) else None
        if isinstance(self.value, bool) or not isinstance(self.value, (int, float)):
            return None
        return float(self.value)


def comparison(parser: Parser) -> Test:
    """Read an operator and what stands to its right. A value without a text (null, object, array) never passes."""
    sign = parser.take("sign").text
    right = parser.take("quoted", "regex", "bare")
    if sign in _ORDER:
        if right.kind != "bare" or not _NUMBER.fullmatch(right.text):
            raise InvalidPattern(f"Invalid filter pattern: '{sign}' needs a number, not '{right.text}'")
        return _ordered(_ORDER[sign], float(right.text))
    if sign not in ("=", "!="):
        raise InvalidPattern(f"Invalid filter pattern: unexpected '{sign}'")
    return _equal(_likeness(right), wanted=sign == "=")


def _ordered(holds: Callable[[float, float], bool], limit: float) -> Test:
    def test(value: Any) -> bool:
        number = Value(value).number
        return number is not None and holds(number, limit)

    return test


def _equal(alike: Callable[[Value, str], bool], wanted: bool) -> Test:
    def test(raw: Any) -> bool:
        value = Value(raw)
        text = value.text
        return text is not None and alike(value, text) is wanted

    return test


def _likeness(right: Token) -> Callable[[Value, str], bool]:
    if right.kind == "regex":
        search = regex(right.text[1:-1]).search
        return lambda value, text: search(text) is not None
    if right.kind == "bare" and _NUMBER.fullmatch(right.text):
        number = float(right.text)
        return lambda value, text: value.number == number
    wildcard = (unquote(right.text) if right.kind == "quoted" else right.text).split("*")
    return lambda value, text: _like(text, wildcard)


def unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _like(text: str, parts: list[str]) -> bool:
    """Whether text is the parts in this order, with anything between them; takes linear time."""
    if len(parts) == 1:
        return text == parts[0]
    first, *middle, last = parts
    if not text.startswith(first):
        return False
    at = len(first)
    for part in middle:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(text) - len(last) >= at and text.endswith(last)


_REGEX = expression(
    r"(?P<set>\[\^?(?:\\[^a-zA-Z0-9]|\\[dDsSwW]|\\x[0-9a-fA-F]{2}|[A-Za-z0-9:_#=@/;,.^$?{}|*+-])+\])"
    r"|\\[dDsSwW]|\\x[0-9a-fA-F]{2}|\\[^a-zA-Z0-9]|\{\d+(?:,\d*)?\}|[A-Za-z0-9:_#=@/;,.^$?|*+-]",
    re.ASCII,
)


def regex(text: str) -> re.Pattern[str]:
    """Compile the inside of `%...%`; raises InvalidPattern for what the subset doesn't have (groups, for one)."""
    translated = []
    at = 0
    while at < len(text):
        found = _REGEX.match(text, at)
        if found is None:
            raise InvalidPattern(f"Invalid filter pattern: Invalid character(s) in regular expression '%{text}%'")
        # Python warns of `||` and `--` in sets, which it may give a meaning one day.
        translated.append(re.sub(r"\|(?=\|)|-(?=-)", r"\\\g<0>", found[0]) if found["set"] else found[0])
        at = found.end()
    try:
        return re.compile("".join(translated), re.ASCII)
    except (re.error, OverflowError):
        raise InvalidPattern(f"Invalid filter pattern: Invalid regular expression '%{text}%'") from None
