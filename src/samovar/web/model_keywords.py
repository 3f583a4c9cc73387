"""The keywords of JSON schema draft 4, each with the message of json-schema-validator.

Owns: `checks`, which makes a schema's keywords functions. Rules: a check says what is wrong with one value, not with
what is inside it; keywords with values that make no sense are refused when the schema is read.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from samovar.web.model_formats import FORMATS
from samovar.web.regex import Pattern
from samovar.wire.javaregex import JavaRegex


class ModelError(ValueError):
    """A schema that can't be understood, or a validation that takes too long."""


class Account:
    """What one validation may still do."""

    __slots__ = ("_steps", "depth")

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self.depth = 0

    def pay(self, steps: int) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise ModelError("The model takes too long for this body")


Check = Callable[[Any, Account], str | None]
Matches = Callable[[str, Account], bool]
Build = Callable[[Any], Callable[[Any, Account], list[str]]]
Schema = Mapping[str, Any]

_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")


def checks(schema: Schema, build: Build) -> list[Check]:
    """In alphabetical order of their keywords."""
    made = (make(schema, build) for name, make in sorted(_KEYWORDS.items()) if name in schema)
    return [check for check in made if check]


def schemas(schema: Schema, keyword: str) -> dict[str, Any]:
    value = schema.get(keyword, {})
    if not isinstance(value, dict):
        raise ModelError(f"Keyword {keyword} must be an object")
    return value


def pattern(spelled: str) -> Matches:
    """ECMA 262's, found anywhere in the text."""
    compiled = Pattern(JavaRegex().compile(spelled))
    return lambda text, account: any(True for _ in compiled.find(text, account.pay))


def type_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    return "object" if isinstance(value, dict) else "array"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _count(schema: Schema, keyword: str) -> int:
    value = schema[keyword]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ModelError(f"Keyword {keyword} must be a positive integer")
    return value


def _type(schema: Schema, build: Build) -> Check:
    given = schema["type"]
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list) or not names or any(name not in _TYPES for name in names):
        raise ModelError(f"Invalid type: {_json(given)}")
    allowed = sorted({*names, *(["integer"] if "number" in names else [])})
    known, spelled = frozenset(allowed), _json(allowed)

    def check(value: Any, account: Account) -> str | None:
        kind = type_of(value)
        if kind in known:
            return None
        return f"instance type ({kind}) does not match any allowed primitive type (allowed: {spelled})"

    return check


def _enum(schema: Schema, build: Build) -> Check:
    given = schema["enum"]
    if not isinstance(given, list) or not given:
        raise ModelError("Keyword enum must be a non-empty array")
    known, spelled = {canonical(value) for value in given}, _json(given)

    def check(value: Any, account: Account) -> str | None:
        account.pay(_size(value))
        if canonical(value) in known:
            return None
        return f"instance value ({_json(value)}) not found in enum (possible values: {spelled})"

    return check


def canonical(value: Any) -> bytes:
    """The same for equal values, 1 and 1.0 among them, and for no others."""
    return msgspec.json.encode(_even(value), order="deterministic")


def _even(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, list):
        return [_even(item) for item in value]
    return {name: _even(item) for name, item in value.items()} if isinstance(value, dict) else value


def _size(value: Any) -> int:
    """About what walking through a value costs."""
    if isinstance(value, dict):
        return 1 + sum(_size(item) for item in value.values())
    return 1 + sum(_size(item) for item in value) if isinstance(value, list) else 1


def _required(schema: Schema, build: Build) -> Check | None:
    names = schema["required"]
    if isinstance(names, bool):
        return None  # draft 3's, in a property: ignored
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ModelError("Keyword required must be an array of strings")

    def check(value: Any, account: Account) -> str | None:
        missing = [name for name in sorted(names) if name not in value] if isinstance(value, dict) else []
        return f"object has missing required properties ({_json(missing)})" if missing else None

    return check


