"""Schedule expressions: `rate(5 minutes)`, `cron(0 10 ? * MON-FRI *)`, `at(2026-11-24T10:00:00)`. Pure.

Owns: their grammar and when they are next due (facts/eventbridge.md §C, §F2). Refuses: who is due, and catching up.

Rules:
- Moments are seconds since the epoch. Whole minutes for cron, whole seconds for at.
- cron has six fields; days of the week are 1 (Sunday) to 7; exactly one of the two day fields is `?`.
- cron and at mean the clock on the wall of their zone. What the spring leaves out doesn't happen; what the autumn has
  twice happens once, the first time. rate counts seconds, whatever the clocks do.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

_UNITS: Final = {"minute": 60, "hour": 3600, "day": 86_400}
_LONGEST_S: Final = 100 * 365 * 86_400
_RATE = re.compile(r"rate\(([1-9]\d{0,9}) +(minute|hour|day)(s?)\)")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_CRON = re.compile(r"cron\( *([^()]*?) *\)")
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIRST_YEAR, _LAST_YEAR = 1970, 2199


class ScheduleError(ValueError):
    """No schedule expression, or no time zone; the text says what is wrong."""


class Rate(msgspec.Struct, frozen=True):
    """Again and again, so many seconds apart."""

    period_s: int

    def next_after(self, now: float, since: float) -> float | None:
        """The first whole number of periods after `since` (at least one) that is later than `now`."""
        return since + max(1, (now - since) // self.period_s + 1) * self.period_s


class At(msgspec.Struct, frozen=True):
    """Once."""

    moment: float

    def next_after(self, now: float, since: float = 0.0) -> float | None:
        return self.moment if self.moment > now else None


class Cron(msgspec.Struct, frozen=True):
    """When the wall clock of a zone shows what six fields say."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: "MonthDays | None"
    """None where the days of the week decide."""
    months: frozenset[int]
    weekdays: "WeekDays | None"
    years: frozenset[int]
    zone: str

    def next_after(self, now: float, since: float = 0.0) -> float | None:
        """The next moment later than `now`; None when there is none any more."""
        zone = ZoneInfo(self.zone)
        here = datetime.fromtimestamp(now, zone)
        for day in self._days_from(here.date()):
            for hour in self.hours:
                if day == here.date() and hour < here.hour:
                    continue
                for minute in self.minutes:
                    moment = _moment(datetime.combine(day, time(hour, minute), zone))
                    if moment is not None and moment > now:
                        return moment
        return None

    def _days_from(self, first: date) -> Iterator[date]:
        for year in range(first.year, _LAST_YEAR + 1):
            if year not in self.years:
                continue
            for month in sorted(self.months):
                if (year, month) < (first.year, first.month):
                    continue
                length = monthrange(year, month)[1]
                for day in range(1, length + 1):
                    found = date(year, month, day)
                    if found >= first and (self.days or self.weekdays).has(found, length):  # type: ignore[union-attr]
                        yield found


class MonthDays(msgspec.Struct, frozen=True):
    """The third field of cron."""

    days: frozenset[int]
    nearest: frozenset[int]
    """`3W`: the weekday nearest to this day, inside the month."""
    last: bool
    last_weekday: bool

    def has(self, day: date, length: int) -> bool:
        if day.day in self.days or (self.last and day.day == length):
            return True
        if self.last_weekday and day.day == _nearest(day, length, length):
            return True
        return any(each <= length and day.day == _nearest(day, each, length) for each in self.nearest)


