"""Methods of strings and numbers.

Owns: `TEXT` and `NUMBER`. Rules: Java counts UTF-16 units, so a character beyond the first plane is two; results that
may be long are paid for (`sized`). Patterns are Java's, with a bound (regex.py).
"""

from collections.abc import Callable

from samovar.web.regex import Found
from samovar.web.template.errors import RenderError
from samovar.web.template.formats import format_text
from samovar.web.template.members import NoMethod, Run, Table, integer, string
from samovar.web.template.values import ArrayList, Value, is_number, java_double, number, same, sized, text

_SPECIAL = frozenset("\\^$.|?*+()[]{}")


def _units(value: str) -> str:
    """UTF-16 units as characters, for positions; the same string in nearly every case."""
    if value.isascii() or max(value) < "\U00010000":
        return value
    raw = value.encode("utf-16-be", "surrogatepass")
    return "".join(chr(raw[at] << 8 | raw[at + 1]) for at in range(0, len(raw), 2))


def _joined(value: str) -> str:
    """Back from units; half a pair stays half a pair."""
    if any("\ud800" <= char <= "\udfff" for char in value):
        return value.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")
    return value


def _substring(run: Run, value: str, start: Value, end: Value = None) -> str:
    units = _units(value)
    first, last = integer(start), len(units) if end is None else integer(end)
    if not 0 <= first <= last <= len(units):
        raise RenderError(f"begin {first}, end {last}, length {len(units)}")
    return sized(_joined(units[first:last]) if units is not value else units[first:last], run.charge)


def _char_at(run: Run, value: str, index: Value) -> str:
    at = integer(index)
    if at < 0:
        raise RenderError(f"String index out of range: {at}")
    return _substring(run, value, at, at + 1)


