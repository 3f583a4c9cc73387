"""Log events on disk: writing them, and reading a page of them in time order.

Owns: the table `log_events` and the position of an event in it. Refuses: meaning (patterns, tokens' direction).

Order is (timestamp, seq): the time that the sender gave, then the order of arrival. A read walks one index from a
position on, and stops at a number of events or at a megabyte, whatever comes first; so it never costs more than its
answer. One stream is read by its own index, up to a hundred as a merge of theirs, a whole group by the group's.
"""

import itertools
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import NamedTuple

import msgspec

from samovar.services.logs.state import LogsState
from samovar.store.sqlite import Many, Statement

EVENT_OVERHEAD = 26  # bytes that AWS counts for each event (facts/cloudwatch.md §2)
PAGE_BYTES = 1_048_576


def _insert(rows: int) -> str:
    """The statement for so many events at once; their numbers follow on one that is given."""
    values = ", ".join([f"({row}, ?, ?, ?)" for row in range(rows)])
    return (
        "INSERT INTO log_events (stream_id, group_id, timestamp, seq, ingested, size, message) "
        "SELECT s.id, s.group_id, v.column2, ? + v.column1, ?, v.column3, v.column4 "
        f"FROM log_streams AS s, (VALUES {values}) AS v WHERE s.group_id = ? AND s.name = ?"
    )


_INSERTS = {rows: _insert(rows) for rows in (64, 8, 1)}
"""Each statement gives way to the event loop's thread and takes its turn again, so there are few."""
_TOUCH = (
    "UPDATE log_streams SET last_ingested = ?, "
    "first_event = CASE WHEN first_event = 0 OR first_event > ? THEN ? ELSE first_event END, "
    "last_event = CASE WHEN last_event < ? THEN ? ELSE last_event END "
    "WHERE group_id = ? AND name = ? RETURNING id"
)


class Position(NamedTuple):
    """Where an event stands. `Position(t, 0)` stands before all events of time t, for ids are positive."""

    timestamp: int
    seq: int


class Event(msgspec.Struct, frozen=True):
    timestamp: int
    seq: int
    stream_id: int
    stream: str
    ingested: int
    message: str

    @property
    def position(self) -> Position:
        return Position(self.timestamp, self.seq)

    @property
    def id(self) -> str:
        """56 digits that sort as events do."""
        return f"{digits(self.position)}{self.stream_id:020d}"


Sized = tuple[int, int, str]
"""An event as it is stored: its timestamp in ms, its bytes as AWS counts them, its message."""
_size: Callable[[Sized], int] = itemgetter(1)


def total(events: Sequence[Sized]) -> int:
    """Bytes of all of them."""
    return sum(map(_size, events))


def sized(events: Sequence[tuple[int, str]]) -> list[Sized]:
    """From (timestamp, message) of each; never none."""
    times, messages = zip(*events, strict=True)
    if not all(map(str.isascii, messages)):
        return [_encoded(timestamp, message) for timestamp, message in events]
    return list(zip(times, [len(message) + EVENT_OVERHEAD for message in messages], messages, strict=True))


def _encoded(timestamp: int, message: str) -> Sized:
    """Half a surrogate pair, which UTF-8 can't carry, must not stop everybody's logs."""
    encoded = message.encode(errors="replace")
    return timestamp, len(encoded) + EVENT_OVERHEAD, encoded.decode()


class Batch(msgspec.Struct, frozen=True):
    """Events for one stream, in order."""

    group_id: int
    stream: str
    events: Sequence[Sized]


def digits(position: Position) -> str:
    """36 digits, the first half of event ids and of tokens; AWS's begin with a 3 as well."""
    return f"3{position.timestamp:015d}{position.seq:020d}"


def writing(state: LogsState, batch: Batch) -> tuple[Many | Statement, ...]:
    """The statements that write a batch if its stream is there; the last one gives a row when it is."""
    now, group_id, stream = state.now_ms(), batch.group_id, batch.stream
    events, inserts, at = batch.events, [], 0
    first_id = state.new_ids(len(events))
    for count, statement in _INSERTS.items():
        several = []
        while at + count <= len(events):
            values = itertools.chain.from_iterable(events[at : at + count])
            several.append((first_id + at, now, *values, group_id, stream))
            at += count
        if several:
            inserts.append(Many(statement, several))
    first, last = min(events)[0], max(events)[0]
    return *inserts, (_TOUCH, (now, first, first, last, last, group_id, stream))


class Scope(msgspec.Struct, frozen=True):
    """Which events: of a whole group, of those of its streams with a prefix, or of some streams by id."""

    group_id: int
    stream_ids: Sequence[int] | None = None
    prefix: str = ""


async def read_page(
    state: LogsState, scope: Scope, after: Position, before: Position, limit: int, ascending: bool = True
) -> list[Event]:
    """At most `limit` events and a megabyte strictly between two positions, from `after` up or from `before` down."""
    if scope.stream_ids is not None and not scope.stream_ids:
        return []
    found, params = _found(scope, after, before)
    order = "timestamp, seq" if ascending else "timestamp DESC, seq DESC"
    sql = (
        f"WITH found AS ({found} ORDER BY {order} LIMIT ?), "
        f"sized AS (SELECT stream_id, timestamp, seq, size, SUM(size) OVER (ORDER BY {order}) AS total FROM found) "
        "SELECT e.timestamp, e.seq, e.stream_id, s.name, e.ingested, e.message FROM sized AS f "
        "JOIN log_events AS e ON e.stream_id = f.stream_id AND e.timestamp = f.timestamp AND e.seq = f.seq "
        "JOIN log_streams AS s ON s.id = f.stream_id WHERE f.total <= ? OR f.total = f.size"
    )
    rows = await state.store.query(sql, (*params, limit, PAGE_BYTES))
    return sorted((Event(*row) for row in rows), key=_by_position, reverse=not ascending)


def _by_position(event: Event) -> Position:
    return event.position


def _found(scope: Scope, after: Position, before: Position) -> tuple[str, list[object]]:
    columns = "SELECT stream_id, timestamp, seq, size FROM log_events"
    between = "(timestamp, seq) > (?, ?) AND (timestamp, seq) < (?, ?)"
    if scope.stream_ids is None:
        # Events of a deleted stream stay in the index until they are swept.
        alive = "EXISTS (SELECT 1 FROM log_streams WHERE id = stream_id AND substr(name, 1, ?) = ?)"
        params: list[object] = [scope.group_id, *after, *before, len(scope.prefix), scope.prefix]
        return f"{columns} WHERE group_id = ? AND {between} AND {alive}", params
    one = f"{columns} WHERE stream_id = ? AND {between}"
    several = " UNION ALL ".join([one] * len(scope.stream_ids))
    return several, [value for stream_id in scope.stream_ids for value in (stream_id, *after, *before)]


async def delete_some(state: LogsState, where: str, params: Sequence[object], limit: int) -> int:
    """Delete up to `limit` of the events that `where` selects, so that no sweep holds the writer for long."""
    key = "stream_id, timestamp, seq"
    sql = (
        f"DELETE FROM log_events WHERE ({key}) IN (SELECT {key} FROM log_events WHERE {where} LIMIT ?) RETURNING 1"
    )
    [deleted] = await state.store.transact((sql, (*params, limit)))
    return len(deleted)
