"""How tables of methods look.

Owns: `Member`, and the small checks of arguments. Rules: a function gets the run, the value and its arguments, and
raises `NoMethod` if Java would find no method for arguments of such types.
"""

from collections.abc import Callable

from samovar.web.template.errors import RenderError
from samovar.web.template.run import Run as Run
from samovar.web.template.values import Value, is_number

Function = Callable[..., Value]
Member = tuple[int, int, Function]
"""How many arguments it takes, at least and at most, and what it does."""
Table = dict[str, Member]


class NoMethod(Exception):
    """No overload fits."""


def string(value: Value) -> str:
    if not isinstance(value, str):
        raise NoMethod
    return value


def integer(value: Value) -> int:
    if not isinstance(value, int) or not is_number(value):
        raise NoMethod
    return value


def within(index: int, length: int) -> int:
    """An index that exists, or Java's exception."""
    if not 0 <= index < length:
        raise RenderError(f"Index {index} out of bounds for length {length}")
    return index
