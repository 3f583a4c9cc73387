"""Filter criteria of event source mappings: how many patterns, and that they are patterns. Pure.

Owns: the limit and the error. Refuses: what a pattern is (`core/pattern`) and matching (`delivery/mapping`).
Facts: lambda-events.md §5.
"""

from samovar.core import pattern
from samovar.core.context import Params
from samovar.services.lambda_.names import invalid

LIMIT = 5
"""Patterns of one mapping."""


def patterns(criteria: Params | None) -> list[str]:
    """The patterns of FilterCriteria; raises for one that isn't."""
    found = [each.get("Pattern", "") for each in (criteria or {}).get("Filters") or []]
    if len(found) > LIMIT:
        raise invalid(f"A FilterCriteria may have at most {LIMIT} filters.")
    try:
        for text in found:
            pattern.compile(text, pattern.FILTERS)
    except pattern.PatternError:
        raise invalid("Invalid filter pattern definition.") from None
    return found
