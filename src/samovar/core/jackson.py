"""What AWS says of a text that isn't JSON: its front ends are Java, and the words are those of Jackson's parser.

Owns: `fault`, a slow, exact reading of JSON that finds the first thing wrong. Used only once the fast decoder has
refused a text; where the two differ (lone surrogates, which JavaScript writes as escapes) this one is the judge.
Source: two recorded texts (facts/lambda-api.md §5, Invoke), the others as Jackson 2.17 words them.
"""

import re
from collections.abc import Callable
from typing import NoReturn, Optional

from samovar.core.expressions import expression

MAX_DEPTH = 1000
"""StreamReadConstraints' default."""

REDACTED = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
"""How most services name the text that they have read; EventBridge shows it."""
_VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

_SPACE = expression(rb"[ \t\r\n]*")
_TEXT = expression(rb'(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+')
_NUMBER = expression(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORD = expression(rb"[A-Za-z_$][A-Za-z0-9_$]*")
_WORDS = (b"true", b"false", b"null")


class _Fault(Exception):
    """Where the payload stops being JSON: `at` is the offset behind the offending byte or token."""

    def __init__(self, text: str, at: int) -> None:
        super().__init__(text)
        self.text = text
        self.at = at


def fault(payload: bytes, source: str = REDACTED) -> str | None:
    """Jackson's message with its location line; None when `payload` is JSON after all."""
    try:
        _Reader(payload, source).read()
    except _Fault as found:
        return found.text + location(payload, found.at, source)
    return None


def location(payload: bytes, at: int, source: str = REDACTED) -> str:
    """The line that follows a message about what ends at the offset `at`."""
    return f"\n at [Source: {source}; {_place(payload, at)}]"


def _place(payload: bytes, at: int) -> str:
    line = payload.count(b"\n", 0, at) + 1
    column = at - payload.rfind(b"\n", 0, at)
    return f"line: {line}, column: {column}"


_Step = Callable[[], Optional["_Step"]]  # reads something, and says what has to follow


class _Reader:
    def __init__(self, payload: bytes, source: str) -> None:
        self._payload = payload
        self._source = source
        self._at = 0
        self._open: list[tuple[bytes, int]] = []
        """The containers around us: opening bracket, and the offset behind it."""

    def read(self) -> None:
        if not self._peek():
            raise _Fault("No content to map due to end-of-input", self._at)
        step: _Step | None = self._value
        while step:
            step = step()

    def _value(self) -> _Step:
        byte = self._peek()
        if byte in (b"{", b"["):
            return self._enter(byte)
        if byte == b'"':
            self._string("in VALUE_STRING")
        elif byte and byte in b"-0123456789":
            self._number()
        elif byte:
            self._word(byte)
        else:
            self._ended()
        return self._after_value

    def _enter(self, bracket: bytes) -> _Step:
        self._at += 1
        self._open.append((bracket, self._at))
        if len(self._open) > MAX_DEPTH:
            raise _Fault(
                f"Document nesting depth ({MAX_DEPTH + 1}) exceeds the maximum allowed ({MAX_DEPTH}, "
                "from `StreamReadConstraints.getMaxNestingDepth()`)",
                self._at,
            )
        if self._peek() == (b"}" if bracket == b"{" else b"]"):
            return self._leave()
        return self._key if bracket == b"{" else self._value

    def _leave(self) -> _Step:
        self._at += 1
        self._open.pop()
        return self._after_value

    def _after_value(self) -> _Step | None:
        byte = self._peek()
        if not self._open:
            return self._unexpected(byte, "Expected space separating root-level values") if byte else None
        in_object = self._open[-1][0] == b"{"
        if byte == (b"}" if in_object else b"]"):
            return self._leave()
        if not byte:
            self._ended()
        if byte != b",":
            self._unexpected(byte, f"was expecting comma to separate {'Object' if in_object else 'Array'} entries")
        self._at += 1
        return self._key if in_object else self._value

    def _key(self) -> _Step:
        byte = self._peek()
        if not byte:
            self._ended()
        if byte != b'"':
            self._unexpected(byte, "was expecting double-quote to start field name")
        self._string("in field name")
        byte = self._peek()
        if not byte:
            raise _Fault("Unexpected end-of-input within/between Object entries", self._at)
        if byte != b":":
            self._unexpected(byte, "was expecting a colon to separate field name and value")
        self._at += 1
        return self._value

    def _string(self, where: str) -> None:
        start = self._at + 1
        end = self._at = _match(_TEXT, self._payload, start)
        try:
            self._payload[start:end].decode()
        except UnicodeDecodeError as error:
            kind = "start" if error.reason == "invalid start byte" else "middle"
            raise _Fault(f"Invalid UTF-8 {kind} byte 0x{self._payload[start + error.start]:02x}", end) from None
        byte = self._payload[end : end + 1]
        if not byte or (byte == b"\\" and end + 1 == len(self._payload)):
            raise _Fault(f"Unexpected end-of-input {where}", len(self._payload))
        self._at = end + 1
        if byte == b"\\":
            raise _Fault(f"Unrecognized character escape {_name(self._payload[end + 1])}", end + 2)
        if byte != b'"':
            raise _Fault(
                f"Illegal unquoted character ({_name(byte[0])}): "
                "has to be escaped using backslash to be included in string value",
                end + 1,
            )

    def _number(self) -> None:
        start = self._at
        self._at = _match(_NUMBER, self._payload, start)
        following = self._payload[self._at : self._at + 1]
        if self._at == start:
            self._at += 1
            following = self._payload[self._at : self._at + 1]
            self._unexpected(following, "expected digit (0-9) to follow minus sign, for valid numeric value")
        if following and following in b"0123456789":
            raise _Fault("Invalid numeric value: Leading zeroes not allowed", self._at)
        if following == b".":
            self._at += 1
            self._unexpected(self._payload[self._at : self._at + 1], "Decimal point not followed by a digit")
        if following and following not in b" \t\r\n,]}":
            self._unexpected(following, "Expected space separating root-level values")

    def _word(self, byte: bytes) -> None:
        start = self._at
        self._at = _match(_WORD, self._payload, start)
        word = self._payload[start : self._at]
        if word in _WORDS:
            return
        if not word:
            self._unexpected(byte, f"expected a valid value {_VALUES}")
        raise _Fault(f"Unrecognized token '{word.decode()}': was expecting {_VALUES}", self._at)

    def _peek(self) -> bytes:
        """The next byte that isn't space; empty at the end."""
        self._at = _match(_SPACE, self._payload, self._at)
        return self._payload[self._at : self._at + 1]

    def _unexpected(self, byte: bytes, comment: str) -> NoReturn:
        if not byte:
            raise _Fault(f"Unexpected end-of-input: {comment}", self._at)
        raise _Fault(f"Unexpected character ({_name(byte[0])}): {comment}", self._at + 1)

    def _ended(self) -> NoReturn:
        if not self._open:
            raise _Fault("No content to map due to end-of-input", self._at)
        bracket, start = self._open[-1]
        kind = "Object" if bracket == b"{" else "Array"
        raise _Fault(
            f"Unexpected end-of-input: expected close marker for {kind} "
            f"(start marker at [Source: {self._source}; {_place(self._payload, start - 1)}])",
            self._at,
        )


def _match(pattern: re.Pattern[bytes], payload: bytes, at: int) -> int:
    """Where a match at `at` ends; `at` itself when there is none."""
    found = pattern.match(payload, at)
    return found.end() if found else at


def _name(byte: int) -> str:
    """Jackson reads a stray byte as Latin-1."""
    return f"(CTRL-CHAR, code {byte})" if byte < 32 or 127 <= byte < 160 else f"'{chr(byte)}' (code {byte})"