def _find(run: Run, value: str, what: Value, start: Value = 0) -> int:
    run.charge(len(value) // 256)
    return _units(value).find(_units(string(what)), max(0, integer(start)))


def _find_last(run: Run, value: str, what: Value, start: Value = None) -> int:
    run.charge(len(value) // 256)
    wanted = _units(string(what))
    return _units(value).rfind(wanted, 0, len(value) * 2 if start is None else integer(start) + len(wanted))


def _literal(pattern: str) -> str | None:
    """What a pattern without operators stands for: most of those in templates."""
    out = []
    escaped = False
    for char in pattern:
        if escaped and char.isalnum():
            return None
        if not escaped and char in _SPECIAL:
            if char != "\\":
                return None
            escaped = True
            continue
        escaped = False
        out.append(char)
    return None if escaped or not out else "".join(out)


def _replacement(run: Run, pattern_text: str, by: str) -> Callable[[str, Found], str]:
    """Java's: `$1` and `${name}` are groups, a backslash takes the meaning from what follows."""
    pattern = run.pattern(pattern_text)
    pieces: list[str | int] = []
    at = 0
    while at < len(by):
        char = by[at]
        if char == "\\":
            if at + 1 == len(by):
                raise RenderError("character to be escaped is missing")
            pieces.append(by[at + 1])
            at += 2
        elif char == "$":
            group, at = _group(by, at + 1, pattern.count, pattern.names)
            pieces.append(group)
        else:
            pieces.append(char)
            at += 1

    def spell(source: str, found: Found) -> str:
        return "".join(piece if isinstance(piece, str) else _of_group(source, found, piece) for piece in pieces)

    return spell


def _of_group(source: str, found: Found, group: int) -> str:
    if not group:
        return source[found.start : found.end]
    start, end = found.groups[group - 1]
    return source[start:end] if start >= 0 else ""


def _group(by: str, at: int, count: int, names: dict[str, int]) -> tuple[int, int]:
    if by[at : at + 1] == "{":
        end = by.find("}", at)
        name = by[at + 1 : end] if end > 0 else ""
        if name not in names:
            raise RenderError(f"No group with name {{{name}}}")
        return names[name], end + 1
    if not by[at : at + 1].isdecimal():
        raise RenderError("Illegal group reference")
    group = int(by[at])
    if group > count:
        raise RenderError(f"No group {group}")
    at += 1
    while by[at : at + 1].isdecimal() and group * 10 + int(by[at]) <= count:
        group = group * 10 + int(by[at])
        at += 1
    return group, at


def _replace_all(run: Run, value: str, pattern: Value, by: Value, most: int = -1) -> str:
    pattern, by = string(pattern), string(by)
    literal = _literal(pattern)
    if literal is not None and "$" not in by and "\\" not in by:
        return _replace(run, value, literal, by, most)
    spell = _replacement(run, pattern, by)
    out: list[str] = []
    at = size = 0
    for found in run.pattern(pattern).find(value, run.charge):
        new = spell(value, found)
        size += len(new)
        sized(new, run.charge)
        out += (value[at : found.start], new)
        at = found.end
        if size > len(value) + 1_000_000:
            run.charge(size // 1024)
        most -= 1
        if not most:
            break
    return sized("".join([*out, value[at:]]), run.charge)


def _replace(run: Run, value: str, what: Value, by: Value, most: int = -1) -> str:
    old, new = string(what), string(by)
    run.charge(len(value) // 256)
    grows = len(new) > len(old)
    if grows:
        times = value.count(old) if old else len(value) + 1
        sized_length = len(value) + times * (len(new) - len(old))
        if sized_length > 10_485_760:
            raise RenderError("A text of more than 10485760 characters")
    return sized(value.replace(old, new, most), run.charge)


def _split(run: Run, value: str, pattern: Value, limit: Value = 0) -> ArrayList:
    """Trailing empty strings go, unless a limit says otherwise; a leading empty match makes none."""
    most = integer(limit)
    literal = _literal(string(pattern))
    if literal is not None:
        run.charge(value.count(literal) // 4 + len(value) // 256)
        pieces = value.split(literal, most - 1 if most > 0 else -1)
    else:
        pieces, at = [], 0
        for found in run.pattern(pattern).find(value, run.charge):
            if most > 0 and len(pieces) == most - 1:
                break
            if found.end == 0 or (found.start == found.end == len(value)):
                continue
            pieces.append(value[at : found.start])
            at = found.end
        pieces.append(value[at:])
    if most == 0 and len(pieces) > 1:
        while pieces and not pieces[-1]:
            pieces.pop()
    return ArrayList(pieces)


def _compare(run: Run, value: str, other: Value, fold: bool = False) -> int:
    a, b = _units(value), _units(string(other))
    if fold:
        a, b = a.upper().lower(), b.upper().lower()
    run.charge(min(len(a), len(b)) // 64)
    for left, right in zip(a, b, strict=False):
        if left != right:
            return ord(left) - ord(right)
    return len(a) - len(b)


def _hash_code(run: Run, value: str) -> int:
    units = _units(value)
    run.charge(len(units) // 4)
    total = 0
    for char in units:
        total = (31 * total + ord(char)) & 0xFFFFFFFF
    return total - 2**32 if total >= 2**31 else total


def _repeat(run: Run, value: str, times: Value) -> str:
    count = integer(times)
    if count < 0 or count * max(1, len(value)) > 10_485_760:
        raise RenderError(f"count is negative or too large: {count}")
    return sized(value * count, run.charge)


def _matches(run: Run, value: str, pattern: Value) -> bool:
    return run.pattern(string(pattern)).matches(value, run.charge)


def _trim(value: str) -> str:
    return value.strip("".join(map(chr, range(33))))


def _parse_int(run: Run, _: Value, spelled: Value, radix: Value = 10) -> int:
    try:
        if "_" in string(spelled) or len(spelled) > 100 or spelled != spelled.strip():
            raise ValueError
        return int(spelled, integer(radix))
    except ValueError:
        raise RenderError(f'For input string: "{spelled}"') from None


def _parse_double(run: Run, _: Value, spelled: Value) -> float:
    try:
        if "_" in string(spelled) or len(spelled) > 400:
            raise ValueError
        return float(spelled)
    except ValueError:
        raise RenderError(f'For input string: "{spelled}"') from None


def _value_of(run: Run, value: Value, of: Value) -> Value:
    """`valueOf` is static, and reached through any number: `#set($Integer = 0)$Integer.valueOf("5")`."""
    if not isinstance(of, str):
        return of
    return _parse_double(run, value, of) if isinstance(value, float) else _parse_int(run, value, of)


def _to_int(run: Run, value: Value) -> int:
    return int(max(-(2**63), min(2**63 - 1, value)) if value == value else 0)


def _compare_numbers(run: Run, value: Value, other: Value) -> int:
    if not is_number(other):
        raise NoMethod
    return int(value > other) - int(value < other)


def _starts(run: Run, value: str, what: Value, at: Value = 0) -> bool:
    return integer(at) >= 0 and _units(value).startswith(_units(string(what)), integer(at))


def _equal_but_for_case(run: Run, value: str, other: Value) -> bool:
    return isinstance(other, str) and not _compare(run, value, other, fold=True)


def _spelled(run: Run, value: Value, *of: Value) -> str:
    """`toString(n)` is static, too."""
    shown = of[0] if of else value
    return java_double(shown) if isinstance(shown, float) else text(shown, run.charge)


TEXT: Table = {
    "length": (0, 0, lambda run, value: len(_units(value))),
    "isEmpty": (0, 0, lambda run, value: not value),
    "isBlank": (0, 0, lambda run, value: not value.strip()),
    "charAt": (1, 1, _char_at),
    "substring": (1, 2, _substring),
    "subSequence": (2, 2, _substring),
    "indexOf": (1, 2, _find),
    "lastIndexOf": (1, 2, _find_last),
    "contains": (1, 1, lambda run, value, what: string(what) in value),
    "startsWith": (1, 2, _starts),
    "endsWith": (1, 1, lambda run, value, what: value.endswith(string(what))),
    "equals": (1, 1, lambda run, value, other: same(value, other, run.charge)),
    "equalsIgnoreCase": (1, 1, _equal_but_for_case),
    "contentEquals": (1, 1, lambda run, value, other: value == string(other)),
    "compareTo": (1, 1, _compare),
    "compareToIgnoreCase": (1, 1, lambda run, value, other: _compare(run, value, other, fold=True)),
    "concat": (1, 1, lambda run, value, other: sized(value + string(other), run.charge)),
    "replace": (2, 2, _replace),
    "replaceAll": (2, 2, _replace_all),
    "replaceFirst": (2, 2, lambda run, value, pattern, by: _replace_all(run, value, pattern, by, 1)),
    "matches": (1, 1, _matches),
    "split": (1, 2, _split),
    "toLowerCase": (0, 0, lambda run, value: sized(value.lower(), run.charge)),
    "toUpperCase": (0, 0, lambda run, value: sized(value.upper(), run.charge)),
    "trim": (0, 0, lambda run, value: sized(_trim(value), run.charge)),
    "strip": (0, 0, lambda run, value: sized(value.strip(), run.charge)),
    "stripLeading": (0, 0, lambda run, value: sized(value.lstrip(), run.charge)),
    "stripTrailing": (0, 0, lambda run, value: sized(value.rstrip(), run.charge)),
    "repeat": (1, 1, _repeat),
    "intern": (0, 0, lambda run, value: value),
    "toString": (0, 0, lambda run, value: value),
    "valueOf": (1, 1, lambda run, value, of: "null" if of is None else text(of, run.charge)),
    "format": (1, 20, format_text),
    "hashCode": (0, 0, _hash_code),
    "toCharArray": (0, 0, lambda run, value: (run.charge(len(value) // 4), ArrayList(_units(value)))[1]),
}

NUMBER: Table = {
    "intValue": (0, 0, _to_int),
    "longValue": (0, 0, _to_int),
    "shortValue": (0, 0, _to_int),
    "doubleValue": (0, 0, lambda run, value: float(value)),
    "floatValue": (0, 0, lambda run, value: float(value)),
    "parseInt": (1, 2, _parse_int),
    "parseLong": (1, 2, _parse_int),
    "parseDouble": (1, 1, _parse_double),
    "parseFloat": (1, 1, _parse_double),
    "valueOf": (1, 1, _value_of),
    "toString": (0, 1, _spelled),
    "compareTo": (1, 1, _compare_numbers),
    "equals": (1, 1, lambda run, value, other: type(value) is type(other) and value == other),
    "abs": (1, 1, lambda run, value, of: abs(of) if is_number(of) else None),
    "max": (2, 2, lambda run, value, a, b: max(a, b) if is_number(a) and is_number(b) else None),
    "min": (2, 2, lambda run, value, a, b: min(a, b) if is_number(a) and is_number(b) else None),
    "sum": (2, 2, lambda run, value, a, b: number(a + b) if is_number(a) and is_number(b) else None),
    "signum": (0, 1, lambda run, value, of=None: (value > 0) - (value < 0)),
}
