"""CBOR (RFC 8949), as far as AWS's protocol has it: bytes <-> dict, list, str, bytes, numbers, booleans, None.

Owns: `encode`, `decode`, `Moment`. Rules: what comes in is hostile: no length is believed beyond the bytes that are
there, and nesting ends at `_DEEPEST`. Tag 1 is a time in epoch seconds; of other tags only the value counts.
"""

import struct
from collections.abc import Callable
from typing import Any

import msgspec

_DEEPEST = 100
_SHORT = 24
_SIZES = {24: 1, 25: 2, 26: 4, 27: 8}
_INDEFINITE = 31
_BREAK = object()
_FLOATS = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}
_SIMPLE: dict[int, bool | None] = {20: False, 21: True, 22: None, 23: None}
_NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _OTHER = range(1, 8)
_EPOCH, _BIG, _BIG_NEGATIVE = 1, 2, 3
_LONGEST_BIG = 16


class CborError(ValueError):
    """The bytes aren't CBOR, or none that AWS's protocol allows."""


class Moment(msgspec.Struct, frozen=True):
    """A time to be written, in epoch seconds."""

    epoch_s: float


def decode(data: bytes) -> Any:
    """The one value that the bytes are. Raises CborError."""
    reader = _Reader(data)
    value = reader.value(0)
    if reader.at != len(data):
        raise CborError("there is something after the value")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def value(self, depth: int) -> Any:
        found = self._item(depth)
        if found is _BREAK:
            raise CborError("a break where a value was expected")
        return found

    def _item(self, depth: int) -> Any:
        if depth > _DEEPEST:
            raise CborError("the value is nested too deeply")
        first = self._take(1)[0]
        major, info = first >> 5, first & 31
        if major == _OTHER:
            return self._other(info)
        if info == _INDEFINITE:
            return self._indefinite(major, depth)
        argument = info if info < _SHORT else self._argument(info)
        if major == _TEXT:
            return self._text(argument)
        if major == _BYTES:
            return self._take(argument)
        if major == _MAP:
            return {self._key(): self.value(depth + 1) for _ in range(self._count(argument))}
        if major == _ARRAY:
            return [self.value(depth + 1) for _ in range(self._count(argument))]
        if major == _TAG:
            return _tagged(argument, self.value(depth + 1))
        return -1 - argument if major == _NEGATIVE else argument

    def _argument(self, info: int) -> int:
        size = _SIZES.get(info)
        if size is None:
            raise CborError(f"a length of kind {info} doesn't exist")
        return int.from_bytes(self._take(size), "big")

    def _count(self, argument: int) -> int:
        """Of elements, each of which takes a byte at least."""
        if argument > len(self._data) - self.at:
            raise CborError("the bytes end before the value does")
        return argument

    def _take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self._data):
            raise CborError("the bytes end before the value does")
        taken = self._data[self.at : end]
        self.at = end
        return taken

    def _text(self, size: int) -> str:
        try:
            return self._take(size).decode()
        except UnicodeDecodeError:
            raise CborError("a text isn't UTF-8") from None

    def _key(self) -> str:
        key = self.value(_DEEPEST)
        if type(key) is not str:
            raise CborError("a key of a map isn't a text")
        return key

    def _indefinite(self, major: int, depth: int) -> Any:
        """What comes in pieces, up to a break."""
        if major == _MAP:
            made: dict[str, Any] = {}
            while (key := self._item(_DEEPEST)) is not _BREAK:
                if type(key) is not str:
                    raise CborError("a key of a map isn't a text")
                made[key] = self.value(depth + 1)
            return made
        if major not in (_ARRAY, _TEXT, _BYTES):
            raise CborError("a value without a length")
        pieces: list[Any] = []
        kind = {_TEXT: str, _BYTES: bytes}.get(major)
        while (piece := self._item(depth + 1)) is not _BREAK:
            if kind is not None and type(piece) is not kind:
                raise CborError("a piece of another kind")
            pieces.append(piece)
        return pieces if kind is None else "".join(pieces) if kind is str else b"".join(pieces)

    def _other(self, info: int) -> Any:
        if info in _SIMPLE:
            return _SIMPLE[info]
        if info in _FLOATS:
            form, size = _FLOATS[info]
            return struct.unpack(form, self._take(size))[0]
        if info == _INDEFINITE:
            return _BREAK
        raise CborError(f"the simple value {info} means nothing here")


def _tagged(tag: int, value: Any) -> Any:
    if tag == _EPOCH:
        if type(value) not in (int, float):
            raise CborError("a time isn't a number")
        return float(value)
    if tag in (_BIG, _BIG_NEGATIVE):
        if type(value) is not bytes or len(value) > _LONGEST_BIG:
            raise CborError("a number that is too large")
        number = int.from_bytes(value, "big")
        return number if tag == _BIG else -1 - number
    return value


def encode(value: Any) -> bytes:
    out = bytearray()
    _write(value, out)
    return bytes(out)


def _write(value: Any, out: bytearray) -> None:
    _WRITERS[type(value)](value, out)


def _head(major: int, argument: int, out: bytearray) -> None:
    kind = major << 5
    if argument < _SHORT:
        out.append(kind | argument)
    elif argument < 1 << 8:
        out += bytes((kind | 24, argument))
    elif argument < 1 << 16:
        out += struct.pack(">BH", kind | 25, argument)
    elif argument < 1 << 32:
        out += struct.pack(">BI", kind | 26, argument)
    else:
        out += struct.pack(">BQ", kind | 27, argument)


def _write_integer(value: int, out: bytearray) -> None:
    if value >= 0:
        _head(0, value, out)
    else:
        _head(_NEGATIVE, -1 - value, out)


def _write_float(value: float, out: bytearray) -> None:
    out += struct.pack(">Bd", 0xFB, value)


def _write_text(value: str, out: bytearray) -> None:
    data = value.encode()
    _head(_TEXT, len(data), out)
    out += data


def _write_bytes(value: bytes, out: bytearray) -> None:
    _head(_BYTES, len(value), out)
    out += value


def _write_list(value: list[Any], out: bytearray) -> None:
    _head(_ARRAY, len(value), out)
    for item in value:
        _write(item, out)


def _write_map(value: dict[str, Any], out: bytearray) -> None:
    _head(_MAP, len(value), out)
    for key, item in value.items():
        _write_text(key, out)
        _write(item, out)


def _write_moment(value: Moment, out: bytearray) -> None:
    out.append(_TAG << 5 | _EPOCH)
    whole = int(value.epoch_s)
    _write(whole if whole == value.epoch_s else float(value.epoch_s), out)


_WRITERS: dict[type, Callable[[Any, bytearray], None]] = {
    str: _write_text,
    int: _write_integer,
    float: _write_float,
    bool: lambda value, out: out.append(0xF5 if value else 0xF4),
    type(None): lambda value, out: out.append(0xF6),
    bytes: _write_bytes,
    list: _write_list,
    tuple: _write_list,
    dict: _write_map,
    Moment: _write_moment,
}
