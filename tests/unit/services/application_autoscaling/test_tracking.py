"""`tracking.py`: alarms, and how far to scale."""

import pytest

from samovar.services.application_autoscaling.tracking import alarm_high, alarm_low, last, scaled_in, scaled_out


@pytest.mark.parametrize(
    ("values", "raised"),
    [
        ([0.8, 0.9, 0.71], True),
        ([0.1, 0.8, 0.9, 0.71], True),
        ([0.8, 0.9], False),
        ([0.8, 0.7, 0.9], False),
        ([0.9, 0.1, 0.8], False),
        ([0.8, None, 0.9, None, 0.8], True),
        ([0.8, 0.9, 0.9, None, None, None], False),
        ([], False),
    ],
)
def test_the_high_alarm_needs_three_minutes_above_the_target(values, raised):
    assert alarm_high(values, 0.7) is raised


@pytest.mark.parametrize(
    ("values", "raised"),
    [
        ([0.62] * 15, True),
        ([0.62] * 14, False),
        ([0.63] * 15, False),
        ([0.1] * 7 + [0.65] + [0.1] * 7, False),
        ([0.1] * 7 + [None, None] + [0.1] * 8, True),
        ([0.1] * 15 + [None] * 3, False),
        ([None] * 17, False),
    ],
)
def test_the_low_alarm_needs_fifteen_minutes_below_nine_tenths_of_it(values, raised):
    assert alarm_low(values, 0.7) is raised


def test_out_brings_the_use_back_to_the_target_and_grows_by_one_at_least():
    assert scaled_out(10, 1.0, 0.7) == 15
    assert scaled_out(7, 0.8, 0.7) == 8
    assert scaled_out(1, 0.71, 0.7) == 2


def test_in_stays_below_the_target_and_never_grows():
    assert scaled_in(10, 0.35, 0.7) == 5
    assert scaled_in(10, 0.0, 0.7) == 0
    assert scaled_in(3, 0.62, 0.7) == 3
    assert scaled_in(3, 5.0, 0.7) == 3


def test_the_last_value_is_the_newest_there_is():
    assert last([0.1, 0.5, None]) == 0.5
    assert last([]) == 0.0
