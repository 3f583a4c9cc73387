"""Java's patterns in Python: the places where the two languages differ."""

import pytest

from samovar.wire.javaregex import JavaRegex

REGEX = JavaRegex()


def matches(pattern: str, value: str) -> bool:
    compiled = REGEX.compile(pattern)
    assert compiled is not None
    return compiled.fullmatch(value) is not None


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "Grüße, 你好".replace(",", ""), "a,b"),
        (r"\p{L}+", "é", "1"),
        (r"\P{L}+", "1-", "é"),
        (r"[^\p{C}]*", "a b", "a\x07b"),
        (r"[\P{C}\s]+", "a\nb", "\x07"),
        (r"\p{Alnum}+", "a1", "é"),
        (r"\p{ASCII}{0,3}", "a~", "é"),
        (r"[\w- ]*", "a-b c", "a+b"),
        (r"[a-\d]*", "a-5", "b"),
        (r"[a-zA-Z0-9-_]+", "a-_9", "a.b"),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", "a\t😀", "\x07"),
        (r"(?<name>a)b", "ab", "a"),
        (r"(?<!x)ab", "ab", "xab"),
        (r"\Asnap-[0-9]{8}\z", "snap-12345678", "snap-12345678\n"),
        (r"[]a]+", "]a", "b"),
        (r"[^]]+", "a", "]"),
        (r"[a||b]+", "a|b", "c"),
        (r"\d{12}", "123456789012", "١٢٣٤٥٦٧٨٩٠١٢"),
        (r"^abc$", "abc", "abc\n"),
    ],
)
def test_a_pattern_matches_the_whole_string_as_in_java(pattern: str, good: str, bad: str) -> None:
    assert matches(pattern, good)
    assert not matches(pattern, bad)


@pytest.mark.parametrize(
    "pattern", [r"[\p{Print}&&[^|]]+", r"^(?i)(true|false)$", r"\p{NoSuch}", r"[\x{60}]", "[a", "a{2}{3}"]
)
def test_what_python_cannot_say_is_left_out(pattern: str) -> None:
    if REGEX.compile(pattern) is not None:
        pytest.fail(f"{pattern} was compiled")
    assert REGEX.matcher(pattern)("anything")


def test_a_matcher_answers_like_its_pattern() -> None:
    matches_digits = REGEX.matcher(r"\d+")
    assert [matches_digits(text) for text in ("12", "", "1a")] == [True, False, False]
