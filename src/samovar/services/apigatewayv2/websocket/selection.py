"""Selection expressions: which key a message, or an answer, selects (facts/apigateway.md §10).

    $request.body.action            ${request.body.service}-${request.body.action}        \\$default

Owns: the language, compiled once. Rules: a variable begins with `$`, with or without braces; what has no value selects
nothing, and the caller takes the default; there is no recursion.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from samovar.services.apigatewayv2.errors import bad_request

DEFAULT = "$default"

Lookup = Callable[[str], Any]
"""The value of a variable (`request.body.action`), None where there is none."""

_VARIABLE = re.compile(r"\\\$|\$\{([^{}$]+)\}|\$((?:[A-Za-z0-9_-]+)(?:\.[A-Za-z0-9_-]+|\[[^\[\]]*\])*)")
_STEP = re.compile(r"\.?([A-Za-z0-9_-]+)|\.?\[(?:'([^']*)'|\"([^\"]*)\"|(\d+))\]")


class Expression:
    """A selection expression, compiled."""

    __slots__ = ("_parts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._parts: list[tuple[bool, str]] = []
        """(whether it is a variable, its name or the text itself)."""
        at = 0
        for found in _VARIABLE.finditer(text):
            self._literal(text[at : found.start()])
            variable = found[1] or found[2]
            if variable:
                self._parts.append((True, variable))
            else:
                self._literal("$")
            at = found.end()
        self._literal(text[at:])

    def _literal(self, text: str) -> None:
        if text:
            self._parts.append((False, text))

    @property
    def variables(self) -> list[str]:
        return [name for variable, name in self._parts if variable]

    def select(self, lookup: Lookup) -> str | None:
        """The key; None when one of its variables has no value."""
        selected = ""
        for variable, name in self._parts:
            text = _as_text(lookup(name)) if variable else name
            if text is None:
                return None
            selected += text
        return selected


def checked(text: str, member: str, roots: tuple[str, ...]) -> Expression:
    """The expression of a request's member; AwsError for variables that aren't there."""
    expression = Expression(text)
    for name in expression.variables:
        if not name.startswith(roots):
            raise bad_request(f"Invalid selection expression specified for {member}: {text}")
    return expression


def _as_text(value: Any) -> str | None:
    """Scalars select by their text; objects, arrays and null by nothing."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, dict | list):
        return None
    return msgspec.json.encode(value).decode()


def dig(value: Any, path: str) -> Any:
    """What a path (`a.b[0].c`) leads to in decoded JSON; None where it leads nowhere."""
    at = 0
    while at < len(path) and value is not None:
        step = _STEP.match(path, at)
        if step is None:
            return None
        at = step.end()
        if step[4] is not None:
            index = int(step[4])
            value = value[index] if isinstance(value, list) and index < len(value) else None
        else:
            name = next(each for each in step.groups()[:3] if each is not None)
            value = value.get(name) if isinstance(value, Mapping) else None
    return value
