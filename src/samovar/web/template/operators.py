"""The expressions of a template: what is spelled out, what is compared and calculated. As Velocity 1.7 has them.

Owns: which values are true, how operators treat what isn't a number. A template is put together once; rendering only
calls.
"""

import math
from collections.abc import Callable

from samovar.web.template.references import Block, Evaluate, Reference
from samovar.web.template.run import Run
from samovar.web.template.values import ArrayList, Value, as_key, equal, is_number, number, sized, text


def truth(value: Value) -> bool:
    """Only `false` and no value are false; an empty string, zero and an empty list are true."""
    return value is not None and value is not False


class Made:
    """A value that is spelled out: as a condition it is false, whatever it is (Velocity 1.7)."""

    __slots__ = ("_make",)

    def __init__(self, make: Evaluate) -> None:
        self._make = make

    def __call__(self, run: Run) -> Value:
        return self._make(run)


def condition(value: Evaluate) -> Evaluate:
    if isinstance(value, Made):
        return lambda run: False
    return lambda run: truth(value(run))


def constant(value: Value) -> Evaluate:
    return (lambda run: value) if isinstance(value, bool) else Made(lambda run: value)


def interpolate(template: Block) -> Evaluate:
    return Made(lambda run: sized(run.capture(template), run.charge))


def negate(value: Evaluate) -> Evaluate:
    holds = condition(value)
    return lambda run: not holds(run)


def make_list(items: list[Evaluate]) -> Evaluate:
    return Made(lambda run: ArrayList(item(run) for item in items))


def make_map(pairs: list[tuple[Evaluate, Evaluate]]) -> Evaluate:
    return Made(lambda run: {as_key(key(run)): value(run) for key, value in pairs})


def make_range(first: Evaluate, last: Evaluate) -> Evaluate:
    def value(run: Run) -> Value:
        a, b = first(run), last(run)
        if not (is_number(a) and is_number(b)):
            return None
        if not (math.isfinite(a) and math.isfinite(b)):
            return None
        a, b = int(a), int(b)
        run.charge(abs(b - a) // 4)
        return ArrayList(range(a, b + 1) if a <= b else range(a, b - 1, -1))

    return Made(value)


def binary(sign: str, left: Evaluate, right: Evaluate) -> Evaluate:
    if sign in ("&&", "||"):
        one, other = condition(left), condition(right)
        return (lambda run: one(run) and other(run)) if sign == "&&" else (lambda run: one(run) or other(run))
    if sign == "==":
        return lambda run: equal(left(run), right(run), run.charge)
    if sign == "!=":
        return lambda run: not equal(left(run), right(run), run.charge)
    if sign in _COMPARE:
        compare = _COMPARE[sign]
        return lambda run: compare(left(run), right(run))
    if sign == "+":
        return Made(lambda run: _add(run, left, right))
    return Made(lambda run: _arithmetic(sign, left(run), right(run)))


def _comparison(test: Callable[[float, float], bool]) -> Callable[[Value, Value], bool]:
    """Only numbers have an order; anything else is false."""
    return lambda left, right: is_number(left) and is_number(right) and test(left, right)


_COMPARE = {
    "<": _comparison(lambda a, b: a < b),
    "<=": _comparison(lambda a, b: a <= b),
    ">": _comparison(lambda a, b: a > b),
    ">=": _comparison(lambda a, b: a >= b),
}


def _add(run: Run, left: Evaluate, right: Evaluate) -> Value:
    """Numbers are added; a string makes the other side a string, a reference without a value as it is written."""
    a, b = left(run), right(run)
    if isinstance(a, str) or isinstance(b, str):
        a, b = _spelled(left) if a is None else a, _spelled(right) if b is None else b
        return sized(text(a, run.charge) + text(b, run.charge), run.charge)
    return _arithmetic("+", a, b)


def _spelled(value: Evaluate) -> str:
    owner = getattr(value, "__self__", None)
    return owner.spelled if isinstance(owner, Reference) else "null"


def _arithmetic(sign: str, left: Value, right: Value) -> Value:
    """Of numbers; anything else, and a division by zero, has no value."""
    if not (is_number(left) and is_number(right)):
        return None
    if sign in "/%" and right == 0:
        return None
    try:
        return _calculate(sign, left, right)
    except OverflowError:
        return None


def _calculate(sign: str, left: int | float, right: int | float) -> int | float:
    if sign == "+":
        value = left + right
    elif sign == "-":
        value = left - right
    elif sign == "*":
        value = left * right
    elif isinstance(left, int) and isinstance(right, int):
        quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)  # towards zero, as Java does
        value = quotient if sign == "/" else left - quotient * right
    else:
        value = left / right if sign == "/" else math.fmod(left, right)
    return number(value) if isinstance(value, int) else value
