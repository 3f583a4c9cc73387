"""Messages on disk: the SQL of sending, receiving, hiding, deleting and moving them.

Owns: the tables `sqs_*` and the procedures on them. Refuses: meaning of requests (`ops`), waiting (`state.py`).

1. A message stands in a box; a queue has one, and takes a new one when it is purged, so that emptying a million
   messages is one write. Its number (`seq`) grows with every send, is never used twice, and orders FIFO groups.
2. `due` is when it is visible. Every operation walks one index to its rows: O(log n).
3. A FIFO group is a lane. Its messages are delivered from the first on, as far as they are visible: a hidden one blocks
   those behind it. `sqs_lanes` has each lane's first message's due, so the lanes that can deliver are found at once.
4. A receive that finds a message received too often moves it to the dead-letter queue instead (facts/sqs.md §4).
"""

from collections.abc import Sequence

import msgspec

from samovar.services.sqs.messages import Envelope
from samovar.store.sqlite import Many, Row, Statement, Steps

MIGRATIONS = [
    "CREATE TABLE sqs_messages (box BIGINT NOT NULL, seq BIGINT NOT NULL, due BIGINT NOT NULL, leased INTEGER NOT NULL,"
    " receives INTEGER NOT NULL, lane TEXT NOT NULL, sent BIGINT NOT NULL, first_received BIGINT NOT NULL, "
    "received BIGINT NOT NULL, source TEXT NOT NULL, envelope TEXT NOT NULL, blob TEXT NOT NULL, body TEXT NOT NULL, "
    "PRIMARY KEY (box, seq))",
    "CREATE INDEX sqs_messages_by_due ON sqs_messages (box, due, leased)",
    "CREATE INDEX sqs_messages_by_lane ON sqs_messages (box, lane, seq) WHERE lane <> ''",
    "CREATE INDEX sqs_messages_with_blobs ON sqs_messages (blob) WHERE blob <> ''",
    "CREATE TABLE sqs_lanes (box BIGINT NOT NULL, lane TEXT NOT NULL, due BIGINT NOT NULL, PRIMARY KEY (box, lane))",
    "CREATE INDEX sqs_lanes_by_due ON sqs_lanes (box, due)",
    "CREATE TABLE sqs_dedup (queue BIGINT NOT NULL, scope TEXT NOT NULL, dedup TEXT NOT NULL, expires BIGINT NOT NULL, "
    "message TEXT NOT NULL, seq BIGINT NOT NULL, PRIMARY KEY (queue, scope, dedup))",
    "CREATE INDEX sqs_dedup_by_expiry ON sqs_dedup (expires)",
    "CREATE TABLE sqs_garbage (box BIGINT PRIMARY KEY)",
    "CREATE TABLE sqs_runs (one INTEGER PRIMARY KEY, run BIGINT NOT NULL)",
]
NEW_RUN = (
    "INSERT INTO sqs_runs (one, run) VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET run = sqs_runs.run + 1 RETURNING run"
)
DEDUP_MS = 300_000
"""The window of duplicates, from the first send on (facts/sqs.md §6)."""
MOST_MOVES = 1000
"""Messages that one receive moves or drops before it lets others have their turn."""

_INSERT = (
    "INSERT INTO sqs_messages (box, seq, due, leased, receives, lane, sent, first_received, received, source, "
    "envelope, blob, body) VALUES (?, ?, ?, 0, 0, ?, ?, 0, 0, '', ?, ?, ?)"
)
_MESSAGE = "seq, receives, sent, first_received, source, envelope, blob, body"
_TAKE = (
    "UPDATE sqs_messages SET due = ?, leased = 1, receives = receives + 1, received = ?, "
    "first_received = CASE WHEN first_received = 0 THEN ? ELSE first_received END "
    f"WHERE box = ? AND seq = ? RETURNING {_MESSAGE}"
)

_NO_LIMIT = 2**31 - 1

TAKEN, MOVED, DROPPED = "taken", "moved", "dropped"
"""What a receive did with a message; the first column of its rows."""


class Sending(msgspec.Struct, frozen=True):
    box: int
    seq: int
    due: int
    sent: int
    envelope: Envelope
    body: str
    blob: str
    lane: str = ""
    queue: int = 0
    """Of a FIFO queue, for its memory of duplicates."""
    scope: str = ""


class Receiving(msgspec.Struct, frozen=True):
    box: int
    now: int
    limit: int
    due: int
    """Until when what is received is hidden."""
    oldest: int
    """Sent before, a message has expired."""
    fifo: bool
    max_receives: int = 0
    """0: there is no dead-letter queue."""
    dead_box: int = 0
    source_arn: str = ""


def encode(envelope: Envelope) -> str:
    return msgspec.json.encode(envelope).decode()


def sending(messages: Sequence[Sending]) -> Statement | Many:
    """To a standard queue."""
    rows = [_row(each) for each in messages]
    return (_INSERT, rows[0]) if len(rows) == 1 else Many(_INSERT, rows)


