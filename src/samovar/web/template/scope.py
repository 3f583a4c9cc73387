"""What a template sees: `$input`, `$context`, `$stageVariables`, `$util`.

Owns: `Scope`, which a caller fills, and the objects made of it. Rules (facts/apigateway.md §5): an empty body reads
as `{}`; a parameter is looked for in the path, then in the query string, then in the headers; objects of `$context`
print as nothing. Of the request only the overrides can be changed, each of them once.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, unquote_to_bytes

import msgspec

from samovar.core import jackson
from samovar.web import jsonpath
from samovar.web.template.errors import BadBody, RenderError
from samovar.web.template.members import Run, Table
from samovar.web.template.values import JavaSet, Printable, Value, as_key, json_text, sized, text

_FLOAT = re.compile(r"\d[.eE]")
_LARGE_BODY = 65_536
"""From here on numbers with a fraction are spelled as our encoder does (`1e10`), not as Java does (`1.0E10`)."""
_SHOWN_BODY = 500
"""As much of a body as Jackson's messages show."""


@dataclass
class Scope:
    """All that one rendering gets; `request_override` and `response_override` hold afterwards what the template set."""

    body: str = ""
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    stage_variables: Mapping[str, str] = field(default_factory=dict)
    request_override: dict[str, Any] = field(default_factory=dict)
    response_override: dict[str, Any] = field(default_factory=dict)

    def variables(self, paths: "Paths") -> dict[str, Value]:
        return {
            "input": Input(self, paths),
            "context": Context(self.context, self),
            "stageVariables": View(self.stage_variables),
            "util": Util(),
        }


class Paths:
    """JSONPaths of a template, each read once; only so many are kept."""

    def __init__(self) -> None:
        self._kept: dict[str, jsonpath.Path] = {}

    def get(self, spelled: str) -> jsonpath.Path:
        path = self._kept.get(spelled)
        if path is None:
            path = jsonpath.compile(spelled)
            if len(self._kept) < 256:
                self._kept[spelled] = path
        return path


class Input(Printable):
    """`$input`: the body of the request, or of the integration's response, and the request's parameters."""

    __slots__ = ("_document", "_paths", "_read", "_scope", "methods")

    def __init__(self, scope: Scope, paths: Paths) -> None:
        self._scope = scope
        self._paths = paths
        self._read = False
        self._document: Value = None
        self.methods: Table = {
            "path": (1, 1, self._path),
            "json": (1, 1, self._json),
            "params": (0, 1, self._params),
            "body": (0, 0, lambda run, value: self._body()),
        }

    def property(self, name: str) -> Value:
        return self._body() if name == "body" else None

    def _body(self) -> str:
        return self._scope.body or "{}"

    def _found(self, run: Run, path: Value) -> Value:
        if not self._read:
            self._document = _decode(self._body(), run)
            self._read = True
        return self._paths.get(text(path, run.charge)).read(self._document, run.charge)

    def _path(self, run: Run, _: Value, path: Value) -> Value:
        found = self._found(run, path)
        return None if found is jsonpath.MISSING else found

    def _json(self, run: Run, _: Value, path: Value) -> str:
        """What isn't there is an empty string in quotes."""
        found = self._found(run, path)
        if found is jsonpath.MISSING:
            return '""'
        if not run.changed and (len(self._body()) > _LARGE_BODY or not _FLOAT.search(self._body())):
            return sized(msgspec.json.encode(found).decode(), run.charge)  # a tree, and no larger than what came in
        return json_text(found, run.charge)

    def _params(self, run: Run, _: Value, *name: Value) -> Value:
        scope = self._scope
        places = (scope.path, scope.query, scope.headers)
        if not name:
            return dict(zip(("path", "querystring", "header"), map(dict, places), strict=True))
        wanted = text(name[0], run.charge)
        return next((place[wanted] for place in places if wanted in place), "")


