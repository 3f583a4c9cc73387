"""CBOR as RFC 8949's own examples have it, and whatever else a stranger may send."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samovar.wire.cbor import CborError, Moment, decode, encode

# RFC 8949, appendix A.
EXAMPLES = [
    ("00", 0),
    ("1864", 100),
    ("1b000000e8d4a51000", 1_000_000_000_000),
    ("3903e7", -1000),
    ("3bffffffffffffffff", -18446744073709551616),
    ("c249010000000000000000", 18446744073709551616),
    ("f90001", 5.960464477539063e-8),
    ("fa47c35000", 100000.0),
    ("fb3ff199999999999a", 1.1),
    ("f97c00", math.inf),
    ("f4", False),
    ("f5", True),
    ("f6", None),
    ("f7", None),
    ("c11a514b67b0", 1363896240.0),
    ("c1fb41d452d9ec200000", 1363896240.5),
    ("d74401020304", b"\x01\x02\x03\x04"),
    ("6449455446", "IETF"),
    ("62c3bc", "\u00fc"),
    ("83010203", [1, 2, 3]),
    ("a26161016162820203", {"a": 1, "b": [2, 3]}),
    ("5f42010243030405ff", b"\x01\x02\x03\x04\x05"),
    ("7f657374726561646d696e67ff", "streaming"),
    ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]),
    ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
]
BROKEN = ["", "18", "ff", "81", "61ff", "1c", "fc", "a101", "a10102", "5f6161ff", "9f", "bf6161", "0000", "c16161"]

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(("written", "value"), EXAMPLES)
def test_the_examples_of_the_standard(written, value):
    found = decode(bytes.fromhex(written))
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("written", BROKEN)
def test_what_is_broken_is_refused(written):
    with pytest.raises(CborError):
        decode(bytes.fromhex(written))


BOMBS = [b"\x81" * 100_000 + b"\x00", b"\x9f" * 100_000, b"\x9b" + b"\xff" * 8, b"\xc1" * 200]


@pytest.mark.parametrize("written", BOMBS)
def test_a_bomb_doesnt_go_off(written):
    with pytest.raises(CborError):
        decode(written)


@given(values)
def test_what_is_written_is_read_back(value):
    assert decode(encode(value)) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_refused(data):
    try:
        decode(data)
    except CborError:
        pass


def test_a_time_is_a_tagged_number():
    assert encode(Moment(1363896240)).hex() == "c11a514b67b0"
    assert decode(encode(Moment(1363896240.5))) == 1363896240.5
