"""The trace that a request is part of (`X-Amzn-Trace-Id`): its own, or a new one."""

from samovar.core import ids
from samovar.core.expressions import expression

_TRACE = expression(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}(?:;(?:Parent=[0-9a-f]{16}|Sampled=[01?]))*")


def trace_of(given: str, now: float) -> str:
    """`given`: the header as it came, or nothing."""
    return given if given and _TRACE.fullmatch(given) else f"Root=1-{int(now):08x}-{ids.hex_id(24)}"