def _additional_properties(schema: Schema, build: Build) -> Check | None:
    if schema["additionalProperties"] is not False:
        return None
    known = set(schemas(schema, "properties"))
    patterns = [pattern(spelled) for spelled in schemas(schema, "patternProperties")]

    def check(value: Any, account: Account) -> str | None:
        if not isinstance(value, dict):
            return None
        account.pay(len(value))
        strange = [name for name in sorted(value) if name not in known]
        strange = [name for name in strange if not any(matches(name, account) for matches in patterns)]
        if not strange:
            return None
        return f"object instance has properties which are not allowed by the schema: {_json(strange)}"

    return check


def _additional_items(schema: Schema, build: Build) -> Check | None:
    items = schema.get("items")
    if schema["additionalItems"] is not False or not isinstance(items, list):
        return None
    most = len(items)

    def check(value: Any, account: Account) -> str | None:
        if not isinstance(value, list) or len(value) <= most:
            return None
        return f"array has too many elements (allowed: {most}, found: {len(value)})"

    return check


def _bounded(
    keyword: str, kind: type[Any], wrong: Callable[[int, int], bool], text: str
) -> Callable[[Schema, Build], Check]:
    """A number of elements, members or characters."""

    def make(schema: Schema, build: Build) -> Check:
        limit = _count(schema, keyword)

        def check(value: Any, account: Account) -> str | None:
            found = len(value) if isinstance(value, kind) else None
            return (
                text.format(value=value, found=found, limit=limit)
                if found is not None and wrong(found, limit)
                else None
            )

        return check

    return make


def _unique_items(schema: Schema, build: Build) -> Check | None:
    if schema["uniqueItems"] is not True:
        return None

    def check(value: Any, account: Account) -> str | None:
        if not isinstance(value, list):
            return None
        account.pay(_size(value))
        unique = len({canonical(item) for item in value}) == len(value)
        return None if unique else "array must not contain duplicate elements"

    return check


def _limit(schema: Schema, keyword: str) -> Any:
    if not _is_number(schema[keyword]):
        raise ModelError(f"Keyword {keyword} must be a number")
    return schema[keyword]


def _minimum(schema: Schema, build: Build) -> Check:
    limit, exclusive = _limit(schema, "minimum"), schema.get("exclusiveMinimum") is True

    def check(value: Any, account: Account) -> str | None:
        if not _is_number(value) or value > limit or (value == limit and not exclusive):
            return None
        if exclusive and value == limit:
            return f"numeric instance is not strictly greater than the required minimum {_json(limit)}"
        return f"numeric instance is lower than the required minimum (minimum: {_json(limit)}, found: {_json(value)})"

    return check


def _maximum(schema: Schema, build: Build) -> Check:
    limit, exclusive = _limit(schema, "maximum"), schema.get("exclusiveMaximum") is True

    def check(value: Any, account: Account) -> str | None:
        if not _is_number(value) or value < limit or (value == limit and not exclusive):
            return None
        if exclusive and value == limit:
            return f"numeric instance is not strictly lower than the required maximum {_json(limit)}"
        return f"numeric instance is greater than the required maximum (maximum: {_json(limit)}, found: {_json(value)})"

    return check


def _multiple_of(schema: Schema, build: Build) -> Check:
    divisor = _limit(schema, "multipleOf")
    if divisor <= 0:
        raise ModelError("Keyword multipleOf must be greater than 0")

    def check(value: Any, account: Account) -> str | None:
        if not _is_number(value) or _divides(divisor, value):
            return None
        return f"remainder of division is not zero ({_json(value)} / {_json(divisor)})"

    return check


def _divides(divisor: int | float, value: int | float) -> bool:
    if isinstance(divisor, int) and isinstance(value, int):
        return value % divisor == 0
    quotient = Decimal(repr(value)) / Decimal(repr(divisor))
    return quotient == quotient.to_integral_value()


def _pattern(schema: Schema, build: Build) -> Check:
    spelled = schema["pattern"]
    if not isinstance(spelled, str):
        raise ModelError("Keyword pattern must be a string")
    matches = pattern(spelled)

    def check(value: Any, account: Account) -> str | None:
        if not isinstance(value, str) or matches(value, account):
            return None
        return f'ECMA 262 regex "{spelled}" does not match input string "{value}"'

    return check


