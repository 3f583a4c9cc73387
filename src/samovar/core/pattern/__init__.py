"""Event patterns: which events a rule, a filter or a subscription wants. Pure.

Owns: the syntax with AWS's words for what is wrong in it (`conditions.py`), and the matching (`matching.py`). One
language in three dialects: EventBridge rules, filter criteria of event source mappings, filter policies of SNS
(facts/eventbridge.md §B, lambda-events.md §5, sns.md §6).

    pattern = compile('{"source": ["a"], "detail": {"n": [{"numeric": [">", 0]}]}}')
    pattern.matches(event)      # an event as JSON decodes
"""

from samovar.core.pattern.conditions import EVENTS, FILTERS, POLICIES, Dialect
from samovar.core.pattern.matching import Pattern, compile
from samovar.core.pattern.reading import PatternError, exact

__all__ = ["EVENTS", "FILTERS", "POLICIES", "Dialect", "Pattern", "PatternError", "compile", "exact"]
