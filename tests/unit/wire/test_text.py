"""Scalars as text: numbers, booleans, blobs, times, query strings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samovar.core.errors import AwsError
from samovar.wire import text

# Sun, 12 Jan 2026 15:31:24 UTC
NOON = 1768231884.0


@pytest.mark.parametrize(
    "spelled",
    [
        "1768231884",
        "1768231884.0",
        "1.768231884e9",
        "2026-01-12T15:31:24Z",
        "2026-01-12T15:31:24.000Z",
        "2026-01-12T17:31:24+02:00",
        "2026-01-12T15:31:24",
        "Mon, 12 Jan 2026 15:31:24 GMT",
    ],
)
def test_a_time_is_read_in_any_spelling(spelled: str) -> None:
    assert text.read_timestamp(spelled) == NOON


def test_a_time_is_written_as_the_model_wants_it() -> None:
    assert text.write_timestamp(NOON, "iso8601") == "2026-01-12T15:31:24Z"
    assert text.write_timestamp(NOON + 0.125, "iso8601") == "2026-01-12T15:31:24.125Z"
    assert text.write_timestamp(NOON, "rfc822") == "Mon, 12 Jan 2026 15:31:24 GMT"
    assert text.write_timestamp(NOON, "unixTimestamp") == "1768231884"


@given(st.integers(-62135596800, 253402300799), st.integers(0, 999))
def test_an_iso_time_keeps_its_milliseconds(seconds: int, millis: int) -> None:
    moment = seconds + millis / 1000
    assert abs(text.read_timestamp(text.write_timestamp(moment, "iso8601")) - moment) < 0.0006


@given(st.text(max_size=20) | st.text("0123456789-:TZ+. JanMonGMT,eEIf", max_size=24))
def test_text_that_is_no_scalar_is_a_serialization_error_and_nothing_else(garbage: str) -> None:
    for kind in ("integer", "long", "float", "double", "boolean", "blob", "timestamp"):
        try:
            text.reader(kind)(garbage)
        except AwsError as error:
            assert error.code == "SerializationException"


@pytest.mark.parametrize(
    ("kind", "garbage"), [("integer", "1_0"), ("integer", "1.5"), ("float", "1_0"), ("boolean", "1")]
)
def test_pythons_own_spellings_are_refused(kind: str, garbage: str) -> None:
    with pytest.raises(AwsError, match="can not be converted"):
        text.reader(kind)(garbage)


def test_a_query_string_is_read_in_order_with_percent_and_plus_undone() -> None:
    assert text.pairs("a=1&b=x%20y+z&&a=2&flag&c=%26%3D") == [
        ("a", "1"),
        ("b", "x y z"),
        ("a", "2"),
        ("flag", ""),
        ("c", "&="),
    ]