def send_fifo(messages: list[Sending]) -> Steps:
    """To a FIFO queue, unless they were sent before. A row for each: (id, seq, whether it is new)."""
    rows: list[Row] = []
    for each in messages:
        key = (each.queue, each.scope, each.envelope.dedup)
        sql = "SELECT message, seq FROM sqs_dedup WHERE queue = ? AND scope = ? AND dedup = ? AND expires > ?"
        known = yield (sql, (*key, each.sent))
        if known:
            rows.append((*known[0], False))
            continue
        yield (
            "INSERT INTO sqs_dedup (queue, scope, dedup, expires, message, seq) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT "
            "(queue, scope, dedup) DO UPDATE SET expires = excluded.expires, message = excluded.message, "
            "seq = excluded.seq",
            (*key, each.sent + DEDUP_MS, each.envelope.id, each.seq),
        )
        yield from insert(each)
        rows.append((each.envelope.id, each.seq, True))
    return rows


def insert(message: Sending) -> Steps:
    yield (_INSERT, _row(message))
    if message.lane:
        yield _opening_lane(message.box, message.lane, message.due)
    return []


def receive(order: Receiving) -> Steps:
    """Rows: (TAKEN, the message), (MOVED, seq) and (DROPPED, seq, blob)."""
    rows: list[Row] = []
    if not order.fifo:
        rows = yield from _take_good(order)
        if rows and order.due <= order.now:
            return rows  # what was taken stays visible, and would be found again
    looked = 0
    while looked < MOST_MOVES and _taken(rows) < order.limit:
        found = yield (_first_lanes(order) if order.fifo else _first(order, order.limit - _taken(rows)))
        if not found:
            break
        before = len(rows)
        for first in found:
            if order.fifo:
                rows += yield from _receive_lane(order, first[0], order.limit - _taken(rows))
            else:
                rows += yield from _receive_one(order, *first)
            if _taken(rows) >= order.limit:
                break
        looked += len(rows) - before
        if order.due <= order.now or len(rows) == before:
            break  # what was taken stays visible, and would be found again
    return rows


def _take_good(order: Receiving) -> Steps:
    """The first messages that are neither expired nor received too often, in one statement: mostly that is all."""
    sql = (
        "UPDATE sqs_messages SET due = ?, leased = 1, receives = receives + 1, received = ?, first_received = "
        "CASE WHEN first_received = 0 THEN ? ELSE first_received END WHERE box = ? AND seq IN "
        "(SELECT seq FROM sqs_messages WHERE box = ? AND due <= ? AND sent >= ? AND receives < ? ORDER BY due LIMIT ?) "
        f"RETURNING {_MESSAGE}"
    )
    most = order.max_receives or _NO_LIMIT
    when = (order.due, order.now, order.now)
    found = yield (sql, (*when, order.box, order.box, order.now, order.oldest, most, order.limit))
    return [(TAKEN, *message) for message in sorted(found)]


def _first(order: Receiving, limit: int) -> Statement:
    sql = "SELECT seq, receives, sent FROM sqs_messages WHERE box = ? AND due <= ? ORDER BY due LIMIT ?"
    return (sql, (order.box, order.now, limit))


def _first_lanes(order: Receiving) -> Statement:
    return (
        "SELECT lane FROM sqs_lanes WHERE box = ? AND due <= ? ORDER BY due LIMIT ?",
        (order.box, order.now, order.limit),
    )


def _taken(rows: list[Row]) -> int:
    return sum(row[0] == TAKEN for row in rows)


def _receive_one(order: Receiving, seq: int, receives: int, sent: int, lane: str = "") -> Steps:
    if sent < order.oldest:
        gone = yield ("DELETE FROM sqs_messages WHERE box = ? AND seq = ? RETURNING blob", (order.box, seq))
        return [(DROPPED, seq, gone[0][0])]
    if order.max_receives and receives >= order.max_receives:
        yield from move(order.box, seq, order.dead_box, order.now, order.source_arn, order.now if lane else sent, lane)
        return [(MOVED, seq)]
    [message] = yield (_TAKE, (order.due, order.now, order.now, order.box, seq))
    return [(TAKEN, *message)]


def _receive_lane(order: Receiving, lane: str, limit: int) -> Steps:
    """As many of a group, in order, as are visible before the first hidden one."""
    rows: list[Row] = []
    sql = "SELECT seq, receives, sent, due FROM sqs_messages WHERE box = ? AND lane = ? ORDER BY seq LIMIT ?"
    for seq, receives, sent, due in (yield (sql, (order.box, lane, limit))):
        if due > order.now:
            break
        rows += yield from _receive_one(order, seq, receives, sent, lane)
    yield from settle_lane(order.box, lane)
    return rows


def move(box: int, seq: int, to: int, due: int, source_arn: str, sent: int, lane: str) -> Steps:
    """Of a lane, the caller settles the one that it leaves."""
    yield (
        "UPDATE sqs_messages SET box = ?, due = ?, leased = 0, source = ?, sent = ? WHERE box = ? AND seq = ?",
        (to, due, source_arn, sent, box, seq),
    )
    if lane:
        yield _opening_lane(to, lane, due)
        yield from settle_lane(to, lane)
    return []


