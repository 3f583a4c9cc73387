"""`core/schedule.py`: rate, cron and at, and when they are next due (facts/eventbridge.md §C, §F2)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samovar.core.schedule import At, Cron, Rate, ScheduleError, parse


def moment(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def runs(expression: str, after: str, count: int, zone: str = "UTC") -> list[str]:
    """The next times on the wall of the zone."""
    schedule, now, found = parse(expression, zone), moment(after, zone), []
    for _ in range(count):
        now = schedule.next_after(now, now)
        if now is None:
            break
        found.append(datetime.fromtimestamp(now, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M"))
    return found


# --- cron -----------------------------------------------------------------------------------------------------------

SATURDAY = "2026-11-21 23:30"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("0 10 * * ? *", ["2026-11-22 10:00", "2026-11-23 10:00"]),
        ("0 18 ? * MON-FRI *", ["2026-11-23 18:00", "2026-11-24 18:00"]),
        ("0 8 1 * ? *", ["2026-12-01 08:00", "2027-01-01 08:00"]),
        ("0/15 * * * ? *", ["2026-11-21 23:45", "2026-11-22 00:00"]),
        ("*/15 * * * ? *", ["2026-11-21 23:45", "2026-11-22 00:00"]),
        ("0/10 * ? * MON-FRI *", ["2026-11-23 00:00", "2026-11-23 00:10"]),
        ("0/5 8-17 ? * MON-FRI *", ["2026-11-23 08:00", "2026-11-23 08:05"]),
        ("5,35 14 * * ? *", ["2026-11-22 14:05", "2026-11-22 14:35", "2026-11-23 14:05"]),
        ("0 9 ? * 2#1 *", ["2026-12-07 09:00", "2027-01-04 09:00", "2027-02-01 09:00"]),
        ("0 2 ? * SAT#3 *", ["2026-12-19 02:00", "2027-01-16 02:00"]),
        ("15 10 ? * 6L *", ["2026-11-27 10:15", "2026-12-25 10:15", "2027-01-29 10:15"]),
        ("0 0 L * ? *", ["2026-11-30 00:00", "2026-12-31 00:00", "2027-01-31 00:00"]),
        ("0 12 15W * ? *", ["2026-12-15 12:00", "2027-01-15 12:00", "2027-02-15 12:00"]),
        ("0 0 31 * ? *", ["2026-12-31 00:00", "2027-01-31 00:00", "2027-03-31 00:00"]),
        ("0 0 29 2 ? *", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("0 0 1/10 * ? *", ["2026-12-01 00:00", "2026-12-11 00:00", "2026-12-21 00:00"]),
        ("0 6 ? * 1 *", ["2026-11-22 06:00", "2026-11-29 06:00"]),
        ("0 0 ? * L *", ["2026-11-28 00:00", "2026-12-05 00:00"]),
        ("0 0 LW * ? *", ["2026-11-30 00:00", "2026-12-31 00:00", "2027-01-29 00:00"]),
        ("0 0 1W * ? *", ["2026-12-01 00:00", "2027-01-01 00:00", "2027-02-01 00:00"]),
        ("0 0 31W * ? *", ["2026-12-31 00:00", "2027-01-29 00:00", "2027-03-31 00:00"]),
        ("0 0 1W 5,8 ? *", ["2027-05-03 00:00", "2027-08-02 00:00"]),
        ("0 0 ? 1-3/2 2,SUN 2030-2031/1", ["2030-01-06 00:00", "2030-01-07 00:00"]),
        ("0 20-2/3 22 11 ? *", ["2026-11-22 02:00", "2026-11-22 20:00", "2026-11-22 23:00"]),
        ("0 0 ? * fri-mon *", ["2026-11-22 00:00", "2026-11-23 00:00", "2026-11-27 00:00"]),
        ("0 0 1 dec ? *", ["2026-12-01 00:00", "2027-12-01 00:00"]),
        ("0 0 15,L * ? *", ["2026-11-30 00:00", "2026-12-15 00:00"]),
        ("0 0 * * ? 2027", ["2027-01-01 00:00", "2027-01-02 00:00"]),
        ("15 10 ? * 6L 2002-2005", []),
        ("0 0 31 2 ? *", []),
        ("0 0 31 2,4,6,9,11 ? *", []),
        ("0 0 ? * 2#5 2026", ["2026-11-30 00:00"]),
    ],
)
def test_a_cron_expression_has_the_next_times_that_awss_has(fields, expected):
    assert runs(f"cron({fields})", SATURDAY, len(expected) or 1) == expected


def test_a_time_is_later_than_now_and_not_now():
    assert runs("cron(30 23 * * ? *)", SATURDAY, 1) == ["2026-11-22 23:30"]
    schedule = parse("cron(30 23 * * ? *)")
    assert schedule.next_after(moment(SATURDAY) - 0.001) == moment(SATURDAY)


@pytest.mark.parametrize(
    "fields",
    [
        "0 18 ? * MON-FRI *",
        "15 10 ? * 6L 2002-2005",
        "* * ? * SAT#3 *",
        "0/5 5 ? JAN 1-5 2022",
        "0-15/1 8-8 ? * 2,3,4,5,6,7 *",
        "0-59/10 0-23/2 ? * * *",
        "0   10 *  * ? *",
        "0 0 1 1 ? 2199",
    ],
)
def test_what_aws_accepts(fields):
    assert isinstance(parse(f"cron({fields})"), Cron)


@pytest.mark.parametrize(
    "fields",
    [
        "",
        "INVALID",
        "0 dummy ? * MON-FRI *",
        "71 8 1 * ? *",
        "0 1 * * * *",
        "7 20 * * NOT *",
        "0 0 ? * ? *",
        "0 10 * * ?",
        "0 10 * * ? * *",
        "60 0 * * ? *",
        "0 24 * * ? *",
        "0 0 0 * ? *",
        "0 0 32 * ? *",
        "0 0 1 0 ? *",
        "0 0 1 13 ? *",
        "0 0 ? * 0 *",
        "0 0 ? * 8 *",
        "0 0 * * ? 1969",
        "0 0 * * ? 2200",
        "0 0 ? * 2#0 *",
        "0 0 ? * 2#6 *",
        "0 0 ? * #1 *",
        "0/0 * * * ? *",
        "*/ * * * ? *",
        "1- * * * ? *",
        "-1 * * * ? *",
        "1,,2 * * * ? *",
        ", * * * ? *",
        "0 0 W * ? *",
        "0 0 32W * ? *",
        "0 0 L-3 * ? *",
        "? * * * ? *",
        "0 0 ? * MON# *",
        "٣ 0 * * ? *",
        "0 0 1 JANUARY ? *",
    ],
)
def test_what_is_no_cron(fields):
    with pytest.raises(ScheduleError):
        parse(f"cron({fields})")


def test_the_clock_on_the_wall_of_the_zone_counts():
    assert runs("cron(0 9 * * ? *)", "2026-07-01 00:00", 1, "America/New_York") == ["2026-07-01 09:00"]
    assert parse("cron(0 9 * * ? *)", "America/New_York").next_after(moment("2026-07-01 12:00")) == moment(
        "2026-07-01 13:00"
    )
    assert parse("cron(0 9 * * ? *)", "Asia/Kathmandu").next_after(moment("2026-07-01 00:00")) == moment(
        "2026-07-01 03:15"
    )


def test_what_the_spring_leaves_out_does_not_happen():
    found = runs("cron(30 2 * * ? *)", "2026-03-28 12:00", 2, "Europe/Berlin")
    assert found == ["2026-03-30 02:30", "2026-03-31 02:30"]
    assert runs("cron(0 * 29 3 ? 2026)", "2026-03-29 00:30", 3, "Europe/Berlin") == [
        "2026-03-29 01:00",
        "2026-03-29 03:00",
        "2026-03-29 04:00",
    ]


def test_what_the_autumn_has_twice_happens_once():
    found = runs("cron(30 2 * * ? *)", "2026-10-24 12:00", 2, "Europe/Berlin")
    assert found == ["2026-10-25 02:30", "2026-10-26 02:30"]
    schedule = parse("cron(30 2 * * ? *)", "Europe/Berlin")
    first = schedule.next_after(moment("2026-10-24 12:00"))
    assert first == moment("2026-10-25 00:30")
    assert schedule.next_after(first) == moment("2026-10-26 01:30")
    inside = moment("2026-10-25 01:10")  # 02:10 for the second time
    assert schedule.next_after(inside) == moment("2026-10-26 01:30")


FIELDS = [
    st.sampled_from(["*", "0", "0/7", "5,50", "50-10", "*/20"]),
    st.sampled_from(["*", "2", "1-4", "22-3", "0/6"]),
    st.sampled_from(["*", "1", "31", "L", "LW", "15W", "1/9", "28-3"]),
    st.sampled_from(["*", "2", "3,10", "NOV-FEB"]),
    st.sampled_from(["*", "MON", "6L", "2#5", "SAT-MON", "L"]),
]


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(*FIELDS),
    st.booleans(),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    st.integers(int(moment("2026-01-01")), int(moment("2028-01-01"))),
)
def test_it_finds_what_looking_at_every_minute_finds(fields, by_weekday, zone, now):
    minutes, hours, days, months, weekdays = fields
    days, weekdays = ("?", weekdays) if by_weekday else (days, "?")
    schedule = parse(f"cron({minutes} {hours} {days} {months} {weekdays} *)", zone)
    found = schedule.next_after(now)
    where, seen = ZoneInfo(zone), None
    at = now - now % 60 + 60
    for _ in range(3 * 24 * 60):
        local = datetime.fromtimestamp(at, where)
        length = (datetime(local.year + local.month // 12, local.month % 12 + 1, 1) - timedelta(days=1)).day
        part = schedule.days or schedule.weekdays
        shown = local.minute in schedule.minutes and local.hour in schedule.hours and local.month in schedule.months
        if shown and not local.fold and part.has(local.date(), length):
            seen = at
            break
        at += 60
    if seen is not None:
        assert found == seen
    else:
        assert found is None or found >= at


# --- rate and at ----------------------------------------------------------------------------------------------------


def test_rate_counts_from_its_beginning():
    schedule = parse("rate(5 minutes)")
    assert schedule == Rate(300)
    assert schedule.next_after(now=1000.0, since=1000.0) == 1300.0
    assert schedule.next_after(now=1299.9, since=1000.0) == 1300.0
    assert schedule.next_after(now=1300.0, since=1000.0) == 1600.0
    assert schedule.next_after(now=500.0, since=1000.0) == 1300.0
    assert schedule.next_after(now=1000.0 + 300 * 1e6, since=1000.0) == 1300.0 + 300 * 1e6


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("rate(1 minute)", 60), ("rate(2 hours)", 7200), ("rate(1 day)", 86_400), ("rate(36500 days)", 36_500 * 86_400)],
)
def test_a_rate_is_so_many_seconds(text, seconds):
    assert parse(text) == Rate(seconds)


@pytest.mark.parametrize("text", ["rate(1 minutes)", "rate(5 minute)", "rate(1 hours)", "rate(2 day)"])
def test_one_and_many_differ_for_those_who_care(text):
    with pytest.raises(ScheduleError):
        parse(text)
    assert isinstance(parse(text, plural=False), Rate)


@pytest.mark.parametrize(
    "text",
    [
        "rate(10 seconds)",
        "rate(10 years)",
        "rate()",
        "rate(10)",
        "rate(0 minutes)",
        "rate(10 minutess)",
        "rate(foo minutes)",
        "rate(-10 minutes)",
        "rate(1.5 hours)",
        "rate( 10 minutes )",
        " rate(10 minutes)",
        "rate(10 minutes) ",
        "rate(10 minutes)\n",
        "RATE(10 minutes)",
        "rate(36501 days)",
        "rate(9999999999 days)",
        "at(2021-12-31T23:59:59Z)",
        "at(2021-12-31)",
        "at(2021-02-30T00:00:00)",
        "at(2021-12-31T24:00:00)",
        "at(0000-01-01T00:00:00)",
        "",
        "every day",
    ],
)
def test_what_is_no_schedule(text):
    with pytest.raises(ScheduleError):
        parse(text)


def test_at_happens_once_at_the_time_of_its_zone():
    schedule = parse("at(2026-11-24T10:00:00)", "Europe/Berlin")
    when = datetime(2026, 11, 24, 9, tzinfo=UTC).timestamp()
    assert schedule == At(when)
    assert schedule.next_after(when - 1) == when
    assert schedule.next_after(when) is None


@pytest.mark.parametrize("zone", ["Nope/Nowhere", "", "../../etc/passwd", "/etc/passwd", "Europe", "x\0", "a" * 300])
def test_a_time_zone_that_is_none(zone):
    with pytest.raises(ScheduleError, match="no such time zone"):
        parse("rate(5 minutes)", zone)
