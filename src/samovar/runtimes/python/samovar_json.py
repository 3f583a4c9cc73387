"""awslambdaric's JSON, made quick: the same values and the same texts, by the interpreter's own C code.

awslambdaric uses simplejson, whose C part fits one version of Python only: on all others it takes ten times as long.
Rules:
 1. What the interpreter's code takes comes out as simplejson's does. Whatever it refuses, and all whose meaning
    differs (named tuples, bytes, Decimals, NaN in an event), is done by awslambdaric itself, which words errors, too.
 2. Once a function has replaced a part of awslambdaric's or simplejson's way, all is done by that.
 3. It is only used where it agrees with what is installed: see `adopt`.
"""

from __future__ import annotations

import json
import json.encoder
import marshal
import operator
from typing import Any  # noqa: F401 - in the types

from awslambdaric import lambda_runtime_marshaller as theirs

_LARGE = 64 * 1024
_PIECE = 128 * 1024
"""Of a text: it stays in the CPU's cache while it is searched."""
_ESCAPED = [chr(code) for code in range(32)] + ['"', "\\", "\x7f"]
"""What isn't written as itself in JSON, of ASCII."""
_MOST_MEMBERS = 16
_SPACE = " \t\n\r"

_way = operator.attrgetter(
    *("LambdaMarshaller.unmarshal_request", "LambdaMarshaller.marshal_response", "json.loads"),
    *("Encoder.encode", "Encoder.iterencode", "Encoder.default"),
)
"""Of awslambdaric's module: all that it goes through, and a function may have replaced."""

_VALUES = (
    *(None, True, 0, -1, 10**30, 1.5, 1e-7, 1e16, 1e400, "", "x", "".join(map(chr, range(0x180)))),
    *("\u2028\u2029\ud800\U0001f600", [], {}, [[]], {"a": [1, {"b": None}], "c": "\xe9"}, (1, (2,)), ["x" * 70000]),
    {1: 2, None: 3, 1.5: 4, False: 5, "x": 6},
)  # type: tuple
_TEXTS = (
    *(b"1", b" [1 , 2.5e3,-0,\ttrue]\r\n", b'"\\u00e9\\ud83d\\ude00\\ud800 \\/\\b"', b'{"a":{"a":1,"a":2},"":[]}'),
    *(b"123456789012345678901", b"1e999", '["\xe9\U0001f600"]'.encode("utf-8")),
)


class Differs(Exception):
    """Not what the quick way is for."""


def _refuse(value):
    # type: (object) -> None
    raise Differs


class Pieces:
    """A JSON text of ASCII that isn't put together."""

    def __init__(self, texts):
        # type: (list) -> None
        self._texts = texts

    def __len__(self):
        # type: () -> int
        """Bytes."""
        return sum(map(len, self._texts))

    def __iter__(self):
        # type: () -> Any
        """Bytes, few enough at a time to stay in the cache."""
        for text in self._texts:
            for at in range(0, len(text), _PIECE):
                yield text[at : at + _PIECE].encode("ascii")


class Marshaller(theirs.LambdaMarshaller):  # type: ignore[misc]
    """In the place of awslambdaric's own. While `plain`, an event may be any buffer, and an answer may be Pieces."""

    def __init__(self, pristine):
        # type: (Any) -> None
        self.jsonEncoder = self._encoder = pristine.jsonEncoder
        self._options = dict(vars(self._encoder))
        self._way = _way(theirs)
        self._still_plain = False
        self._scan = json.JSONDecoder(parse_constant=_refuse).scan_once  # type: ignore[attr-defined]
        quote = json.encoder.encode_basestring_ascii if self._encoder.ensure_ascii else json.encoder.encode_basestring
        # Circles needn't be looked for: they end in an error, and simplejson finds them then.
        make = json.encoder.c_make_encoder  # type: ignore[attr-defined]
        self._encode = make(None, _refuse, quote, None, ": ", ", ", False, False, True)

    @property
    def plain(self):
        # type: () -> bool
        """No part of the way has been replaced."""
        encoder = self._encoder
        return self.jsonEncoder is encoder and _way(theirs) == self._way and encoder.__dict__ == self._options

    def unmarshal_request(self, request, content_type="application/json"):
        # type: (Any, str) -> Any
        # Between an answer and the next event this thread runs no code of the function, which could replace something.
        plain, self._still_plain = self._still_plain or self.plain, False
        if content_type == "application/json" and plain:
            try:
                return self.read(request)
            except Exception:  # noqa: BLE001, S110 - whatever it is, the other way meets it again
                pass
        return theirs.LambdaMarshaller.unmarshal_request(self, bytes(request), content_type)

    def marshal_response(self, response):
        # type: (Any) -> tuple
        self._still_plain = plain = self.plain
        if plain:
            try:
                return self.write(response), "application/json"
            except Exception:  # noqa: BLE001, S110 - whatever it is, the other way meets it again
                pass
        return theirs.LambdaMarshaller.marshal_response(self, response)

    def read(self, data):
        # type: (Any) -> Any
        text = str(data, "utf-8").strip(_SPACE)
        value, end = self._scan(text, 0)
        if end != len(text):
            raise Differs
        return value

    def write(self, value):
        # type: (Any) -> Any
        """Text or, of one with large texts in it, Pieces."""
        kind = type(value)
        if kind is dict and len(value) <= _MOST_MEMBERS:
            for member in value.values():
                if type(member) is str and len(member) > _LARGE:
                    pieces = self._pieces(value)
                    if pieces is not None:
                        return pieces
                    break
        elif kind is str and len(value) > _LARGE and _unescaped(value):
            return Pieces(['"', value, '"'])
        return self._text(value)

    def _text(self, value):
        # type: (Any) -> str
        if type(value) is not str:
            marshal.dumps(value)  # an error unless all in it is of the plain types themselves: no class, no named tuple
        return "".join(self._encode(value, 0))

    def _pieces(self, value):
        # type: (dict) -> Pieces | None
        """None where not all is ASCII, or a name is no text."""
        texts, before = [], "{"
        for name, member in value.items():
            if type(name) is not str:
                return None
            texts.append("%s%s: " % (before, self._text(name)))
            if type(member) is str and len(member) > _LARGE and _unescaped(member):
                texts += ['"', member, '"']
            else:
                texts.append(self._text(member))
            before = ", "
        texts.append("}")
        return Pieces(texts) if all(text.isascii() for text in texts) else None


def _unescaped(text):
    # type: (str) -> bool
    """Whether it is written as it is; a few searches by the C library are quicker than a look at each character."""
    if not text.isascii():
        return False
    for at in range(0, len(text), _PIECE):
        piece = text[at : at + _PIECE]
        for escaped in _ESCAPED:
            if escaped in piece:
                return False
    return True


def adopt(client):
    # type: (Any) -> None
    """Take the place of the marshaller of awslambdaric's client class, if it does what that does."""
    pristine = client.marshaller
    if type(pristine) is not theirs.LambdaMarshaller or getattr(json.encoder, "c_make_encoder", None) is None:
        return
    ours = Marshaller(pristine)
    encode, decode = pristine.jsonEncoder.encode, theirs.json.loads
    if not all("".join(ours._encode(value, 0)) == encode(value) for value in _VALUES):
        return
    if all(repr(ours.read(text)) == repr(decode(text)) for text in _TEXTS):
        client.marshaller = ours