class WeekDays(msgspec.Struct, frozen=True):
    """The fifth field of cron."""

    days: frozenset[int]
    """1 is Sunday."""
    last: frozenset[int]
    """`6L`: the last one in the month."""
    numbered: frozenset[tuple[int, int]]
    """`2#1`: (day, which one in the month)."""

    def has(self, day: date, length: int) -> bool:
        weekday = day.isoweekday() % 7 + 1
        if weekday in self.days or (weekday in self.last and day.day > length - 7):
            return True
        return (weekday, (day.day - 1) // 7 + 1) in self.numbered


Schedule = Rate | At | Cron


def parse(text: str, zone: str = "UTC", *, plural: bool = True) -> Schedule:
    """The schedule that `text` says, in a time zone of the IANA database. Raises ScheduleError.

    `plural`: refuse `rate(1 minutes)` and `rate(5 minute)`.
    """
    where = _zone(zone)
    if found := _RATE.fullmatch(text):
        return _rate(text, int(found[1]), found[2], found[3], plural)
    if found := _AT.fullmatch(text):
        try:
            moment = datetime.fromisoformat(found[1]).replace(tzinfo=where)
            return At(moment.timestamp())
        except (ValueError, OverflowError):
            raise ScheduleError(f"{text}: no such moment") from None
    if found := _CRON.fullmatch(text):
        return _cron(text, found[1].split(), zone)
    raise ScheduleError(f"{text}: neither rate(), cron() nor at()")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ScheduleError(f"{name}: no such time zone") from None


def _rate(text: str, value: int, unit: str, s: str, plural: bool) -> Rate:
    if plural and bool(s) == (value == 1):
        raise ScheduleError(f"{text}: {value} takes {unit}{'' if value == 1 else 's'}")
    period_s = value * _UNITS[unit]
    if period_s > _LONGEST_S:
        raise ScheduleError(f"{text}: longer than a hundred years")
    return Rate(period_s)


def _moment(local: datetime) -> float | None:
    """None for a time that the clocks leave out there."""
    moment = local.timestamp()
    there = datetime.fromtimestamp(moment, local.tzinfo)
    return moment if (there.hour, there.minute) == (local.hour, local.minute) else None


def _nearest(day: date, wanted: int, length: int) -> int:
    """The weekday nearest to the day `wanted` of this month, without leaving the month."""
    weekday = day.replace(day=wanted).isoweekday()
    if weekday == 6:
        return wanted - 1 if wanted > 1 else wanted + 2
    if weekday == 7:
        return wanted + 1 if wanted < length else wanted - 2
    return wanted


# --- the fields of cron ---------------------------------------------------------------------------------------------


def _cron(text: str, fields: list[str], zone: str) -> Cron:
    try:
        minutes, hours, days, months, weekdays, years = fields
    except ValueError:
        raise ScheduleError(f"{text}: cron takes six fields") from None
    if (days == "?") == (weekdays == "?"):
        raise ScheduleError(f"{text}: exactly one of day-of-month and day-of-week is ?")
    try:
        return Cron(
            minutes=tuple(sorted(_numbers(minutes, 0, 59))),
            hours=tuple(sorted(_numbers(hours, 0, 23))),
            days=None if days == "?" else _month_days(days),
            months=_numbers(months, 1, 12, _MONTHS),
            weekdays=None if weekdays == "?" else _week_days(weekdays),
            years=_numbers(years, _FIRST_YEAR, _LAST_YEAR),
            zone=zone,
        )
    except _Bad as bad:
        raise ScheduleError(f"{text}: {bad}") from None


class _Bad(Exception):
    """A field that can't be read."""


def _numbers(field: str, low: int, high: int, names: tuple[str, ...] = ()) -> frozenset[int]:
    found: set[int] = set()
    for item in field.split(","):
        found |= _item(item, low, high, names)
    return frozenset(found)


def _item(item: str, low: int, high: int, names: tuple[str, ...]) -> set[int]:
    """`*`, `7`, `7-9`, each perhaps with `/2`. A range may go around the end."""
    span, slash, every = item.partition("/")
    step = _number(every, 1, high) if slash else 1
    if span == "*":
        return set(range(low, high + 1, step))
    first_text, dash, last_text = span.partition("-")
    first = _number(first_text, low, high, names)
    if not dash:
        return set(range(first, high + 1, step)) if slash else {first}
    last = _number(last_text, low, high, names)
    if first <= last:
        return set(range(first, last + 1, step))
    around = [*range(first, high + 1), *range(low, last + 1)]
    return set(around[::step])


def _number(text: str, low: int, high: int, names: tuple[str, ...] = ()) -> int:
    if text.upper() in names:
        return names.index(text.upper()) + low
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and low <= int(text) <= high):
        raise _Bad(f"{text!r} is none of {low} to {high}")
    return int(text)


def _month_days(field: str) -> MonthDays:
    days: set[int] = set()
    nearest: set[int] = set()
    last = last_weekday = False
    for item in field.split(","):
        if item == "L":
            last = True
        elif item == "LW":
            last_weekday = True
        elif item.endswith("W"):
            nearest.add(_number(item[:-1], 1, 31))
        else:
            days |= _item(item, 1, 31, ())
    return MonthDays(frozenset(days), frozenset(nearest), last, last_weekday)


def _week_days(field: str) -> WeekDays:
    days: set[int] = set()
    last: set[int] = set()
    numbered: set[tuple[int, int]] = set()
    for item in field.split(","):
        day, mark, which = item.partition("#")
        if mark:
            numbered.add((_number(day, 1, 7, _WEEKDAYS), _number(which, 1, 5)))
        elif item == "L":
            days.add(7)
        elif item.endswith("L"):
            last.add(_number(item[:-1], 1, 7, _WEEKDAYS))
        else:
            days |= _item(item, 1, 7, _WEEKDAYS)
    return WeekDays(frozenset(days), frozenset(last), frozenset(numbered))


