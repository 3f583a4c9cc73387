"""What may stand at the end of a pattern: literals and operators, each a test of one value.

Owns: the syntax of `["a", 300, {"prefix": "b"}]`, AWS's words for what is wrong in it (facts/eventbridge.md §B2, §B3,
sns.md §6), and the tests. Refuses: names of fields, `$or`, events (`matching.py`).
"""

import ipaddress
import re
from collections.abc import Callable
from typing import Any

import msgspec

from samovar.core.pattern.reading import Node, Number, PatternError

Test = Callable[[Any], bool]
"""Whether a value that an event has (a scalar as JSON decodes) is wanted."""

_VALUES = "Match value must be String, number, true, false, or null"
_TOO_COMPLEX = (
    "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a "
    "wildcard character"
)
_REPETITIONS = 5
"""After how many wildcards the same character may not come again; `*:*:*:*:*:event-bus/*` is recorded as refused."""


class Dialect(msgspec.Struct, frozen=True):
    """Who reads a pattern."""

    operators: frozenset[str]
    inside_anything_but: frozenset[str]
    numbers_by_text: bool = False
    """A literal number is what is written: 300 isn't 300.0."""


_COMMON = frozenset({"prefix", "suffix", "equals-ignore-case", "anything-but", "numeric", "exists"})
_STRINGS = frozenset({"prefix", "suffix", "equals-ignore-case", "wildcard"})

EVENTS = Dialect(_COMMON | {"wildcard", "cidr"}, _STRINGS)
FILTERS = Dialect(_COMMON, _STRINGS - {"wildcard"}, numbers_by_text=True)
POLICIES = Dialect(_COMMON | {"cidr"}, frozenset({"prefix"}))


class Leaf:
    """The alternatives for one field."""

    __slots__ = ("_tests", "absent")

    def __init__(self, tests: list[Test], absent: bool) -> None:
        self._tests = tests
        self.absent = absent
        """Whether a missing field is wanted, too."""

    def wants(self, value: Any) -> bool:
        return any(test(value) for test in self._tests)


def leaf(alternatives: Node, dialect: Dialect) -> Leaf:
    if not alternatives.value:
        raise PatternError("Empty arrays are not allowed", alternatives.at)
    tests: list[Test] = []
    strings: set[str] = set()
    absent = False
    for node in alternatives.value:
        value = node.value
        if isinstance(value, list):
            raise PatternError(_VALUES, node.at)
        if isinstance(value, dict):
            operator, operand = _operator(node, dialect)
            if operator == "exists":
                wanted = _exists(operand)
                absent = absent or not wanted
                tests.append(_is_leaf if wanted else _never)
            else:
                tests.append(_OPERATORS[operator](operand, dialect))
        elif isinstance(value, str):
            strings.add(value)
        else:
            tests.append(_literal(value, dialect))
    if strings:
        tests.insert(0, _one_of(frozenset(strings)))
    return Leaf(tests, absent)


def _operator(node: Node, dialect: Dialect) -> tuple[str, Node]:
    if not node.value:
        raise PatternError("Match expression name not found", node.at)
    (name, operand), *more = node.value.items()
    if name not in dialect.operators:
        raise PatternError(f"Unrecognized match type {name}", operand.at)
    if more:
        raise PatternError("Only one key allowed in match expression", more[0][1].at)
    return name, operand


# --- literals


def _literal(value: Any, dialect: Dialect) -> Test:
    if isinstance(value, Number):
        if dialect.numbers_by_text:
            text = value.text
            return lambda found: isinstance(found, Number) and found.text == text
        return lambda found: _is_number(found) and found == value
    return lambda found: found is value  # true, false, null


def _one_of(strings: frozenset[str]) -> Test:
    return lambda found: isinstance(found, str) and found in strings


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_leaf(value: Any) -> bool:
    return True


def _never(value: Any) -> bool:
    return False


# --- operators


def _exists(operand: Node) -> bool:
    if not isinstance(operand.value, bool):
        raise PatternError("exists match pattern must be either true or false.", operand.at)
    return operand.value


def _prefix(operand: Node, dialect: Dialect) -> Test:
    return _at_an_end("prefix", operand, str.startswith)


