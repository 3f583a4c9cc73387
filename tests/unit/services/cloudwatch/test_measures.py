"""Statistics of known distributions, and distributions that are too long to keep."""

import random

import msgspec
import pytest

from samovar.core.meter import Distribution
from samovar.services.cloudwatch.measures import parse


def distribution(*values: float) -> Distribution:
    made = Distribution(values={})
    for value in values:
        made.add(value)
    return made


HUNDRED = distribution(*(float(n) for n in range(1, 101)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("p0", 1.0), ("p1", 1.0), ("p50", 50.0), ("p99", 99.0), ("p99.9", 100.0), ("p100", 100.0),
        ("tm90", 45.5), ("TM(10%:90%)", 50.5), ("TM(10:20)", 15.5), ("TM(:20)", 10.5),
        ("IQM", 50.5), ("iqm", 50.5), ("tc90", 90.0), ("TC(10:20)", 10.0), ("ts90", 4095.0), ("TS(98:)", 199.0),
        ("wm98", 50.47), ("WM(:10)", 9.55), ("PR(:25)", 25.0), ("PR(10:20)", 10.0), ("PR(90:)", 10.0),
    ],
)  # fmt: skip
def test_statistics_of_the_numbers_from_one_to_a_hundred(name, value):
    assert parse(name)(HUNDRED) == pytest.approx(value)


@pytest.mark.parametrize(
    "name", ["", "p", "p101", "p-1", "q50", "TM()", "TM(:)", "TM(90%:10%)", "TM(1%:2)", "PR(1%:2%)", "Sums", "p1e1"]
)
def test_what_is_no_statistic(name):
    assert parse(name) is None


def test_sums_alone_have_no_percentiles_unless_all_values_are_equal():
    assert parse("p50")(Distribution(10.0, 20.0, 1.0, 3.0, None)) is None
    assert parse("p50")(Distribution(10.0, 20.0, 2.0, 2.0, None)) == 2.0
    merged = distribution(1.0)
    merged.merge(Distribution(10.0, 20.0, 1.0, 3.0, None))
    assert (merged.count, merged.total, merged.values) == (11.0, 21.0, None)


def test_a_long_distribution_stays_small_and_near_the_truth():
    dice = random.Random(1)
    values = [dice.lognormvariate(3, 1.5) for _ in range(20_000)]
    made = distribution(*values)
    values.sort()
    assert made.values is not None and len(made.values) <= 400
    assert made.total == pytest.approx(sum(values))
    assert (made.low, made.high, made.count) == (values[0], values[-1], 20_000.0)
    for share in (1, 50, 90, 99):
        assert parse(f"p{share}")(made) == pytest.approx(values[share * 200 - 1], rel=0.06)
    assert msgspec.json.decode(msgspec.json.encode(made), type=Distribution) == made
