"""Expressions that are compiled late are what early ones are."""

import re

from samovar.core.expressions import expression


def test_it_finds_what_a_compiled_one_finds():
    late, early = expression(r"(?P<word>a+)-(\d)", re.IGNORECASE), re.compile(r"(?P<word>a+)-(\d)", re.IGNORECASE)
    for text in ("AA-1", "b", "aaa-22"):
        assert (late.fullmatch(text) is None) == (early.fullmatch(text) is None)
        assert (late.search(text) is None) == (early.search(text) is None)
    found = late.fullmatch("aA-3")
    assert found and found["word"] == "aA" and found[2] == "3"
    assert (late.pattern, late.groups, late.flags) == (early.pattern, early.groups, early.flags)
    assert expression(rb"[0-9]+").sub(b"#", b"a12b3") == b"a#b#"


def test_a_pattern_that_is_wrong_says_so_when_it_is_used():
    wrong = expression("(")
    for _ in range(2):
        try:
            wrong.match("")
        except re.error:
            continue
        raise AssertionError