def _suffix(operand: Node, dialect: Dialect) -> Test:
    return _at_an_end("suffix", operand, str.endswith)


def _at_an_end(name: str, operand: Node, compare: Callable[[str, str], bool]) -> Test:
    if isinstance(operand.value, dict):
        [(inner, text), *_] = operand.value.items() or [("", operand)]
        if inner != "equals-ignore-case":
            raise PatternError(f"Unsupported {name} pattern: {inner}", text.at)
        wanted = _text("equals-ignore-case", text).lower()
        return lambda found: isinstance(found, str) and compare(found.lower(), wanted)
    expected = _text(name, operand)
    return lambda found: isinstance(found, str) and compare(found, expected)


def _equals_ignore_case(operand: Node, dialect: Dialect) -> Test:
    wanted = _text("equals-ignore-case", operand).lower()
    return lambda found: isinstance(found, str) and found.lower() == wanted


def _wildcard(operand: Node, dialect: Dialect) -> Test:
    matches = _wildcard_regex(_text("wildcard", operand), operand.at).fullmatch
    return lambda found: isinstance(found, str) and matches(found) is not None


def _text(name: str, operand: Node) -> str:
    if not isinstance(operand.value, str):
        raise PatternError(f"{name} match pattern must be a string", operand.at)
    return operand.value


def _wildcard_regex(text: str, at: int) -> re.Pattern[str]:
    pieces = [""]
    after = [""]  # the first character after each star, for the repetitions that AWS refuses
    position = 0
    while position < len(text):
        character = text[position]
        if character == "*":
            if text[position + 1 : position + 2] == "*":
                raise PatternError(f"Consecutive wildcard characters at pos {position}", at)
            pieces.append("")
            after.append(text[position + 1 : position + 2])
        else:
            if character == "\\":
                position += 1
                character = text[position : position + 1]
                if character not in ("*", "\\"):
                    raise PatternError(f"Invalid escape character at pos {position - 1}", at)
            pieces[-1] += character
        position += 1
    if any(after.count(each) >= _REPETITIONS for each in set(after[1:]) - {""}):
        raise PatternError(_TOO_COMPLEX, at)
    # Possessive or atomic groups make each star take the first fit, which is enough: no backtracking, linear time.
    first, *others = (re.escape(piece) for piece in pieces)
    if not others:
        return re.compile(first)
    *middle, last = others
    return re.compile(first + "".join(f"(?>.*?{piece})" for piece in middle) + f".*{last}", re.DOTALL)


def _numeric(operand: Node, dialect: Dialect) -> Test:
    parts = operand.value
    if not isinstance(parts, list):
        raise PatternError("Value of numeric must be an array.", operand.at)
    if not parts or not isinstance(parts[0].value, str):
        shown = _shown(parts[0]) if parts else "]"
        raise PatternError(f"Invalid member in numeric match: {shown}", parts[0].at if parts else operand.at)
    sign = parts[0].value
    if sign not in ("=", "<", "<=", ">", ">="):
        raise PatternError(f"Unrecognized numeric range operator: {sign}", parts[0].at)
    bound = _bound(parts, 1, "equals" if sign == "=" else sign)
    if sign in ("=", "<", "<=") or len(parts) == 2:
        if len(parts) > 2:
            raise PatternError("Too many elements in numeric expression", parts[2].at)
        compare = _COMPARISONS[sign]
        return lambda found: _is_number(found) and compare(found, bound)
    return _range(parts, sign, bound)


def _range(parts: list[Node], sign: str, bottom: float) -> Test:
    second = parts[2]
    if not isinstance(second.value, str):
        raise PatternError(f"Bad value in numeric range: {_shown(second)}", second.at)
    if second.value not in ("<", "<="):
        raise PatternError(f"Bad numeric range operator: {second.value}", second.at)
    top = _bound(parts, 3, second.value)
    if len(parts) > 4:
        raise PatternError("Too many terms in numeric range expression", parts[4].at)
    if bottom >= top:
        raise PatternError("Bottom must be less than top", parts[3].at)
    above, below = _COMPARISONS[sign], _COMPARISONS[second.value]
    return lambda found: _is_number(found) and above(found, bottom) and below(found, top)