def _decode(body: str, run: Run) -> Value:
    raw = body.encode(errors="replace")
    run.charge(len(raw) // 256)
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        shown = body[:_SHOWN_BODY] + (
            f'"[truncated {len(body) - _SHOWN_BODY} chars]' if len(body) > _SHOWN_BODY else '"'
        )
        fault = jackson.fault(raw, f'(String)"{shown}')
    if fault is None:
        raise RenderError("A number of the body is out of range")
    raise BadBody(f"Could not parse request body into json: {fault}")


class View(Printable):
    """A map that can only be read, and that prints as nothing."""

    __slots__ = ("_values", "methods")

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self.methods: Table = {
            "get": (1, 1, lambda run, value, key: self.property(text(key, run.charge))),
            "containsKey": (1, 1, lambda run, value, key: as_key(key) in self._values),
            "keySet": (0, 0, lambda run, value: JavaSet(self._values)),
            "size": (0, 0, lambda run, value: len(self._values)),
            "isEmpty": (0, 0, lambda run, value: not self._values),
        }

    def property(self, name: str) -> Value:
        value = self._values.get(name)
        return View(value) if isinstance(value, Mapping) else value


class Context(View):
    """`$context`, with the two overrides that a template may set."""

    __slots__ = ("_overrides",)

    def __init__(self, values: Mapping[str, Any], scope: Scope) -> None:
        super().__init__(values)
        self._overrides = {"requestOverride": scope.request_override, "responseOverride": scope.response_override}

    def property(self, name: str) -> Value:
        if name in self._overrides:
            kinds = ("header", "querystring", "path") if name == "requestOverride" else ("header",)
            return Override(self._overrides[name], kinds, {"status"} if name == "responseOverride" else set())
        return super().property(name)


class Override(Printable):
    """`$context.responseOverride` and what is below it. Setting the same twice fails, as it does on AWS."""

    __slots__ = ("_free", "_kinds", "_values", "methods")

    def __init__(self, values: dict[str, Any], kinds: tuple[str, ...], free: set[str] | None) -> None:
        self._values = values
        self._kinds = kinds
        self._free = free
        self.methods: Table = {
            "put": (2, 2, self._put),
            "get": (1, 1, lambda run, value, key: self.property(text(key, run.charge))),
        }

    def property(self, name: str) -> Value:
        if name in self._kinds:
            return Override(self._values.setdefault(name, {}), (), None)
        return self._values.get(name)

    def _put(self, run: Run, _: Value, key: Value, new: Value) -> None:
        name = text(key, run.charge)
        if self._free is not None and name not in self._free:
            return
        if name in self._values:
            raise RenderError(f"{name} is overridden twice")
        self._values[name] = new if isinstance(new, int) else text(new, run.charge)


class Util(Printable):
    """`$util`."""

    __slots__ = ()

    @property
    def methods(self) -> Table:
        return UTIL


def _escape_javascript(run: Run, _: Value, value: Value) -> Value:
    """Commons Lang's, which API Gateway shows: `'` too, though JSON doesn't know it."""
    if value is None:
        return None
    plain = text(value, run.charge)
    run.charge(len(plain) // 64)
    if plain.isascii() and plain.isprintable() and not any(sign in plain for sign in "\\\"'"):
        return plain
    return sized("".join(_ESCAPES.get(char) or _unicode(char) for char in plain), run.charge)


_ESCAPES = {
    **{chr(code): chr(code) for code in range(32, 127)},
    "'": "\\'",
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\n": "\\n",
    "\t": "\\t",
    "\f": "\\f",
    "\r": "\\r",
}


def _unicode(char: str) -> str:
    raw = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{raw[at] << 8 | raw[at + 1]:04X}" for at in range(0, len(raw), 2))


def _parse_json(run: Run, _: Value, value: Value) -> Value:
    if value is None:
        return None
    raw = text(value, run.charge).encode(errors="replace")
    run.charge(len(raw) // 256)
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise RenderError(f"parseJson: {error}") from None


def _url_encode(run: Run, _: Value, value: Value) -> Value:
    """Java's URLEncoder: form style, `*` stays, `~` doesn't."""
    if value is None:
        return None
    plain = text(value, run.charge)
    run.charge(len(plain) // 64)
    return sized(quote_plus(plain.encode(errors="replace"), safe="*").replace("~", "%7E"), run.charge)


def _url_decode(run: Run, _: Value, value: Value) -> Value:
    if value is None:
        return None
    plain = text(value, run.charge)
    run.charge(len(plain) // 64)
    for piece in plain.split("%")[1:]:
        try:
            bytes.fromhex(piece[:2] if len(piece) > 1 and " " not in piece[:2] else "?")
        except ValueError:
            raise RenderError("URLDecoder: Illegal hex characters in escape (%) pattern") from None
    return unquote_to_bytes(plain.replace("+", " ").encode(errors="replace")).decode(errors="replace")


def _base64_encode(run: Run, _: Value, value: Value) -> Value:
    if value is None:
        return None
    return sized(base64.b64encode(text(value, run.charge).encode(errors="replace")).decode(), run.charge)


def _base64_decode(run: Run, _: Value, value: Value) -> Value:
    if value is None:
        return None
    spelled = text(value, run.charge)
    try:
        raw = base64.b64decode(spelled + "=" * (-len(spelled) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise RenderError("base64Decode: Illegal base64 character") from None
    return sized(raw.decode(errors="replace"), run.charge)


UTIL: Table = {
    "escapeJavaScript": (1, 1, _escape_javascript),
    "parseJson": (1, 1, _parse_json),
    "urlEncode": (1, 1, _url_encode),
    "urlDecode": (1, 1, _url_decode),
    "base64Encode": (1, 1, _base64_encode),
    "base64Decode": (1, 1, _base64_decode),
}
