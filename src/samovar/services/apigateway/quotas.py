"""Quotas of usage plans: periods of days, weeks and months (UTC), and what is left of one. Pure."""

from collections.abc import Iterable
from datetime import date, timedelta

from samovar.services.apigateway.state import Item, Shape
from samovar.store.table import Key

PERIODS = ("DAY", "WEEK", "MONTH")


def start(period: str, day: date) -> date:
    """The first day of the period that `day` is in; weeks begin on Sunday."""
    if period == "MONTH":
        return day.replace(day=1)
    return day - timedelta(days=(day.weekday() + 1) % 7) if period == "WEEK" else day


def remaining(used: Iterable[tuple[Key, Item]], quota: Shape, day: date) -> int:
    """What a key has left on `day`, of the days that it was used on (the last part of each key).

    The offset counts in the first period of all.
    """
    first, last = start(quota["period"], day).isoformat(), day.isoformat()
    days = [(key[-1], item.shape) for key, item in used if key[-1] <= last]
    running = [shape for each, shape in days if each >= first]
    offset = quota.get("offset") or 0 if len(running) == len(days) else 0
    return int(quota["limit"] - offset + sum(shape["extra"] - shape["used"] for shape in running))