def _bound(parts: list[Node], at: int, sign: str) -> float:
    if len(parts) <= at or not isinstance(parts[at].value, Number):
        raise PatternError(f"Value of {sign} must be numeric", parts[min(at, len(parts) - 1)].at)
    return float(parts[at].value)


def _shown(node: Node) -> str:
    value = node.value
    if isinstance(value, Number):
        return value.text
    return {True: "true", False: "false", None: "null"}.get(value, "[") if not isinstance(value, list | dict) else "["


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _cidr(operand: Node, dialect: Dialect) -> Test:
    if not isinstance(operand.value, str):
        raise PatternError("prefix match pattern must be a string", operand.at)  # sic, recorded
    address, slash, bits = operand.value.partition("/")
    if not slash or "/" in bits:
        raise PatternError("Malformed CIDR, one '/' required", operand.at)
    if not (bits.isascii() and bits.isdigit()):
        raise PatternError("Malformed CIDR, mask bits must be an integer", operand.at)
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        raise PatternError(f"Nonstandard IP address: {address}", operand.at) from None
    if int(bits) >= (32 if version == 4 else 128):
        raise PatternError(f"IPv{version} mask bits must be < {32 if version == 4 else 128}", operand.at)
    network = ipaddress.ip_network(operand.value, strict=False)

    def within(found: Any) -> bool:
        if not isinstance(found, str):
            return False
        try:
            return ipaddress.ip_address(found) in network
        except ValueError:
            return False

    return within


def _anything_but(operand: Node, dialect: Dialect) -> Test:
    value = operand.value
    if isinstance(value, dict):
        return _but_operator(operand, dialect)
    if isinstance(value, list):
        _check_list(operand)
        excluded = [_literal(node.value, EVENTS) for node in value if not isinstance(node.value, str)]
        texts = frozenset(node.value for node in value if isinstance(node.value, str))
        return lambda found: not (_one_of(texts)(found) or any(test(found) for test in excluded))
    if isinstance(value, str):
        return lambda found: found != value
    if isinstance(value, Number):
        return lambda found: not (_is_number(found) and found == value)
    raise PatternError("Value of anything-but must be an array or single string/number value.", operand.at)


def _check_list(operand: Node) -> None:
    if not operand.value:
        raise PatternError("Empty arrays are not allowed", operand.at)
    for node in operand.value:
        if not isinstance(node.value, str | Number):
            raise PatternError("Inside anything but list, start|null|boolean is not supported.", node.at)
    if len({type(node.value) for node in operand.value}) > 1:
        reason = "Inside anything but list, either all values are number or string, mixed type is not supported"
        raise PatternError(reason, operand.value[-1].at)


def _but_operator(operand: Node, dialect: Dialect) -> Test:
    if not operand.value:
        raise PatternError("Match expression name not found", operand.at)
    (name, inner), *more = operand.value.items()
    if name not in dialect.inside_anything_but:
        raise PatternError(f"Unsupported anything-but pattern: {name}", inner.at)
    if more:
        raise PatternError("Only one key allowed in match expression", more[0][1].at)
    nodes = inner.value if isinstance(inner.value, list) else [inner]
    if not nodes:
        raise PatternError("Empty arrays are not allowed", inner.at)
    for node in nodes:
        if not isinstance(node.value, str):
            raise PatternError(_not_text(name, inner), node.at)
        if not node.value and name in ("prefix", "suffix"):
            raise PatternError("Null prefix/suffix not allowed", node.at)
    excluded = [_OPERATORS[name](node, dialect) for node in nodes]
    return lambda found: not any(test(found) for test in excluded)


def _not_text(name: str, inner: Node) -> str:
    if name in ("prefix", "suffix"):
        if isinstance(inner.value, dict):
            return "Value of anything-but must be an array or single string/number value."
        return "prefix/suffix match pattern must be a string"
    if isinstance(inner.value, list):
        return f"Inside anything-but/{name} list, number|start|null|boolean is not supported."
    return f"{name} match pattern must be a string"


_OPERATORS: dict[str, Callable[[Node, Dialect], Test]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
    "numeric": _numeric,
    "cidr": _cidr,
    "anything-but": _anything_but,
}
