"""The lineage in a trace header: how often each function has run in one chain of events (facts/lambda-events.md §6).

`Root=...;Lineage=a87bd80c:1|68fd508a:5`: hashes of functions and their counts. AWS's SDKs pass the header on from a
function to what it calls, and queues, topics and buckets to the functions that they set off. Pure.
Rule: the text comes from hostile code; whatever can't be read is no lineage, and no more than `_LONGEST` are kept.
"""

import zlib

from samovar.core import ids

LIMIT = 16
"""After so many runs of a function in one chain the next one doesn't happen."""
_PART = "Lineage="
_LONGEST = 32


def digest(function_arn: str) -> str:
    """How a function is called in a lineage; of its unqualified ARN."""
    return f"{zlib.crc32(function_arn.encode()):08x}"


def runs(trace: str, function_arn: str) -> int:
    """How often the function has run in the chain that led here."""
    return _counts(trace).get(digest(function_arn), 0) if _PART in trace else 0


def root(epoch_s: float) -> str:
    """A header for a chain of events that begins here."""
    return f"Root=1-{int(epoch_s):08x}-{ids.hex_id(24)};Sampled=0"


def counted(trace: str, mark: str) -> str:
    """The header with one more run of the function whose digest is `mark`."""
    if _PART not in trace:
        return f"{trace};{_PART}{mark}:1"
    counts = _counts(trace)
    count = counts.pop(mark, 0) + 1
    kept = [*counts.items()][-(_LONGEST - 1) :]
    others = [part for part in trace.split(";") if not part.strip().startswith(_PART)]
    lineage = "|".join(f"{other}:{runs}" for other, runs in [*kept, (mark, count)])
    return ";".join([*others, _PART + lineage])


def _counts(trace: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in trace.split(";"):
        name, _, value = part.strip().partition("=")
        if name != "Lineage":
            continue
        for entry in value.split("|")[-_LONGEST:]:
            mark, _, count = entry.rpartition(":")
            if mark and count.isascii() and count.isdigit() and len(count) <= 6:
                found[mark] = int(count)
    return found
