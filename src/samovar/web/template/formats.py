"""`String.format`, which templates reach through any string.

Owns: `format_text`. Rules: the conversions that make sense of what templates have: s S d x X o f e b c n %; widths
are bounded, and what doesn't fit its conversion is Java's exception.
"""

import re

from samovar.web.template.errors import RenderError
from samovar.web.template.members import Run, string
from samovar.web.template.values import Value, is_number, sized, text

_SPECIFIER = re.compile(r"%(?:(\d{1,3})\$)?([-#+ 0,(]*)(\d{1,4})?(?:\.(\d{1,4}))?([a-zA-Z%])")
_MAX_WIDTH = 1000


def format_text(run: Run, _: Value, pattern: Value, *given: Value) -> str:
    arguments = list(given)
    used = 0
    out: list[str] = []
    at = 0
    for found in _SPECIFIER.finditer(string(pattern)):
        out.append(_literal(pattern[at : found.start()]))
        at = found.end()
        run.charge(1)
        if found[5] in "n%":
            out.append("\n" if found[5] == "n" else "%")
            continue
        index = int(found[1]) - 1 if found[1] else used
        used += 0 if found[1] else 1
        if not 0 <= index < len(arguments):
            raise RenderError(f"Format specifier '{found[0]}'")
        out.append(_one(run, found, arguments[index]))
    return sized("".join([*out, _literal(pattern[at:])]), run.charge)


def _literal(piece: str) -> str:
    if "%" in piece:
        raise RenderError("UnknownFormatConversionException: Conversion = '%'")
    return piece


def _one(run: Run, found: re.Match[str], value: Value) -> str:
    _, flags, width, precision, kind = found.groups()
    size = int(width or 0)
    if size > _MAX_WIDTH or int(precision or 0) > _MAX_WIDTH:
        raise RenderError("A width of more than 1000")
    spelled = _convert(run, kind, flags, None if precision is None else int(precision), value)
    if "-" in flags:
        return spelled.ljust(size)
    return spelled.zfill(size) if "0" in flags and kind not in "sSbc" else spelled.rjust(size)


def _convert(run: Run, kind: str, flags: str, precision: int | None, value: Value) -> str:
    if kind in "sS":
        shown = "null" if value is None else text(value, run.charge)
        shown = shown if precision is None else shown[:precision]
        return shown.upper() if kind == "S" else shown
    if kind == "b":
        return "true" if value is True or (value is not None and value is not False) else "false"
    if value is None:
        return "null"
    if kind == "c" and (isinstance(value, int) or (isinstance(value, str) and len(value) == 1)):
        return value if isinstance(value, str) else chr(min(max(value, 0), 0xFFFF))
    sign = ("+" if "+" in flags else " " if " " in flags else "") + ("," if "," in flags else "")
    if kind in "dxXo" and isinstance(value, int) and is_number(value):
        return f"{value:{sign}d}" if kind == "d" else f"{value & 0xFFFFFFFF if value < 0 else value:{kind}}"
    if kind in "fe" and isinstance(value, float):
        return f"{value:{sign}.{6 if precision is None else precision}{kind}}"
    raise RenderError(f"IllegalFormatConversionException: {kind} != the argument's class")
