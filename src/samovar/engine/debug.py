"""Which functions are debugged: the variable SAMOVAR_DEBUG of a function, `5678` or `5678,wait`.

Owns: what the variable may say. The number is a port: the debugger listens there inside the environment, and `debugger`
makes that reachable at the same port of the machine's own loopback.
"""


import msgspec

from samovar.core.expressions import expression
from samovar.engine.model import Version

VARIABLE = "SAMOVAR_DEBUG"
MEMORY_MB = 256
"""What an environment gets beyond its MemorySize, for the debugger."""
_ASKED = expression(r"(\d{4,5})(,wait)?")
_TAKEN = (4566, 9001)
"""Ports inside an environment that are the platform's."""


class Debug(msgspec.Struct, frozen=True):
    port: int
    wait: bool
    """The function's code isn't loaded before somebody has attached."""


def asked(version: Version) -> Debug | None:
    """How the version is debugged; None for not at all, or when what is asked can't be understood."""
    match = _ASKED.fullmatch(version.variables.get(VARIABLE, "").replace(" ", ""))
    if match is None or not 1024 <= int(match[1]) <= 65535 or int(match[1]) in _TAKEN:
        return None
    return Debug(int(match[1]), match[2] is not None)


def refusal(version: Version) -> str:
    """What is wrong with what is asked; empty when nothing is."""
    if not version.variables.get(VARIABLE) or asked(version) is not None:
        return ""
    return f"{VARIABLE} should be a port from 1024 to 65535, or PORT,wait; it is {version.variables[VARIABLE]!r}"
