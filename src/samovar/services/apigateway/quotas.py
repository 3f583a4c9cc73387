"""Quotas of usage plans: periods of days, weeks and months (UTC), and what is left of one. Pure."""

from datetime import date, timedelta

PERIODS = ("DAY", "WEEK", "MONTH")


def start(period: str, day: date) -> date:
    """The first day of the period that `day` is in; weeks begin on Sunday."""
    if period == "MONTH":
        return day.replace(day=1)
    return day - timedelta(days=(day.weekday() + 1) % 7) if period == "WEEK" else day
