"""The events of archives, in bulk: kept with their time, read in its order by replays.

Owns: the table `archived_events`. SQL in the common subset of SQLite and PostgreSQL.
"""

import calendar
import time

from samovar.services.events.state import Archive
from samovar.store.sqlite import Statement, Store

_MIGRATIONS = [
    "CREATE TABLE archived_events (archive TEXT NOT NULL, at DOUBLE PRECISION NOT NULL, event_id TEXT NOT NULL, "
    "event TEXT NOT NULL, size BIGINT NOT NULL)",
    "CREATE INDEX archived_events_by_time ON archived_events (archive, at, event_id)",
]


async def open_archived(store: Store) -> None:
    await store.migrate("archived_events", _MIGRATIONS)


def archiving(archive: Archive, when: str, event_id: str, event: str) -> Statement:
    sql = "INSERT INTO archived_events (archive, at, event_id, event, size) VALUES (?, ?, ?, ?, ?)"
    return sql, (_name(archive), epoch(when), event_id, event, len(event.encode()))


def emptying(archive: Archive) -> Statement:
    return "DELETE FROM archived_events WHERE archive = ?", (_name(archive),)


def emptying_all() -> Statement:
    return "DELETE FROM archived_events", ()


def expiring(archive: Archive, before: float) -> Statement:
    return "DELETE FROM archived_events WHERE archive = ? AND at < ?", (_name(archive), before)


async def size(store: Store, archive: Archive) -> tuple[int, int]:
    """(events, bytes)"""
    sql = "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM archived_events WHERE archive = ?"
    [(count, total)] = await store.query(sql, (_name(archive),))
    return int(count), int(total)


async def page(
    store: Store, archive: tuple[str, str, str], begin: float, end: float, last: tuple[float, str], limit: int
) -> list[tuple[float, str, str]]:
    """(time, id, event) of the next events from `begin` to `end`, behind the one that `last` names."""
    rows = await store.query(
        "SELECT at, event_id, event FROM archived_events WHERE archive = ? AND at >= ? AND at <= ? "
        "AND (at > ? OR (at = ? AND event_id > ?)) ORDER BY at, event_id LIMIT ?",
        ("/".join(archive), begin, end, last[0], last[0], last[1], limit),
    )
    return [(at, event_id, event) for at, event_id, event in rows]


def epoch(when: str) -> float:
    """Of an event's time, which has whole seconds."""
    return float(calendar.timegm(time.strptime(when, "%Y-%m-%dT%H:%M:%SZ")))


def _name(archive: Archive) -> str:
    return "/".join(archive.key)
