"""`core/bucket.py`: a token bucket."""

from hypothesis import given
from hypothesis import strategies as st

from samovar.core.bucket import Bucket


def take_all(bucket: Bucket, now: float) -> int:
    taken = 0
    while bucket.take(now):
        taken += 1
    return taken


def test_it_is_full_in_the_beginning_whenever_that_is():
    assert take_all(Bucket(5, 1.0), now=1e9) == 5


def test_it_gains_without_steps_and_never_more_than_it_holds():
    bucket = Bucket(1000, 100.0)
    assert take_all(bucket, 0.0) == 1000
    assert take_all(bucket, 0.01) == 1
    assert take_all(bucket, 1.01) == 100
    assert take_all(bucket, 500.0) == 1000


def test_a_clock_that_goes_back_gives_nothing_and_takes_nothing():
    bucket = Bucket(2, 1.0)
    assert bucket.take(10.0)
    assert bucket.take(5.0)
    assert not bucket.take(5.0)
    assert bucket.take(6.0)


def test_without_capacity_there_is_never_a_token():
    bucket = Bucket(0, 0.0)
    assert not bucket.take(0.0)
    assert not bucket.take(1e6)


def test_a_new_size_keeps_what_has_been_taken():
    bucket = Bucket(10, 10.0)
    assert take_all(bucket, 0.0) == 10
    bucket.resize(20, 20.0)
    assert take_all(bucket, 0.0) == 10
    bucket.resize(5, 5.0)
    assert take_all(bucket, 0.0) == 0
    assert take_all(bucket, 10.0) == 5


@given(st.lists(st.floats(0, 3), max_size=200), st.integers(1, 20), st.floats(0.1, 50))
def test_no_window_has_more_than_the_capacity_and_what_comes_in_it(gaps, capacity, per_s):
    bucket, now, taken = Bucket(capacity, per_s), 0.0, 0
    for gap in gaps:
        now += gap
        taken += bucket.take(now)
        assert taken <= capacity + now * per_s + 1e-6
