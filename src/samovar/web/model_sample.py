"""A mapping template that writes something in the shape of a model: a start for who writes one (GetModelTemplate).

Owns: its form. Pure. Rules: a property that is a string is `foo`, a number 42, as in AWS's examples; an array is a loop
over the input; what refers to other models is as deep as `_DEEPEST`, and as long as `_LONGEST`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

_DEEPEST = 10
_LONGEST = 100_000
"""Characters: models that refer to each other may have no end."""
_SAMPLES = {"string": '"foo"', "integer": "42", "number": "42", "boolean": "true", "null": "null"}
_ROOT = "#set($inputRoot = $input.path('$'))\n"


def sample(name: str, schemas: Mapping[str, str]) -> str:
    """The template for one of the models, whose schemas are JSON."""
    return _ROOT + _Sample(schemas).of(_read(schemas.get(name, "{}")), 0)


class _Sample:
    def __init__(self, schemas: Mapping[str, str]) -> None:
        self._schemas = schemas
        self._written = 0

    def of(self, schema: Any, depth: int) -> str:
        schema = self._followed(schema)
        kind = schema.get("type")
        kind = kind[0] if isinstance(kind, list) and kind else kind
        if depth > _DEEPEST or self._written > _LONGEST:
            return "{ }"
        if kind == "array":
            text = self._array(schema, depth)
        elif kind in _SAMPLES:
            text = _SAMPLES[kind]
        else:
            text = self._object(schema, depth)
        self._written += len(text)
        return text

    def _followed(self, schema: Any) -> dict[str, Any]:
        """What a reference to another model leads to."""
        for _ in range(_DEEPEST):
            reference = schema.get("$ref") if isinstance(schema, dict) else None
            if not isinstance(reference, str):
                break
            schema = _read(self._schemas.get(reference.rpartition("/")[2], "{}"))
        return schema if isinstance(schema, dict) else {}

    def _object(self, schema: dict[str, Any], depth: int) -> str:
        properties = schema.get("properties")
        if not isinstance(properties, dict) or not properties:
            return "{ }"
        blanks = "  " * (depth + 1)
        lines = [f"{blanks}{_quoted(name)} : {self.of(each, depth + 1)}" for name, each in properties.items()]
        return "{\n" + ",\n".join(lines) + "\n" + "  " * depth + "}"

    def _array(self, schema: dict[str, Any], depth: int) -> str:
        blanks = "  " * (depth + 1)
        item = self.of(schema.get("items") or {}, depth + 1)
        loop = f"#foreach($elem in $inputRoot)\n{blanks}{item}#if($foreach.hasNext),#end\n#end"
        return f"[\n{loop}\n{'  ' * depth}]"


def _read(schema: str) -> Any:
    try:
        return msgspec.json.decode(schema)
    except (msgspec.DecodeError, RecursionError):
        return {}


def _quoted(name: str) -> str:
    """A name as JSON, in which nothing begins a reference or a directive."""
    text = msgspec.json.encode(name).decode()
    return text.replace("$", "\\u0024").replace("#", "\\u0023")
