"""Java's values as templates see them: their text, their equality, their size.

Owns: which Python value stands for which of Java's, `text`, `json_text`, `equal`, `java_double`. Rules: what `$input`
reads from JSON is plain `dict` and `list`; a list made by the template is an `ArrayList`. The difference shows: a
JSON array prints as JSON, also within a map, an ArrayList as `[a, b]`, and every map as `{a=b}` (facts/apigateway.md
§5). A template can build values that contain themselves, or that are larger written out than any memory, so all that
walks through a value pays for its steps.
"""

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from samovar.web.template.errors import RenderError

Value = Any
"""str, bool, int, float, None, dict, list (JSON's), ArrayList, or an object with methods (methods.py)."""
Charge = Callable[[int], None]
"""Takes that many steps off what a rendering may do; raises when nothing is left."""

MAX_DEPTH = 100
MAX_TEXT = 10 * 1024 * 1024
"""API Gateway's payload limit: no string and no output grows beyond it."""
MAX_INT_BITS = 4096
CHARS_PER_STEP = 1024
"""Copying that much text costs about what one step of a template costs."""


class ArrayList(list[Any]):
    """A list that the template made, in literals and by methods."""


class JavaSet(ArrayList):
    """What `keySet()` and `entrySet()` give: a copy, not a view."""


class Printable:
    """Base of objects that templates see as something else than a value; the methods are in methods.py."""

    __slots__ = ()

    def java(self) -> str:
        return ""


class Entry(Printable):
    __slots__ = ("key", "owner")

    def __init__(self, owner: dict[Any, Any], key: Any) -> None:
        self.owner = owner
        self.key = key

    @property
    def value(self) -> Value:
        return self.owner.get(self.key)


def sized(value: str, charge: Charge) -> str:
    """A new string, paid for."""
    size = len(value)
    if size > MAX_TEXT:
        raise RenderError(f"A text of more than {MAX_TEXT} characters")
    if size > CHARS_PER_STEP:
        charge(size // CHARS_PER_STEP)
    return value


def number(value: int) -> int:
    """A new integer: Java's grow without end, ours up to a size that nobody reaches by counting."""
    if value.bit_length() > MAX_INT_BITS:
        raise RenderError("An integer of too many digits")
    return value


def text(value: Value, charge: Charge) -> str:
    """What is printed; None is empty: API Gateway prints nothing for a reference without a value."""
    kind = type(value)
    if kind is str:
        return str(value)
    if value is None:
        return ""
    if kind is int:
        return str(value)
    out: list[str] = []
    _write(value, out, charge, 0)
    return sized("".join(out), charge)


def java_double(value: float) -> str:
    """`Double.toString`: at least one digit after the point, and an exponent outside of 10^-3 to 10^7."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    exact = Decimal(repr(value)).normalize()
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        plain = f"{exact:f}"
        return plain if "." in plain else f"{plain}.0"
    _, digits, exponent = exact.as_tuple()
    first, rest = str(digits[0]), "".join(map(str, digits[1:]))
    return f"{'-' if value < 0 else ''}{first}.{rest or '0'}E{int(exponent) + len(rest)}"


def json_text(value: Value, charge: Charge) -> str:
    """Compact JSON."""
    out: list[str] = []
    _write_json(value, out, charge, 0)
    return sized("".join(out), charge)


def _write(value: Value, out: list[str], charge: Charge, depth: int) -> None:
    charge(1)
    if isinstance(value, str):
        sized(value, charge)  # pieces are joined once; many times the same large one is many times its size
        out.append(value)
    elif value is None:
        out.append("null")
    elif isinstance(value, bool):
        out.append("true" if value else "false")
    elif isinstance(value, float):
        out.append(java_double(value))
    elif isinstance(value, dict):
        _write_all(value.items(), "{}", out, charge, depth)
    elif isinstance(value, ArrayList):
        _write_all(value, "[]", out, charge, depth)
    elif isinstance(value, list):
        _write_json(value, out, charge, depth)
    elif isinstance(value, Entry):
        _write_pair(value.key, value.value, out, charge, depth + 1)
    elif isinstance(value, Printable):
        out.append(value.java())
    else:
        out.append(str(value))


def _write_all(items: Any, brackets: str, out: list[str], charge: Charge, depth: int) -> None:
    _deeper(depth)
    out.append(brackets[0])
    for index, item in enumerate(items):
        if index:
            out.append(", ")
        if brackets == "{}":
            _write_pair(item[0], item[1], out, charge, depth + 1)
        else:
            _write(item, out, charge, depth + 1)
    out.append(brackets[1])


def _write_pair(key: Value, value: Value, out: list[str], charge: Charge, depth: int) -> None:
    _deeper(depth)
    _write(key, out, charge, depth)
    out.append("=")
    _write(value, out, charge, depth)


def _write_json(value: Value, out: list[str], charge: Charge, depth: int) -> None:
    charge(1)
    if isinstance(value, dict):
        _deeper(depth)
        out.append("{")
        for index, (key, item) in enumerate(value.items()):
            out.append(("," if index else "") + _quoted(text(key, charge)) + ":")
            _write_json(item, out, charge, depth + 1)
        out.append("}")
    elif isinstance(value, list):
        _deeper(depth)
        out.append("[")
        for index, item in enumerate(value):
            if index:
                out.append(",")
            _write_json(item, out, charge, depth + 1)
        out.append("]")
    elif value is None:
        out.append("null")
    elif isinstance(value, bool | int | float):
        out.append(text(value, charge) if not isinstance(value, float) or math.isfinite(value) else "null")
    else:
        out.append(_quoted(sized(text(value, charge), charge)))


def _quoted(value: str) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # half of a surrogate pair, cut off by substring()
        return msgspec.json.encode(value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")).decode()


def _deeper(depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise RenderError("A value that contains itself, or is nested too deeply")


def equal(left: Value, right: Value, charge: Charge) -> bool:
    """Velocity's `==`: numbers by value, the same class by `equals`, else by their texts.

    A reference without a value equals "" as well (recorded).
    """
    if left is None or right is None:
        return (left is None or left == "") and (right is None or right == "")
    if is_number(left) and is_number(right):
        return bool(left == right)
    if type(left) is type(right) or (isinstance(left, list) and isinstance(right, list)):
        return same(left, right, charge)
    return text(left, charge) == text(right, charge)


def same(left: Value, right: Value, charge: Charge, depth: int = 0) -> bool:
    """`left.equals(right)`."""
    charge(1)
    if isinstance(left, dict) and isinstance(right, dict):
        _deeper(depth)
        return len(left) == len(right) and all(
            key in right and same(value, right[key], charge, depth + 1) for key, value in left.items()
        )
    if isinstance(left, list) and isinstance(right, list):
        _deeper(depth)
        return len(left) == len(right) and all(same(a, b, charge, depth + 1) for a, b in zip(left, right, strict=True))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict | list) or isinstance(right, dict | list):
        return False
    if isinstance(left, Entry) and isinstance(right, Entry):
        return same(left.key, right.key, charge, depth + 1) and same(left.value, right.value, charge, depth + 1)
    return bool(type(left) is type(right) and left == right)


def is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_key(value: Value) -> Any:
    """What may be a map's key here: the scalars. Java takes anything, but finds a key that was changed no more."""
    if value is None or isinstance(value, str | int | float):
        return value
    raise RenderError("The key of a map is a list or a map")