def settle_lane(box: int, lane: str) -> Steps:
    """Make a lane's due that of its first message; without messages there is no lane. Row: (due,)."""
    first = yield ("SELECT due FROM sqs_messages WHERE box = ? AND lane = ? ORDER BY seq LIMIT 1", (box, lane))
    if first:
        yield ("UPDATE sqs_lanes SET due = ? WHERE box = ? AND lane = ?", (first[0][0], box, lane))
    else:
        yield ("DELETE FROM sqs_lanes WHERE box = ? AND lane = ?", (box, lane))
    return first


def _opening_lane(box: int, lane: str, due: int) -> Statement:
    sql = "INSERT INTO sqs_lanes (box, lane, due) VALUES (?, ?, ?) ON CONFLICT (box, lane) DO NOTHING"
    return (sql, (box, lane, due))


def deleting(box: int, seq: int) -> Statement:
    """From a standard queue; a row (blob,) when it was there."""
    return ("DELETE FROM sqs_messages WHERE box = ? AND seq = ? RETURNING blob", (box, seq))


def delete_fifo(box: int, seq: int, receives: int, now: int) -> Steps:
    """Row: (blob, lane's due or None); none when it was gone already; (None, None) when the handle has expired."""
    found = yield ("SELECT receives, due, lane FROM sqs_messages WHERE box = ? AND seq = ?", (box, seq))
    if not found:
        return []
    known, due, lane = found[0]
    if known != receives or due <= now:
        return [(None, None)]
    [(blob,)] = yield deleting(box, seq)
    first = yield from settle_lane(box, lane)
    return [(blob, first[0][0] if first else None)]


def hide(box: int, seq: int, receives: int, now: int, until: int) -> Steps:
    """Change until when a message in flight is hidden. Row: (when it was received, whether it was changed); none when
    it isn't there."""
    found = yield ("SELECT receives, due, received, lane FROM sqs_messages WHERE box = ? AND seq = ?", (box, seq))
    if not found:
        return []
    known, due, received, lane = found[0]
    if known != receives or due <= now or until > received + 43_200_000:
        return [(received, False)]
    leased = 1 if until > now else 0
    yield ("UPDATE sqs_messages SET due = ?, leased = ? WHERE box = ? AND seq = ?", (until, leased, box, seq))
    if lane:
        yield from settle_lane(box, lane)
    return [(received, True)]


def receive_again(box: int, receipts: list[tuple[int, int]], now: int, due: int) -> Steps:
    """The messages of an earlier receive, hidden anew; no rows when any of them was deleted or changed since."""
    rows: list[Row] = []
    for seq, receives in receipts:
        sql = "SELECT receives, due, lane FROM sqs_messages WHERE box = ? AND seq = ?"
        found = yield (sql, (box, seq))
        if not found or found[0][0] != receives or found[0][1] <= now:
            return []
    lanes = set()
    for seq, _ in receipts:
        sql = f"UPDATE sqs_messages SET due = ? WHERE box = ? AND seq = ? RETURNING {_MESSAGE}, lane"
        [(*message, lane)] = yield (sql, (due, box, seq))
        lanes.add(lane)
        rows.append((TAKEN, *message))
    for lane in lanes:
        yield from settle_lane(box, lane)
    return rows


def delay_lanes(box: int, delay_ms: int) -> Steps:
    """Let a new delay apply to what was never received: it does so in FIFO queues only (facts/sqs.md §4)."""
    yield ("UPDATE sqs_messages SET due = sent + ? WHERE box = ? AND receives = 0", (delay_ms, box))
    for (lane,) in (yield ("SELECT lane FROM sqs_lanes WHERE box = ?", (box,))):
        yield from settle_lane(box, lane)
    return []


def expire(box: int, oldest: int, limit: int) -> Steps:
    """Drop what was sent before `oldest` among the first messages: numbers grow with time. Rows: (blob,)."""
    sql = "SELECT seq, lane, sent FROM sqs_messages WHERE box = ? ORDER BY seq LIMIT ?"
    gone: list[Row] = []
    lanes = set()
    for seq, lane, sent in (yield (sql, (box, limit))):
        if sent < oldest:
            gone += yield deleting(box, seq)
            lanes.add(lane)
    for lane in lanes - {""}:
        yield from settle_lane(box, lane)
    return gone


def sweep(box: int, limit: int) -> Steps:
    """Remove some of a box that no queue has any more. Rows: (blob,)."""
    sql = (
        "DELETE FROM sqs_messages WHERE box = ? AND seq IN "
        "(SELECT seq FROM sqs_messages WHERE box = ? ORDER BY seq LIMIT ?) RETURNING blob"
    )
    gone = yield (sql, (box, box, limit))
    if not gone:
        yield ("DELETE FROM sqs_lanes WHERE box = ?", (box,))
        yield ("DELETE FROM sqs_garbage WHERE box = ?", (box,))
    return gone


def discarding(box: int) -> Statement:
    """Leave a box to the sweep."""
    return ("INSERT INTO sqs_garbage (box) VALUES (?)", (box,))


def _row(each: Sending) -> tuple[object, ...]:
    return (each.box, each.seq, each.due, each.lane, each.sent, encode(each.envelope), each.blob, each.body)
