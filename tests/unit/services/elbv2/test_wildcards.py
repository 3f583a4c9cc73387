"""Patterns with stars and question marks, against a reading of them that is plain and slow."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samovar.services.elbv2.wildcards import compiled


def meets(pattern: str, text: str) -> bool:
    """By trying all ways."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(meets(pattern[1:], text[at:]) for at in range(len(text) + 1))
    if not text or (pattern[0] != "?" and pattern[0] != text[0]):
        return False
    return meets(pattern[1:], text[1:])


patterns = st.lists(st.sampled_from(["", "a", "b", "?", "ab"]), min_size=1, max_size=6).map("*".join)


@settings(max_examples=1500)
@given(st.one_of(patterns, st.text("ab*?", max_size=8)), st.text("ab", max_size=5))
def test_a_pattern_means_what_it_says(pattern: str, text: str) -> None:
    assert compiled(pattern)(text) is meets(pattern, text)


@given(st.text("aAbB*?", max_size=8), st.text("aAbB", max_size=8))
def test_case_can_be_without_meaning(pattern: str, text: str) -> None:
    assert compiled(pattern, folds=True)(text) is meets(pattern.lower(), text.lower())


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [(r"\*", "*", True), (r"\*", "x", False), (r"a\?b", "a?b", True), (r"a\?b", "axb", False), (r"\\*", "\\x", True)],
)
def test_a_backslash_takes_the_meaning_away(pattern: str, text: str, expected: bool) -> None:
    assert compiled(pattern, escapes=True)(text) is expected


def test_no_text_makes_matching_slow() -> None:
    """With `.*` for each star this would take longer than the universe has been."""
    matches = compiled("*a?*a?*a?*a?*b")
    assert not matches("a" * 16_000)
