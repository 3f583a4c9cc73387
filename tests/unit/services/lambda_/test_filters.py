"""Which filter patterns are patterns (facts/lambda-events.md §5)."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samovar.core.errors import AwsError
from samovar.services.lambda_ import filters


@pytest.mark.parametrize(
    "pattern",
    [
        '{"a": ["x", 1, 1.5, true, null, ""]}',
        '{"body": {"a": {"b": ["x"]}}, "eventName": ["INSERT"]}',
        '{"a": [{"exists": true}, {"prefix": "p"}, {"suffix": "s"}, {"equals-ignore-case": "e"}]}',
        '{"a": [{"anything-but": ["x", "y"]}], "b": [{"anything-but": {"prefix": "p"}}]}',
        '{"a": [{"numeric": ["=", 1]}], "b": [{"numeric": [">", 1, "<=", 2.5]}]}',
        '{"$or": [{"a": ["x"]}, {"b": ["y"]}]}',
    ],
)
def test_what_is_a_pattern_is_kept_as_it_was_given(pattern: str) -> None:
    assert filters.patterns({"Filters": [{"Pattern": pattern}]}) == [pattern]


@pytest.mark.parametrize(
    "pattern",
    [
        *['"text"', "[]", "1", "", '{"a": "x"}', '{"a": 1}', '{"a": []}', '[{"eventName":["INSERT"=123}]'],
        *['{"a": [["x"]]}', '{"a": [{"exists": "yes"}]}', '{"a": [{"prefix": 1}]}', '{"a": [{"like": "x"}]}'],
        *['{"a": [{"numeric": ["=", "1"]}]}', '{"a": [{"numeric": [">", 1, 2]}]}', '{"a": [{"numeric": ["~", 1]}]}'],
        *['{"$or": []}', "{}", '{"a": [{"prefix": "a", "suffix": "b"}]}'],
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(AwsError, match=r"Invalid filter pattern definition\."):
        filters.patterns({"Filters": [{"Pattern": pattern}]})


@given(st.recursive(st.sampled_from('[]{}:,"a$or1'), lambda inner: st.tuples(inner, inner).map("".join)))
def test_any_text_is_judged(text: str) -> None:
    with contextlib.suppress(AwsError):
        assert filters.patterns({"Filters": [{"Pattern": text}]}) == [text]


def test_no_criteria_are_no_patterns_and_six_are_too_many() -> None:
    assert filters.patterns(None) == filters.patterns({}) == filters.patterns({"Filters": []}) == []
    with pytest.raises(AwsError, match="at most 5"):
        filters.patterns({"Filters": [{"Pattern": "{}"}] * 6})