def _dependencies(schema: Schema, build: Build) -> Check:
    given = schemas(schema, "dependencies")
    names = {name: [needs] if isinstance(needs, str) else needs for name, needs in given.items()}
    nodes = {name: build(needs) for name, needs in names.items() if isinstance(needs, dict)}

    def check(value: Any, account: Account) -> str | None:
        if not isinstance(value, dict):
            return None
        for name in sorted(names):
            if name not in value:
                continue
            if name in nodes:
                found = nodes[name](value, account)
                if found:
                    return ", ".join(found)
                continue
            missing = [need for need in sorted(names[name]) if need not in value]
            if missing:
                return (
                    f'property "{name}" of object has missing property dependencies '
                    f"(schema requires {_json(sorted(names[name]))}; missing: {_json(missing)})"
                )
        return None

    return check


def _several(schema: Schema, keyword: str, build: Build) -> list[Callable[[Any, Account], list[str]]]:
    given = schema[keyword]
    if not isinstance(given, list) or not given:
        raise ModelError(f"Keyword {keyword} must be a non-empty array")
    return [build(part) for part in given]


def _of(keyword: str, enough: Callable[[int, int], bool], text: str) -> Callable[[Schema, Build], Check]:
    def make(schema: Schema, build: Build) -> Check:
        nodes = _several(schema, keyword, build)

        def check(value: Any, account: Account) -> str | None:
            account.pay(len(nodes))
            matched = sum(1 for node in nodes if not node(value, account))
            return None if enough(matched, len(nodes)) else text.format(matched=matched, total=len(nodes))

        return check

    return make


def _not(schema: Schema, build: Build) -> Check:
    node = build(schema["not"])
    return lambda value, account: None if node(value, account) else "instance matched a schema which it should not have"


def _format(schema: Schema, build: Build) -> Check | None:
    known = FORMATS.get(schema["format"]) if isinstance(schema["format"], str) else None
    if known is None:
        return None
    fits, text = known
    return lambda value, account: None if not isinstance(value, str) or fits(value) else f'string "{value}" {text}'


_SHORT = 'string "{value}" is too short (length: {found}, required minimum: {limit})'
_LONG = 'string "{value}" is too long (length: {found}, maximum allowed: {limit})'
_FEW_ITEMS = "array is too short: must have at least {limit} elements but instance has {found} elements"
_MANY_ITEMS = "array is too long: must have at most {limit} elements but instance has {found} elements"
_FEW = "object has too few properties (found {found} but schema requires at least {limit})"
_MANY = "object has too many properties (found {found} but schema requires at most {limit})"
_KEYWORDS: dict[str, Callable[[Schema, Build], Check | None]] = {
    "additionalItems": _additional_items,
    "additionalProperties": _additional_properties,
    "allOf": _of(
        "allOf",
        lambda matched, total: matched == total,
        "instance failed to match all required schemas (matched only {matched} out of {total})",
    ),
    "anyOf": _of(
        "anyOf",
        lambda matched, total: matched > 0,
        "instance failed to match at least one required schema among {total}",
    ),
    "dependencies": _dependencies,
    "enum": _enum,
    "format": _format,
    "maxItems": _bounded("maxItems", list, lambda size, limit: size > limit, _MANY_ITEMS),
    "maxLength": _bounded("maxLength", str, lambda size, limit: size > limit, _LONG),
    "maxProperties": _bounded("maxProperties", dict, lambda size, limit: size > limit, _MANY),
    "maximum": _maximum,
    "minItems": _bounded("minItems", list, lambda size, limit: size < limit, _FEW_ITEMS),
    "minLength": _bounded("minLength", str, lambda size, limit: size < limit, _SHORT),
    "minProperties": _bounded("minProperties", dict, lambda size, limit: size < limit, _FEW),
    "minimum": _minimum,
    "multipleOf": _multiple_of,
    "not": _not,
    "oneOf": _of(
        "oneOf",
        lambda matched, total: matched == 1,
        "instance failed to match exactly one schema (matched {matched} out of {total})",
    ),
    "pattern": _pattern,
    "required": _required,
    "type": _type,
    "uniqueItems": _unique_items,
}
