"""What is said of a payload that isn't JSON: facts/lambda-api.md §5, Invoke."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samovar.core import jackson

SOURCE = "\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: "
UNEXPECTED = "Unexpected character"
VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


@pytest.mark.parametrize(
    ("payload", "text", "place"),
    [
        # The first two are recorded.
        (b'"\x87"', "Invalid UTF-8 start byte 0x87", (1, 3)),
        (b" \x99", f"Unexpected character ((CTRL-CHAR, code 153)): expected a valid value {VALUES}", (1, 3)),
        (b"foo", f"Unrecognized token 'foo': was expecting {VALUES}", (1, 4)),
        (b"{a:1}", "Unexpected character ('a' (code 97)): was expecting double-quote to start field name", (1, 3)),
        (b'{"a"1}', f"{UNEXPECTED} ('1' (code 49)): was expecting a colon to separate field name and value", (1, 6)),
        (b'{"a":1 "b"}', f"{UNEXPECTED} ('\"' (code 34)): was expecting comma to separate Object entries", (1, 9)),
        (b"[1 2]", "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries", (1, 5)),
        (b"[1,]", f"Unexpected character (']' (code 93)): expected a valid value {VALUES}", (1, 5)),
        (b"[\n  'a']", f"Unexpected character (''' (code 39)): expected a valid value {VALUES}", (2, 4)),
        (b"01", "Invalid numeric value: Leading zeroes not allowed", (1, 2)),
        (b"1.x", "Unexpected character ('x' (code 120)): Decimal point not followed by a digit", (1, 4)),
        (b'"a\nb"', "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash "
         "to be included in string value", (2, 1)),
        (b'"\\x"', "Unrecognized character escape 'x' (code 120)", (1, 4)),
        (b'"abc', "Unexpected end-of-input in VALUE_STRING", (1, 5)),
        (b'{"abc', "Unexpected end-of-input in field name", (1, 6)),
        (b'{"a"', "Unexpected end-of-input within/between Object entries", (1, 5)),
        (b"  ", "No content to map due to end-of-input", (1, 3)),
    ],
)  # fmt: skip
def test_the_first_fault_is_named_as_jackson_names_it(payload, text, place):
    line, column = place
    assert jackson.fault(payload) == f"{text}{SOURCE}{line}, column: {column}]"


@pytest.mark.parametrize(
    ("payload", "kind"), [(b'{"a":', "Object"), (b"[1,", "Array"), (b"[1", "Array"), (b"{", "Object")]
)
def test_an_unclosed_container_is_named_with_its_start(payload, kind):
    fault = jackson.fault(payload)
    assert fault is not None
    assert fault.startswith(f"Unexpected end-of-input: expected close marker for {kind} (start marker at [Source: ")
    assert "line: 1, column: 1])\n at " in fault


@pytest.mark.parametrize("payload", [b"NaN", b"-", b"+1", b"1 2", b'{"a":1}}', b"]", b"tru", b"\xef\xbb\xbf{}", b'"\\'])
def test_what_is_not_json_is_never_passed(payload):
    assert jackson.fault(payload) is not None


@pytest.mark.parametrize(
    "payload", [b'"\\ud800"', b"1e999", b'{"a":1,"a":2}', b" [ ] ", b"-0.0E+1", b'"\xc3\xa9\xf0\x9f\x98\x80"']
)
def test_what_jackson_takes_is_taken(payload):
    assert jackson.fault(payload) is None


def test_nesting_ends_at_a_thousand_levels():
    assert jackson.fault(b"[" * 1000 + b"]" * 1000) is None
    fault = jackson.fault(b"[" * 100_000)
    assert fault is not None
    assert fault.startswith("Document nesting depth (1001) exceeds the maximum allowed (1000")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.booleans())
def test_every_json_text_passes(value, ascii_only):
    assert jackson.fault(json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "replace")) is None


@given(st.binary(max_size=40))
def test_it_judges_any_bytes_as_python_does(payload):
    def refuse(word: str) -> None:
        raise ValueError(word)

    try:
        json.loads(payload.decode(), parse_constant=refuse)
        valid = not payload.startswith(b"\xef\xbb\xbf")
    except ValueError:
        valid = False
    assert (jackson.fault(payload) is None) is valid
